import numpy as np
import pytest

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.checks.case import (
    Case,
    alone,
    contents,
    fewer_channels,
    placed,
    with_third,
)
from linear_aad import AdaptiveDecoder
from tests.cocktailparty.decoding.checks.faulty import TRF, Sound


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(n_trials=6, duration=10, n_channels=4, random_state=0).trials


def test_trials_are_changed_in_one_way_each(trials):
    trial = placed(trials[0], 1)
    own = trial.stimuli[1]
    assert placed(trial, 0).attended == 0
    np.testing.assert_array_equal(placed(trial, 0).stimuli[0], own)
    np.testing.assert_array_equal(alone(trial).stimuli, own[None])
    three = with_third(trial)
    assert (three.n_stimuli, three.attended) == (3, 1)
    np.testing.assert_array_equal(placed(three, 2).stimuli[2], own)
    trial = trial.replace(channel_positions=0.1 * np.eye(4, 3))
    less = fewer_channels(trial)
    assert less.channel_names == trial.channel_names[:-1]
    assert len(less.channel_positions) == less.n_channels == 3
    assert contents(trial) == contents(trial.replace(name="other"))
    assert contents(trial) != contents(less)


def test_clones_are_seeded_and_the_decoder_is_not(trials):
    decoder = Sound()
    case = Case(decoder, trials, frozenset())
    assert case.new().random_state == 0
    assert decoder.random_state is None
    assert Case(Sound(random_state=3), trials, frozenset()).new().random_state == 3
    nested = Case(AdaptiveDecoder(TRF, initial=Sound()), trials, frozenset()).new()
    assert nested.initial.random_state == nested.random_state == 0
    assert case.scores.shape == (2, 2)
    assert case.fitted is case.fitted
    assert [len(part) for part in (case.train, case.test)] == [4, 2]
