import numpy as np
import pytest

from cocktailparty.live import Mixer, talker_gains

RATE, BLOCK = 8000, 128


def mixed(mixer, sounds, told):
    """Mixture, where `told` maps the number of a block to the gains of a decision."""
    parts = []
    for k, i in enumerate(range(0, len(sounds), BLOCK)):
        if k in told:
            mixer.decide(told[k])
        parts.append(mixer.mix(sounds[i : i + BLOCK]))
    return np.concatenate(parts)


def test_gains_follow_the_probability():
    np.testing.assert_allclose(talker_gains([0.75, 0.25], 8), [2, -2])
    three = talker_gains([1.0, 0.0, 0.0], 9)
    np.testing.assert_allclose(three[0] - three[1:], 9)
    np.testing.assert_allclose(talker_gains(np.full(3, 1 / 3)), 0, atol=1e-12)


@pytest.mark.parametrize("levels", [(1.0, 1.0), (1.0, 0.2)])
def test_the_power_of_the_mixture_is_that_of_the_plain_one(rng, levels):
    sounds = rng.normal(size=(10 * RATE, 2)) * levels
    mixer = Mixer(RATE, 2, patience=100)
    mixture = mixed(mixer, sounds, {0: [4.5, -4.5]})[5 * RATE :]
    plain = sounds[5 * RATE :].sum(axis=1)
    assert np.mean(mixture**2) == pytest.approx(np.mean(plain**2), rel=0.05)
    weights = np.linalg.lstsq(sounds[5 * RATE :], mixture, rcond=None)[0]
    assert 20 * np.log10(weights[0] / weights[1]) == pytest.approx(9, abs=0.1)


def test_no_step_is_larger_than_those_of_the_sounds(rng):
    t = np.arange(4 * RATE) / RATE
    sounds = np.stack([np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 330 * t)], axis=1)
    told = {40: [4.5, -4.5], 100: [-4.5, 4.5], 130: [4.5, -4.5]}
    mixture = mixed(Mixer(RATE, 2, attack=0.05, release=0.05), sounds, told)
    # A talker is at most 4.5 dB louder than alone, which is all that a step may grow by.
    most = np.abs(np.diff(sounds, axis=0)).sum(axis=1).max() * 10 ** (4.5 / 20)
    assert np.abs(np.diff(mixture)).max() <= most
    plain = np.abs(np.diff(sounds.sum(axis=1), n=2)).max()
    assert np.abs(np.diff(mixture, n=2)).max() <= plain * 10 ** (4.5 / 20)


def test_without_decisions_the_mixture_is_the_plain_one(rng):
    sounds = rng.normal(size=(8 * RATE, 2))
    np.testing.assert_allclose(mixed(Mixer(RATE, 2), sounds, {}), sounds.sum(axis=1))
    mixer = Mixer(RATE, 2, patience=1.0)
    mixture = mixed(mixer, sounds, {0: [4.5, -4.5]})
    # The decoder is dead after the first decision: the gains fade to neutral.
    assert np.abs(mixer.gains_db).max() < 0.01
    np.testing.assert_allclose(mixture[-RATE:], sounds[-RATE:].sum(axis=1), atol=0.01)


def test_silence_is_mixed_and_bad_times_are_refused():
    assert not mixed(Mixer(RATE, 2), np.zeros((1000, 2)), {0: [4.5, -4.5]}).any()
    assert len(Mixer(RATE, 2).mix(np.zeros((0, 2)))) == 0
    with pytest.raises(ValueError, match="attack must be a positive number"):
        Mixer(RATE, 2, attack=0)
