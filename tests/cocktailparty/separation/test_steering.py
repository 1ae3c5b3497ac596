import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from cocktailparty.metrics import si_sdr
from cocktailparty.separation import FunctionSeparator, steer

RATE, SFREQ = 4000, 64


def sounds_and_loudness(rng, n_parts=3, duration=30):
    loudness = np.repeat(rng.random((n_parts, duration * SFREQ // 8)) ** 3, 8, axis=1)
    noise = rng.normal(size=(n_parts, duration * RATE))
    at = np.arange(duration * RATE) * SFREQ // RATE
    return noise * loudness[:, at], loudness


def noise_like(loudness, rng):
    """Noise of the spectrum and the variance of the first loudness."""
    spectrum = np.abs(np.fft.rfft(loudness[0] - loudness[0].mean()))
    phases = np.exp(2j * np.pi * rng.random(len(spectrum)))
    return np.fft.irfft(spectrum * phases, loudness.shape[1])


@pytest.mark.parametrize("attended", [0, 2])
def test_the_part_that_follows_the_guide_comes_out(rng, attended):
    sounds, loudness = sounds_and_loudness(rng)
    mixture = sounds.sum(axis=0)
    guide = loudness[attended] + 2 * noise_like(loudness, rng)
    found = steer(mixture, RATE, sounds, guide, SFREQ)
    assert found.attention.chosen.tolist() == [attended]
    assert found.attention.confidence > 0.95
    assert abs(found.lag) < 0.05
    assert found.remainder == -np.inf
    np.testing.assert_allclose(found.sounds.sum(axis=0), mixture, atol=1e-9)
    assert si_sdr(sounds[attended], found.sounds[0]) > si_sdr(sounds[attended], mixture) + 15


def test_a_late_guide_with_artefacts_is_no_obstacle(rng):
    sounds, loudness = sounds_and_loudness(rng)
    guide = np.roll(loudness[1] + noise_like(loudness, rng), 19)
    for start in (100, 900, 1500):
        guide[start : start + 10] += 300 * rng.normal()
    found = steer(sounds.sum(axis=0), RATE, sounds, guide, SFREQ)
    assert found.attention.chosen.tolist() == [1]
    assert found.lag == pytest.approx(19 / 64, abs=0.02)
    assert len(found.artefacts) == 3
    assert "3 artefacts of the guide were cut down, at 1.6, 14.1, 23.4 s." in found.notes
    fixed = steer(sounds.sum(axis=0), RATE, sounds, guide, SFREQ, lag=0.3)
    assert (fixed.lag, fixed.attention.chosen.tolist()) == (0.3, [1])
    wrong = steer(sounds.sum(axis=0), RATE, sounds, guide, SFREQ, lag=0.0)
    assert wrong.attention.confidence < 0.5


def test_slow_changes_say_nothing_to_a_guide_without_them(rng):
    sounds, loudness = sounds_and_loudness(rng)
    swell = 1 + 0.9 * np.sin(2 * np.pi * np.outer([0.05, 0.08, 0.11], np.arange(30 * RATE) / RATE))
    sounds = sounds * swell
    guide = loudness[1] + 1.5 * noise_like(loudness, rng)
    guide = sosfiltfilt(butter(2, [1, 9], "bandpass", fs=SFREQ, output="sos"), guide)
    found = steer(sounds.sum(axis=0), RATE, sounds, guide, SFREQ)
    assert found.attention.chosen.tolist() == [1]
    assert found.attention.confidence > 0.95


def test_guides_of_something_else_leave_the_mixture():
    confidence, losses = [], []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        sounds, _ = sounds_and_loudness(rng, 2, 10)
        other = np.roll(sounds_and_loudness(rng, 2, 10)[1][0], 3)
        mixture = sounds.sum(axis=0)
        found = steer(mixture, RATE, sounds, other, SFREQ)
        confidence.append(found.attention.confidence)
        losses.append(si_sdr(sounds[0], found.sounds[0]) - si_sdr(sounds[0], mixture))
    # 5 % are meant; four of 25 would be too many for that.
    assert np.sum(np.array(confidence) > 0.5) < 4
    assert np.sum(np.array(losses) < -0.5) < 4


def test_what_is_in_no_part_is_told_and_kept_from_the_chosen_one(rng):
    sounds, loudness = sounds_and_loudness(rng)
    mixture = sounds.sum(axis=0).astype(np.float32)
    stereo = np.stack([mixture, 0.5 * mixture], axis=1)
    found = steer(stereo, RATE, sounds[:2], loudness[0], SFREQ)
    assert found.sounds.shape == (2, len(mixture), 2)
    assert found.sounds.dtype == np.float32
    np.testing.assert_allclose(found.sounds.sum(axis=0), stereo, atol=1e-5)
    assert -10 < found.remainder < 0
    assert si_sdr(sounds[0], found.sounds[0, :, 0]) > 20
    silent = steer(0 * mixture, RATE, 0 * sounds, loudness[0], SFREQ)
    assert not np.any(silent.sounds)


def test_functions_become_separators(rng):
    separator = FunctionSeparator(lambda mixture, sfreq: [mixture * 0.5, mixture * sfreq])
    np.testing.assert_array_equal(separator.separate(np.ones(3), 2), [[0.5] * 3, [2] * 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lag": "search"}, "lag must be a number of seconds"),
        ({"lag": 20.0}, "lag must be a number of seconds"),
        ({"guide": np.ones(10)}, "guide lasts"),
        ({"mixture": np.full(RATE, np.nan)}, "mixture has"),
        ({"sfreq": 0}, "sfreq must be a positive"),
    ],
)
def test_impossible_input_is_refused(rng, change, message):
    sounds, loudness = sounds_and_loudness(rng, 2, 1)
    arguments = {"mixture": sounds.sum(axis=0), "mixture_sfreq": RATE, "parts": sounds}
    arguments |= {"guide": loudness[0], "sfreq": SFREQ} | change
    with pytest.raises(ValueError, match=message):
        steer(**arguments)
