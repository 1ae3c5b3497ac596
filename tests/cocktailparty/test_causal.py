import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfilt

from cocktailparty import Trial
from cocktailparty.causal import CausalFilter, CausalSampler, bandpass_sos, memory, resampled
from cocktailparty.preprocessing import bandpass, filter_reach, preprocess
from cocktailparty.provenance import methods_text

LENGTHS = st.lists(st.integers(1, 120), min_size=1, max_size=8)


def in_pieces(push, x, times, lengths):
    """Values that pieces of these lengths give, the last of which takes what is left."""
    found, start = [], 0
    for stop in [*np.cumsum(lengths), len(x)]:
        if stop > start:
            found.append(push(x[start:stop], times[start:stop]))
            start = stop
    return found


@settings(deadline=None, max_examples=20)
@given(LENGTHS)
def test_a_filter_gives_the_same_bits_in_pieces_of_any_size(lengths):
    x = np.random.default_rng(0).normal(size=(300, 3))
    filters = CausalFilter(bandpass_sos(64, 1, 9))
    pieces = in_pieces(lambda rows, _: filters.push(rows), x, np.arange(300), lengths)
    np.testing.assert_array_equal(np.concatenate(pieces), bandpass(x, 64, 1, 9, "causal"))


@settings(deadline=None, max_examples=20)
@given(LENGTHS, st.sampled_from([64, 100.0, 512, 30.0]), st.floats(0, 3))
def test_a_sampler_gives_the_same_bits_in_pieces_of_any_size(lengths, rate, start):
    x = np.random.default_rng(1).normal(size=(300, 2))
    times = start + np.arange(300) / rate
    sampler = CausalSampler(rate, 64)
    found = [*in_pieces(sampler.push, x, times, lengths), sampler.finish()]
    first, whole = resampled(x, times, rate, 64)
    np.testing.assert_array_equal(np.concatenate([values for _, values in found]), whole)
    assert found[0][0] == first
    assert first / 64 >= start - 1e-7
    # One value for each moment that lies in the time of a sample.
    assert len(whole) == pytest.approx(300 * 64 / rate, abs=1)


def test_the_filter_never_looks_ahead_and_starts_without_a_step(rng):
    x = 100 + rng.normal(size=(400, 2))
    changed = x.copy()
    changed[250:] = 0
    np.testing.assert_array_equal(
        bandpass(x, 64, 1, 9, "causal")[:250], bandpass(changed, 64, 1, 9, "causal")[:250]
    )
    np.testing.assert_allclose(bandpass(0 * x + 100, 64, 1, 9, "causal"), 0, atol=1e-9)


def test_the_filter_keeps_4_hz_and_stops_what_is_outside():
    t = np.arange(0, 30, 1 / 64)
    for frequency, low, high in [(4, 0.9, 1.1), (0.1, 0, 0.02), (25, 0, 0.02)]:
        filtered = bandpass(np.sin(2 * np.pi * frequency * t), 64, 1, 9, "causal")[640:]
        assert low <= np.sqrt(2) * filtered.std() <= high


def test_resampling_keeps_slow_waves_late_by_the_filter_alone():
    rate, t = 512, np.arange(0, 8, 1 / 512)
    wave = np.sin(2 * np.pi * 3 * t)[:, None]
    _, values = resampled(wave, t, rate, 64)
    lags = np.arange(0, 0.06, 1e-4)
    moments = np.arange(len(values)) / 64
    errors = [np.abs(values[128:, 0] - np.sin(6 * np.pi * (moments[128:] - d))).max() for d in lags]
    assert lags[np.argmin(errors)] == pytest.approx(0.0256, abs=0.002)
    assert min(errors) < 0.01


def test_resampling_to_the_same_rate_is_exact(rng):
    x = rng.normal(size=(200, 2))
    np.testing.assert_array_equal(resampled(x, 3 + np.arange(200) / 64, 64, 64)[1], x)


def test_a_state_goes_on_bit_by_bit(rng):
    x, times = rng.normal(size=(500, 2)), np.arange(500) / 128
    sampler, other = CausalSampler(128, 64), CausalSampler(128, 64)
    sampler.push(x[:201], times[:201])
    other.restore(sampler.state())
    np.testing.assert_array_equal(
        other.push(x[201:], times[201:])[1], sampler.push(x[201:], times[201:])[1]
    )
    assert other.finish()[0] == sampler.finish()[0]


def test_memory_is_where_the_response_ends():
    impulse = np.zeros(2000)
    impulse[0] = 1
    response = np.abs(sosfilt(bandpass_sos(64, 1, 9), impulse))
    end = round(64 * memory(64, 1, 9))
    assert (response[end:] <= 1e-6 * response.max()).all()
    assert response[end - 1] > 1e-6 * response.max()
    assert filter_reach(64, 1, 9, "causal") == memory(64, 1, 9) / 2
    assert filter_reach(64, None, None, "causal") == 0


def test_causal_trials_pass_one_filter_and_say_so(rng):
    trial = Trial(rng.normal(size=(1280, 3)), rng.random((2, 1280)), sfreq=128)
    [causal] = preprocess([trial], 64, 1, 9, phase="causal")
    assert causal.n_times == 640
    columns = np.concatenate([trial.eeg, trial.stimuli[:, :, 0].T], axis=1)
    _, values = resampled(columns, np.arange(1280) / 128, 128, 64)
    expected = bandpass(values, 64, 1, 9, "causal")
    np.testing.assert_array_equal(causal.eeg, expected[:, :3])
    np.testing.assert_array_equal(causal.stimuli[:, :, 0].T, expected[:, 3:])
    assert any("1-9 Hz (causal Butterworth)" in line for line in methods_text([causal]))


def test_short_trials_need_no_reflection(rng):
    trial = Trial(rng.normal(size=(64, 2)), rng.random((2, 64)), sfreq=64)
    assert preprocess([trial], phase="causal")[0].n_times == 64
    with pytest.raises(ValueError, match="the filter needs more"):
        preprocess([trial])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: bandpass(x, 64, 1, 9, "linear"),
        lambda x: filter_reach(64, 1, 9, "minimum"),
        lambda x: preprocess([Trial(x, None, 64)], phase="none"),
    ],
)
def test_unknown_phases_are_refused(call, rng):
    with pytest.raises(ValueError, match="phase must be 'zero' or 'causal'"):
        call(rng.normal(size=(400, 2)))
