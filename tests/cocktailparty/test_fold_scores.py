import numpy as np
import pytest
from sklearn.base import BaseEstimator

from cocktailparty import Trial
from cocktailparty.fold_scores import evaluate_fold
from cocktailparty.metrics import chance_level
from cocktailparty.model_selection import Fold

SFREQ = 16


class Told(BaseEstimator):
    """Scores each stimulus by its mean level in the window: the louder one is decoded."""

    def fit(self, trials, attended=None):
        self.names_ = [trial.name for trial in trials]
        return self

    def window_sweep(self, trial, windows):
        assert trial.name not in self.names_
        scores = {}
        for window in windows:
            n = round(window * trial.sfreq)
            starts = range(0, trial.n_times - n + 1, n)
            scores[window] = np.array(
                [trial.stimuli[:, s : s + n, 0].mean(axis=1) for s in starts]
            ).reshape(-1, trial.n_stimuli)
        return scores


def trial(name, levels, attended=0, seconds=8, subject="a"):
    """Return a trial of stimuli whose levels change from second to second."""
    levels = np.array([np.resize(level, seconds) for level in levels], float)
    rng = np.random.default_rng(0)
    # The second feature is there because a constant stimulus would be refused.
    stimuli = np.stack(
        [levels.repeat(SFREQ, axis=1), rng.random((len(levels), seconds * SFREQ))], 2
    )
    eeg = rng.normal(size=(seconds * SFREQ, 2))
    return Trial(eeg, stimuli, SFREQ, attended=attended, subject=subject, name=name)


def fold(*test):
    return Fold("one", [trial("train", [[1, 0], [0, 1]])], list(test))


def test_windows_are_counted_and_scores_averaged():
    """The attended stimulus, number 1, is louder in the first six of eight seconds."""
    one = trial("test", [[0.5] * 8, [1] * 6 + [0] * 2], attended=1)
    rows = evaluate_fold(Told(), fold(one), [1.0, 2.0])["a"]
    assert [row["window"] for row in rows] == [1, 2]
    for row, n_windows in zip(rows, (8, 4), strict=True):
        assert row["n_windows"] == n_windows
        assert row["n_correct"] == 0.75 * n_windows
        assert row["accuracy"] == row["r_attended"] == 0.75
        assert row["r_unattended"] == 0.5
        assert row["chance"] == chance_level(n_windows)
        assert row["n_stimuli"] == 2


def test_a_tie_is_not_right():
    rows = evaluate_fold(Told(), fold(trial("test", [[1], [1]])), [1.0])["a"]
    assert rows[0]["n_correct"] == 0


def test_subjects_have_rows_of_their_own_and_trials_are_pooled():
    right, wrong = ([1], [0]), ([0], [1])
    tests = [
        trial("1", right), trial("2", wrong, seconds=4),
        trial("3", wrong, attended=1, subject="b"), trial("4", right, seconds=3, subject="b"),
    ]  # fmt: skip
    found = evaluate_fold(Told(), fold(*tests), [4.0, 1.0])
    assert list(found) == ["a", "b"]
    counts = {
        subject: [(row["window"], row["n_correct"], row["n_windows"]) for row in rows]
        for subject, rows in found.items()
    }
    # A trial of 3 s has no window of 4 s.
    assert counts == {"a": [(4, 2, 3), (1, 8, 12)], "b": [(4, 2, 2), (1, 11, 11)]}


def test_most_competitors_count_in_the_score_and_fewest_in_the_chance_level():
    three = trial("3", [[2], [1], [0]])
    two = trial("2", [[0], [4]])
    (row,) = evaluate_fold(Told(), fold(three), [1.0])["a"]
    assert (row["n_stimuli"], row["r_unattended"]) == (3, 0.5)
    assert row["chance"] == chance_level(8, 3)
    (row,) = evaluate_fold(Told(), fold(three, two), [1.0])["a"]
    assert (row["n_stimuli"], row["n_correct"], row["n_windows"]) == (2, 8, 16)
    assert row["r_unattended"] == (0.5 + 4) / 2


def test_one_sound_alone_is_told_from_its_other_half():
    """The first half of the trial is louder than the second, so one half of it is right."""
    single = trial("test", [[1] * 4 + [0] * 4])
    rows = evaluate_fold(Told(), fold(single), [1.0, 4.0, 5.0])["a"]
    # A window of 5 s does not fit into half of the trial.
    assert [(row["window"], row["n_correct"], row["n_windows"]) for row in rows] == [
        (1, 4, 8), (4, 1, 2),
    ]  # fmt: skip
    assert evaluate_fold(Told(), fold(single), [5.0]) == {}


def test_the_decoder_that_was_given_stays_unfitted():
    decoder = Told()
    evaluate_fold(decoder, fold(trial("test", [[1], [0]])), [1.0])
    assert not hasattr(decoder, "names_")


def test_a_missing_label_is_refused():
    unlabelled = trial("test", [[1], [0]]).replace(attended=None)
    with pytest.raises(ValueError, match="attended"):
        evaluate_fold(Told(), fold(unlabelled), [1.0])
