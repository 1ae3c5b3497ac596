from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.audio.augmentation import Augmentation, masked, repeated, stretched, with_noise

STILL = Augmentation(shift=0, gain=0, noise=None, stretch=(0, 0), n_masks=0)
KEYS = jax.random.split(jax.random.key(0), 200)
NUMBERS = jax.random.uniform(KEYS[0], (200, 9))


def test_all_numbers_are_drawn_at_once():
    assert Augmentation(n_masks=3).draw(KEYS[0]).shape == (17,)


def test_nothing_is_varied_without_a_reason(rng):
    x = jnp.asarray(rng.normal(size=100), jnp.float32)
    assert STILL.of_waveform(x, NUMBERS[0], KEYS[0]).tolist() == x.tolist()
    spectrogram = x.reshape(10, 10)
    assert STILL.of_spectrogram(spectrogram, NUMBERS[0]).tolist() == spectrogram.tolist()


def test_clips_move_around_and_change_their_level():
    x = jnp.zeros(100).at[50].set(1.0)
    moved = jax.vmap(replace(STILL, shift=0.1).of_waveform, (None, 0, 0))(x, NUMBERS, KEYS)
    assert set(np.unique(moved.argmax(1))) == set(range(40, 61))
    louder = jax.vmap(replace(STILL, gain=6.0).of_waveform, (None, 0, 0))(x, NUMBERS, KEYS)
    decibels = 20 * np.log10(louder.max(1))
    assert -6 <= decibels.min() < -5 < 5 < decibels.max() <= 6


def test_noise_has_the_ratio_that_was_asked_for(rng):
    x = jnp.asarray(rng.normal(size=1000), jnp.float32)
    noisy = jax.vmap(with_noise, (None, 0, None))(x, KEYS, (0.0, 20.0))
    noise = np.asarray(noisy) - np.asarray(x)
    ratios = 10 * np.log10(np.mean(np.square(x)) / np.mean(np.square(noise), axis=1))
    assert -0.01 < ratios.min() < 2 < 18 < ratios.max() < 20.01
    # Its colours differ: the share of the power below a quarter of the band.
    power = np.abs(np.fft.rfft(noise)) ** 2
    low = power[:, :125].sum(1) / power.sum(1)
    assert low.min() < 0.3 < 0.9 < low.max()
    half = jax.vmap(replace(STILL, noise=(0.0, 20.0)).of_waveform, (None, 0, 0))(x, NUMBERS, KEYS)
    assert 70 < (np.asarray(half) == np.asarray(x)).all(1).sum() < 130


def test_masks_hide_behind_the_mean_of_the_clip(rng):
    x = jnp.asarray(rng.normal(size=(40, 20)) - 50, jnp.float32)
    hidden = np.asarray(jax.vmap(masked, (None, 0, None))(x, NUMBERS[:, 5:], (0.2, 0.25)))
    changed = hidden != np.asarray(x)
    np.testing.assert_allclose(hidden[changed], x.mean(), rtol=1e-3)
    rows, columns = changed.all(2).sum(1), changed.all(1).sum(1)
    assert 0 <= rows.min() < 2 < 6 < rows.max() <= 9
    assert columns.max() <= 6
    for one in changed[:20]:
        assert np.array_equal(one, one.all(1)[:, None] | one.all(0))


def test_stretching_moves_time_around_the_middle_and_frequency_from_the_lowest():
    ramp = jnp.broadcast_to(jnp.arange(21.0)[:, None], (21, 11))
    tempo = np.asarray(jax.vmap(stretched, (None, 0, None))(ramp, NUMBERS[:, 3:5], (0.2, 0.0)))
    np.testing.assert_allclose(tempo[:, 10], 10, atol=1e-4)
    slopes = tempo[:, 11] - tempo[:, 9]
    assert 1.6 <= slopes.min() < 1.7 < 2.3 < slopes.max() <= 2.41
    pitch = np.asarray(jax.vmap(stretched, (None, 0, None))(ramp.T, NUMBERS[:, 3:5], (0.0, 0.2)))
    np.testing.assert_allclose(pitch[:, :, 0], 0, atol=1e-4)
    assert 0.8 <= pitch[:, 0, 1].min() < 0.85 < 1.15 < pitch[:, 0, 1].max() <= 1.21
    assert pitch.min() >= 0
    assert pitch.max() <= 20


@pytest.mark.parametrize(
    ("n", "length", "start", "expected"),
    [(3, 7, 0, [0, 1, 2, 0, 1, 2, 0]), (5, 2, 3, [3, 4]), (4, 4, 0, [0, 1, 2, 3])],
)
def test_clips_are_cut_or_repeated(n, length, start, expected):
    assert repeated(np.arange(n), length, start).tolist() == expected
