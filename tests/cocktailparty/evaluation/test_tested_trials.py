"""Units of trials that share sounds, for one listener and for several."""

import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.tested_trials import repeats, trial_rows, units
from tests.cocktailparty.tested import record, table

MIXTURES = simulate_two_talkers(n_trials=4, duration=20, n_channels=2, random_state=3).trials


def heard(mixture: int, attended: int, subject: str, turned: bool = False) -> Trial:
    """One of four mixtures, whose talkers may be listed the other way round."""
    trial = MIXTURES[mixture]
    stimuli = trial.stimuli[::-1] if turned else trial.stimuli
    label = 1 - attended if turned else attended
    return trial.replace(stimuli=stimuli.copy(), attended=label, subject=subject)


def test_trials_with_sounds_of_their_own_are_units_and_listeners_groups() -> None:
    trials = [heard(0, 0, "S1"), heard(1, 1, "S1"), heard(2, 0, "S2"), heard(3, 1, "S2")]
    assert units(trials) == ([0, 1, 2, 3], [0, 0, 1, 1])


def test_the_same_attended_sound_is_one_unit_of_a_listener_wherever_it_is_listed() -> None:
    trials = [heard(0, 0, "S1"), heard(1, 1, "S1"), heard(0, 0, "S1", turned=True)]
    assert units(trials).unit == [0, 1, 0]


def test_a_mixture_heard_again_with_the_other_talker_attended_is_another_unit() -> None:
    assert units([heard(0, 0, "S1"), heard(0, 1, "S1")]).unit == [0, 1]


def test_listeners_of_one_design_share_units() -> None:
    design = [0, 1, 1, 0]
    trials = [heard(m, k, s) for s in ("S1", "S2") for m, k in enumerate(design)]
    assert units(trials) == ([0, 1, 2, 3, 0, 1, 2, 3], [0] * 8)


def test_listeners_of_other_designs_have_units_of_their_own() -> None:
    """Both attended talker 0 of the first mixture, and others of the second."""
    trials = [heard(0, 0, "S1"), heard(1, 1, "S1"), heard(0, 0, "S2"), heard(1, 0, "S2")]
    assert units(trials) == ([0, 1, 2, 3], [0, 0, 1, 1])


def test_units_of_other_listeners_exchange_no_labels() -> None:
    """One mixture in common: it is a group of its own, in which nothing can change."""
    trials = [heard(0, 0, "S1"), heard(1, 1, "S1"), heard(0, 0, "S2"), heard(2, 1, "S2")]
    assert units(trials) == ([0, 1, 0, 2], [0, 1, 0, 2])


def test_sounds_that_played_alone_are_units_unless_their_eeg_is_one() -> None:
    rng = np.random.default_rng(0)
    alone = [
        Trial(rng.normal(size=t.eeg.shape), t.stimuli[:1], t.sfreq, attended=0, subject=s)
        for s in ("S1", "S2")
        for t in (MIXTURES[0], MIXTURES[1], MIXTURES[0])
    ]
    assert units(alone).unit == [0, 1, 2, 3, 4, 5]
    overlapping = [alone[0].crop(0, 12), alone[0].crop(7, 20), alone[2].crop(7, 20)]
    assert units(overlapping).unit == [0, 0, 1]


def test_repeats_are_counted_over_all_rows() -> None:
    rows = [[record(0, 0, [1, 0]), record(1, 0, [1, 0])], [record(0, 0, [1, 0])]]
    assert list(repeats(rows)) == [[2, 1], [2]]


def test_tested_trials_are_laid_out() -> None:
    rows = trial_rows(table(("ridge", 5.0, 4, 3), subjects=("S1",), n_trials=2))
    assert rows["decoder"].tolist() == ["ridge", "ridge"]
    assert rows["right"].tolist() == ["2;0", "1;1"]


@pytest.mark.parametrize("n", [1, 5])
def test_units_are_numbered_as_they_come(n: int) -> None:
    rng = np.random.default_rng(0)
    trials = [Trial(rng.normal(size=(640, 2)), rng.random((2, 640)), 64, 0) for _ in range(n)]
    assert units(trials).unit == list(range(n))


def test_parts_of_a_trial_are_one_unit_as_far_as_their_label_is_one() -> None:
    whole = [heard(m, m % 2, "S1") for m in range(3)]
    parts = [t.crop(a, a + 4) for t in whole for a in (0, 8, 16)]
    assert units(parts).unit == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    # Attention switched after the first part.
    parts[0] = parts[0].replace(attended=1)
    assert units(parts[:3]).unit == [0, 1, 1]
    named = [part.replace(name=f"part {i}") for i, part in enumerate(parts[1:])]
    assert units(named).unit == [0, 0, 1, 1, 1, 2, 2, 2]


def test_parts_of_a_sound_alone_stay_units_of_their_own() -> None:
    alone = MIXTURES[0].replace(stimuli=MIXTURES[0].stimuli[:1], attended=0)
    assert units([alone.crop(0, 8), alone.crop(8, 16)]).unit == [0, 1]
