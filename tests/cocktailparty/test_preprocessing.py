import mne
import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.features import resample
from cocktailparty.preprocessing import bandpass, filter_reach, interpolate, preprocess

# --- bandpass -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sfreq", "l_freq", "h_freq"),
    [(64, 1, 9), (512, 1, 9), (256, 0.5, None), (128, None, 20), (100, 1, 49), (128, 15, 30)],
)
def test_bandpass_is_the_default_filter_of_mne_up_to_the_ends(rng, sfreq, l_freq, h_freq):
    x = rng.normal(size=(12 * sfreq, 3))
    expected = mne.filter.filter_data(x.T.copy(), sfreq, l_freq, h_freq, verbose="ERROR").T
    np.testing.assert_allclose(bandpass(x, sfreq, l_freq, h_freq), expected, rtol=0, atol=1e-12)


def test_bandpass_keeps_4_hz_and_stops_30_hz_and_drifts():
    t = np.arange(0, 20, 1 / 128)
    middle = slice(4 * 128, -4 * 128)
    for frequency, gain, atol in [(4, 1.0, 0.01), (30, 0.0, 0.01), (0.05, 0.0, 0.01)]:
        wave = np.sin(2 * np.pi * frequency * t)
        np.testing.assert_allclose(
            bandpass(wave, 128, 1, 9)[middle], gain * wave[middle], rtol=0, atol=atol
        )


def test_bandpass_without_edges_is_the_identity_and_never_writes_to_its_input(rng):
    x = rng.normal(size=(500, 2))
    before = x.copy()
    np.testing.assert_array_equal(bandpass(x, 64, None, None), x)
    bandpass(x, 64, 1, 9)
    np.testing.assert_array_equal(x, before)


def test_bandpass_keeps_float32_and_survives_a_huge_offset(rng):
    x = rng.normal(size=(1000, 2))
    y = bandpass((x + 1000).astype(np.float32), 64, 1, 9)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, bandpass(x, 64, 1, 9), atol=1e-3)


def test_filter_reach_is_where_the_impulse_response_ends():
    impulse = np.zeros((1001, 1))
    impulse[500] = 1
    response = np.flatnonzero(np.abs(bandpass(impulse, 64, 1, 9)[:, 0]) > 1e-12)
    reach = filter_reach(64, 1, 9)
    assert response[-1] - 500 == 500 - response[0] == reach * 64
    assert filter_reach(64, None, None) == 0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((64, 1, 32), "h_freq=32 Hz must lie below half"),
        ((64, 9, 1), "l_freq=9 Hz must lie below h_freq=1"),
        ((64, 0, 9), "l_freq must be a positive number"),
        ((-1, 1, 9), "sfreq must be a positive number"),
    ],
)
def test_impossible_bands_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        bandpass(np.ones((1000, 1)), *arguments)


def test_a_signal_shorter_than_the_filter_is_refused(rng):
    with pytest.raises(ValueError, match=r"lasts 3 s, but the filter needs more than 3.28 s"):
        bandpass(rng.normal(size=(192, 1)), 64, 1, 9)
    # One sample longer than the filter's response is enough.
    assert bandpass(rng.normal(size=(211, 1)), 64, 1, 9).shape == (211, 1)


# --- interpolate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.5, 1.0002, 4.0, 7.3])
def test_interpolate_finds_a_slow_wave_between_the_samples(step):
    frequency = 0.1 / max(step, 1)  # cycles per sample
    x = np.sin(2 * np.pi * frequency * np.arange(3000))[:, None]
    positions = 0.37 + step * np.arange(int(2900 / step))
    inside = (positions > 15 * step) & (positions < 3000 - 15 * max(step, 1))
    expected = np.sin(2 * np.pi * frequency * positions[inside])
    np.testing.assert_allclose(
        interpolate(x, positions, step)[inside, 0], expected, rtol=0, atol=2e-4
    )


def test_interpolate_agrees_with_polyphase_resampling_away_from_the_ends(rng):
    x = rng.normal(size=(4000, 2))
    ours = interpolate(x, np.arange(500) * 8.0, 8)
    np.testing.assert_allclose(ours[12:-12], resample(x, 512, 64)[12:-12], rtol=0, atol=2e-4)


def test_interpolate_suppresses_what_would_alias():
    wave = np.cos(2 * np.pi * 50 / 512 * np.arange(5120))[:, None]  # 50 Hz would turn into 14 Hz
    assert np.abs(interpolate(wave, np.arange(640) * 8.0, 8)[15:-15]).max() < 1e-3


def test_interpolate_keeps_an_offset_up_to_the_ends_and_returns_samples_on_samples(rng):
    np.testing.assert_allclose(interpolate(np.ones((200, 1)), np.arange(50) * 4.0, 4), 1)
    x = rng.normal(size=(60, 2)).astype(np.float32)
    same = interpolate(x, np.arange(60))
    assert same.dtype == np.float32
    np.testing.assert_allclose(same, x, atol=1e-6)


def test_interpolate_refuses_positions_outside_and_signals_shorter_than_its_kernel():
    with pytest.raises(ValueError, match="positions 0 to 120 lie outside the signal of 100"):
        interpolate(np.ones((100, 1)), [0.0, 120.0])
    with pytest.raises(ValueError, match="x has 10 samples, interpolation needs at least 12"):
        interpolate(np.ones((10, 1)), [0.0])


# --- preprocess -----------------------------------------------------------------------------------


def test_preprocess_filters_eeg_and_stimuli_alike_and_keeps_the_rest(rng):
    eeg, stimuli = rng.normal(size=(1280, 3)), rng.random((2, 1280, 2))
    trial = Trial(
        eeg,
        stimuli,
        128,
        attended=1,
        subject="S1",
        story="a",
        name="t",
        channel_names=["x", "y", "z"],
        audio=rng.normal(size=8000),
        audio_sfreq=800,
    )
    (same_rate,) = preprocess([trial])
    np.testing.assert_allclose(same_rate.eeg, bandpass(eeg, 128, 1, 9), atol=1e-12)
    for i in range(2):
        np.testing.assert_allclose(
            same_rate.stimuli[i], bandpass(stimuli[i], 128, 1, 9), atol=1e-12
        )
    (slower,) = preprocess([trial], sfreq=64)
    assert (slower.sfreq, slower.n_times) == (64, 640)
    for field in ("attended", "subject", "story", "name", "channel_names", "audio_sfreq"):
        assert getattr(slower, field) == getattr(trial, field)
    assert slower.audio is trial.audio
    # The pass band lies well below both rates: away from the end, which lies elsewhere on the
    # two grids, every second sample is nearly the same.
    np.testing.assert_allclose(slower.eeg[:500], same_rate.eeg[:1000:2], atol=0.002)


def test_preprocess_does_not_move_the_eeg_against_the_stimulus(rng):
    stimulus = rng.normal(size=(1, 5120, 1))
    trial = Trial(np.repeat(stimulus[0], 2, axis=1), stimulus, 250)
    (slower,) = preprocess([trial], sfreq=64)
    np.testing.assert_allclose(slower.eeg[:, :1], slower.stimuli[0], atol=1e-12)
    assert slower.n_times == int(np.ceil(5120 * 64 / 250))


def test_preprocess_keeps_float32_and_trials_without_stimuli(rng):
    trial = Trial(rng.normal(size=(1280, 2)).astype(np.float32), None, 128)
    (slower,) = preprocess([trial], sfreq=64)
    assert slower.eeg.dtype == np.float32
    assert slower.n_stimuli == 0


def test_preprocess_names_the_trial_that_is_too_short(rng):
    trials = [Trial(rng.normal(size=(n, 2)), None, 64, name=f"t{n}") for n in (640, 128)]
    with pytest.raises(ValueError, match=r"trials\[1\] \('t128'\) lasts 2 s, but .* 3.28 s"):
        preprocess(trials)
    with pytest.raises(ValueError, match="h_freq=40 Hz must lie below half the sampling rate"):
        preprocess(trials, sfreq=128, h_freq=40)
