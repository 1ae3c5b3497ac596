import mne
import numpy as np
import pytest

from cocktailparty.causal import resampled
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass
from cocktailparty.recordings import trial_from_raw, trials_from_raw


@pytest.fixture
def raw(rng):
    info = mne.create_info(["Fz", "Cz", "Pz"], 256, "eeg")
    return mne.io.RawArray(1e-5 * rng.normal(size=(3, 40 * 256)), info, verbose="WARNING")


def test_eeg_is_filtered_from_what_came_before_and_nothing_later(raw, rng):
    envelopes = rng.random((2, 10 * 64))
    trial = trial_from_raw(raw, list(envelopes), 20.0, phase="causal", reference=None)
    data = raw.get_data().T
    first, values = resampled(data, np.arange(len(data)) / 256 - 20, 256, 64)
    expected = bandpass(values, 64, 1, 9, "causal")[-first:][:640]
    np.testing.assert_allclose(trial.eeg, expected, rtol=0, atol=1e-9 * expected.std())
    np.testing.assert_array_equal(
        trial.stimuli[0, :, 0], bandpass(envelopes[0], 64, 1, 9, "causal")
    )
    later = raw.copy()
    later._data[:, 25 * 256 + 2 :] *= -1
    changed = trial_from_raw(later, list(envelopes), 20.0, phase="causal", reference=None)
    np.testing.assert_array_equal(trial.eeg[: 5 * 64], changed.eeg[: 5 * 64])


def test_envelopes_take_the_phase_and_the_trial_says_so(raw, rng):
    sounds = [(rng.normal(size=4 * 8000), 8000) for _ in range(2)]
    trial = trial_from_raw(raw, sounds, 35.0, phase="causal")
    expected = bandpass(speech_envelope(*sounds[1], 64, phase="causal"), 64, 1, 9, "causal")
    np.testing.assert_array_equal(trial.stimuli[1], expected)
    assert trial.provenance["filters"][0]["phase"] == "causal"
    [same] = trials_from_raw(raw, [35.0], [sounds], phase="causal")
    np.testing.assert_array_equal(same.eeg, trial.eeg)
    np.testing.assert_array_equal(same.stimuli, trial.stimuli)
    assert same.provenance["features"] == "speech_envelope(phase='causal')"


def test_a_drifting_clock_is_followed(raw, rng):
    envelopes = rng.random((2, 10 * 64))
    t = raw.times
    raw._data[:] = 1e-5 * np.sin(2 * np.pi * 3 * t) + 3e-6 * rng.normal(size=(3, len(t)))
    slow = trial_from_raw(
        raw, list(envelopes), 20.0, phase="causal", reference=None, eeg_clock=1.01
    )
    spectrum = np.abs(np.fft.rfft(slow.eeg[:, 0] * np.hanning(640), 16 * 640))
    frequency = spectrum.argmax() * 64 / (16 * 640)
    assert frequency == pytest.approx(3.03, abs=0.01)


def test_an_unknown_phase_is_refused(raw, rng):
    with pytest.raises(ValueError, match="phase must be"):
        trial_from_raw(raw, list(rng.random((2, 640))), phase="linear")
