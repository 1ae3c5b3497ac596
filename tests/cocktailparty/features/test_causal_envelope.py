import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.features import erb_frequencies, gammatone, speech_envelope
from cocktailparty.features.causal_envelope import CausalEnvelope


@pytest.fixture(scope="module")
def speech():
    rng = np.random.default_rng(0)
    slow = 1 + np.sin(2 * np.pi * 4 * np.arange(16000) / 8000)
    return slow * rng.normal(size=16000)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=12), st.booleans())
def test_pieces_of_any_size_give_the_same_bits(lengths, average):
    sounds = np.random.default_rng(3).normal(size=(4000, 2))
    sounds[1000:1800] = 0.0
    times = np.arange(4000) / 8000
    envelope = CausalEnvelope(8000, 64, 2, f_max=3000, average=average)
    found, start = [], 0
    for stop in [*np.cumsum(lengths), 4000]:
        if stop > start:
            found.append(envelope.push(sounds[start:stop], times[start:stop])[1])
            start = stop
    values = np.concatenate([*found, envelope.finish()[1]])
    for k in range(2):
        whole = speech_envelope(sounds[:, k], 8000, 64, f_max=3000, average=average, phase="causal")
        np.testing.assert_array_equal(values[:, k], whole)


def test_bands_are_those_of_the_gammatone_bank(speech):
    # At the rate of the audio nothing is resampled, so that the magnitudes themselves come out.
    envelope = CausalEnvelope(8000, 8000, 1, power=0.6, average=False, f_max=3000)
    times = np.arange(len(speech)) / 8000
    values = np.concatenate([envelope.push(speech[:, None], times)[1], envelope.finish()[1]])
    expected = np.abs(gammatone(speech, 8000, erb_frequencies(150, 3000))) ** 0.6
    np.testing.assert_allclose(values[:, 0], expected, rtol=0, atol=1e-9)


def test_it_is_the_usual_envelope_later_by_the_filter(speech):
    causal = speech_envelope(speech, 8000, 64, f_max=3000, phase="causal")[:, 0]
    usual = speech_envelope(speech, 8000, 64, f_max=3000)[:, 0]
    assert causal.shape == usual.shape
    fine = np.arange(16, 110, 0.01)
    late = [np.interp(fine, np.arange(128) + d, usual) for d in np.arange(0, 4, 0.05)]
    found = np.interp(fine, np.arange(128), causal)
    scores = [np.corrcoef(found, shifted)[0, 1] for shifted in late]
    assert np.arange(0, 4, 0.05)[np.argmax(scores)] == pytest.approx(1.63, abs=0.3)
    assert max(scores) > 0.98


def test_it_never_looks_ahead_and_keeps_float32(speech):
    changed = speech.copy()
    changed[8000:] = 0.01
    first, second = (
        speech_envelope(x.astype(np.float32), 8000, 64, f_max=3000, phase="causal")
        for x in (speech, changed)
    )
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first[:64], second[:64])
    assert not np.array_equal(first[66:], second[66:])


def test_digital_silence_gives_next_to_nothing(speech):
    silent = speech.copy()
    silent[4000:] = 0
    envelope = speech_envelope(silent, 8000, 64, f_max=3000, phase="causal")
    assert (envelope >= 0).all()
    assert envelope[100:].max() < 1e-6 * envelope.max()


@pytest.mark.parametrize("method", ["hilbert", "mel"])
def test_methods_that_look_ahead_are_refused(speech, method):
    with pytest.raises(ValueError, match=f"method='{method}' looks ahead"):
        speech_envelope(speech, 8000, 64, method, phase="causal")


def test_bands_past_half_the_rate_are_refused(speech):
    with pytest.raises(ValueError, match="f_max=4000 Hz is too high"):
        CausalEnvelope(4000, 64, 1)
