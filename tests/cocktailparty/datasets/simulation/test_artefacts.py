from dataclasses import replace

import numpy as np
import pytest

from cocktailparty.datasets.simulation.artefacts import Background

# The forehead, the vertex and the back of the head.
POSITIONS = np.array([[0.0, 0.95, 0.3], [0.0, 0.0, 1.0], [0.0, -0.9, 0.4]])
SFREQ = 64.0


@pytest.fixture
def background(rng):
    return replace(Background.draw(POSITIONS, rng), blink_rate=0.0, alpha_size=0.0)


def test_alpha_is_largest_at_the_back_at_its_frequency(background):
    quiet = background.noise(6400, SFREQ, np.random.default_rng(1))
    alpha = replace(background, alpha_size=1.0, alpha_frequency=11.0)
    rhythm = alpha.noise(6400, SFREQ, np.random.default_rng(1)) - quiet
    assert rhythm.std(axis=0).argmax() == 2
    np.testing.assert_allclose(rhythm.std(axis=0).max(), 12e-6, rtol=0.05)
    freqs = np.fft.rfftfreq(6400, 1 / SFREQ)
    power = np.abs(np.fft.rfft(rhythm[:, 2])) ** 2
    np.testing.assert_allclose(np.average(freqs, weights=power), 11.0, atol=0.3)


def test_blinks_are_largest_at_the_forehead(background):
    quiet = background.noise(6400, SFREQ, np.random.default_rng(1))
    blinking = replace(background, blink_rate=20.0).noise(6400, SFREQ, np.random.default_rng(1))
    blinks = np.abs(blinking - quiet)
    assert blinks.max(axis=0).argmax() == 0
    assert blinks.max() > 50e-6
    assert np.median(blinks[:, 0]) < 1e-6


def test_noise_has_the_same_density_at_every_rate(background):
    silent = replace(background, own_noise=np.zeros(3))
    power = []
    for sfreq in (64.0, 256.0):
        noise = silent.noise(round(120 * sfreq), sfreq, np.random.default_rng(2))
        freqs = np.fft.rfftfreq(len(noise), 1 / sfreq)
        spectrum = np.abs(np.fft.rfft(noise[:, 1])) ** 2 / len(noise) / sfreq
        power.append(spectrum[(freqs > 2) & (freqs < 20)].mean())
    np.testing.assert_allclose(power[0], power[1], rtol=0.2)
