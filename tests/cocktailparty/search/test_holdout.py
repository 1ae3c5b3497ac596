import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty import Trial
from cocktailparty.metrics import chance_level
from cocktailparty.model_selection.splits import Fold
from cocktailparty.search.holdout import hold_out, score_held_out
from cocktailparty.search.searching import score_fold
from tests.cocktailparty.search.tiny import Silent, Skilled, some_trials


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=2, max_size=9),
    st.sampled_from(["story", "subject"]),
    st.booleans(),
)
def test_nothing_is_lost_and_nothing_is_on_both_sides(labels, kind, pooled):
    eeg = np.random.default_rng(0).normal(size=(16, 2))
    trials = [
        Trial(
            eeg, eeg.T[:, :, None] ** 2, 16, attended=0, subject=subject, story=story, name=str(i)
        )
        for i, (subject, story) in enumerate(labels)
    ]
    names = [getattr(trial, kind) for trial in trials]
    if len(set(names)) == 1:
        with pytest.raises(ValueError, match="leaves no trial"):
            hold_out(trials, kind)
        return
    rest, folds = hold_out(trials, f"{kind}:{names[0]}", pooled=pooled)
    tested = [trial.name for fold in folds for trial in fold.test]
    assert sorted(tested + [trial.name for trial in rest]) == sorted(t.name for t in trials)
    for fold in folds:
        assert {getattr(trial, kind) for trial in fold.test} == {names[0]}
        assert names[0] not in {getattr(trial, kind) for trial in fold.train}
        if kind == "story" and not pooled:
            assert len({trial.subject for trial in (*fold.train, *fold.test)}) == 1


def test_the_last_group_is_the_default():
    trials = some_trials(2)
    assert hold_out(trials, "subject")[1][0].name == "sub-02"
    assert [fold.name for fold in hold_out(trials, "story")[1]] == [
        "sub-01/story-5",
        "sub-02/story-5",
    ]


def test_ties_count_their_share_and_silence_nothing():
    _, folds = hold_out(some_trials(), "story")
    result = score_held_out(Silent(), folds, 4, "story")
    assert (result.n_correct, result.n_windows, result.accuracy) == (5, 10, 0.5)
    odd = score_held_out(Silent(), [Fold("one", folds[0].train, folds[0].test[:1])], 4, "story")
    assert (odd.n_correct, odd.n_windows) == (2.5, 5)
    assert odd.interval[0] < 0.5 < odd.interval[1]
    rest = folds[0].test[0].stimuli.copy()
    rest[:, : 18 * 64] = 0
    silent = Fold("silent", folds[0].train, [folds[0].test[0].replace(stimuli=rest)])
    with pytest.raises(ValueError, match="all stimuli are silent in all windows of 18 s"):
        score_held_out(Silent(), [silent], 18, "story")
    shared = ([folds[0], silent], [18.0])
    assert score_fold(shared, (Silent(), 0)) == 0.5
    assert "fold 'silent': all stimuli are silent" in score_fold(shared, (Silent(), 1))


def test_interval_and_chance():
    _, folds = hold_out(some_trials(), "story")
    result = score_held_out(Skilled(skill=1), folds, 2, "story")
    # Clopper and Pearson for 20 of 20: from 0.025 ** (1 / 20).
    assert (result.n_correct, result.n_windows) == (20, 20)
    np.testing.assert_allclose(result.interval, (0.025 ** (1 / 20), 1))
    assert result.chance == chance_level(20)
    guess = score_held_out(Skilled(skill=0), folds, 0.5, "story")
    assert guess.interval[0] < 0.5 < guess.interval[1]
    with pytest.raises(ValueError, match="no window of 50 s fits"):
        score_held_out(Skilled(), folds, 50, "story")
