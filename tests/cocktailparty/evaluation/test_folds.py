import numpy as np
import pytest
from sklearn.base import BaseEstimator

from cocktailparty import Trial
from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.metrics import chance_level
from cocktailparty.model_selection.splits import Fold

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


@pytest.mark.parametrize("attended", [0, 1, 2])
def test_a_tie_counts_its_share_whichever_is_attended(attended):
    (row,) = evaluate_fold(Told(), fold(trial("test", [[1], [1], [1]], attended)), [1.0])["a"]
    assert row["accuracy"] == pytest.approx(1 / 3)
    assert row["n_correct"] == pytest.approx(8 / 3)
    (row,) = evaluate_fold(Told(), fold(trial("test", [[1], [1], [0]], attended)), [1.0])["a"]
    assert row["accuracy"] == (0 if attended == 2 else 0.5)


def pauses(name, seconds=8, silent=(0, 1, 2), only=(), attended=0):
    """Return a trial in which all sounds are silent in some seconds and one alone in others."""
    rng = np.random.default_rng(1)
    stimuli = rng.random((2, seconds * SFREQ, 1))
    for second in silent:
        stimuli[:, second * SFREQ : (second + 1) * SFREQ] = 0
    for second in only:
        stimuli[1 - attended, second * SFREQ : (second + 1) * SFREQ] = 0
    eeg = rng.normal(size=(seconds * SFREQ, 2))
    return Trial(eeg, stimuli, SFREQ, attended=attended, subject="a", name=name)


def test_windows_without_sound_are_left_out_and_counted():
    rows = evaluate_fold(Told(), fold(pauses("test", only=[5])), [1.0, 2.0])["a"]
    assert [(row["n_windows"], row["n_undecidable"]) for row in rows] == [(5, 3), (3, 1)]
    scored = Told().fit([]).window_sweep(pauses("test", only=[5]), [1.0])[1.0][3:]
    assert rows[0]["n_correct"] == np.sum(scored[:, 0] > scored[:, 1])
    assert rows[0]["r_attended"] == pytest.approx(scored[:, 0].mean())
    assert rows[0]["chance"] == chance_level(5)


def test_a_fold_without_any_sound_in_its_windows_has_a_row_that_decides_nothing():
    (row,) = evaluate_fold(Told(), fold(pauses("test", 9, range(8))), [8.0])["a"]
    assert (row["n_windows"], row["n_correct"], row["n_undecidable"]) == (0, 0, 1)
    for name in ("accuracy", "chance", "r_attended", "r_unattended"):
        assert np.isnan(row[name])


def test_one_sound_is_undecidable_where_both_of_its_copies_are_silent():
    """Seconds 0 and 4 of 8 meet each other in the copy that is half a trial later."""
    rng = np.random.default_rng(0)
    sound = rng.random((1, 8 * SFREQ))
    for second in (0, 4, 6):
        sound[:, second * SFREQ : (second + 1) * SFREQ] = 0
    single = Trial(rng.normal(size=(8 * SFREQ, 2)), sound, SFREQ, attended=0, subject="a")
    (row,) = evaluate_fold(Told(), fold(single), [1.0])["a"]
    assert (row["n_windows"], row["n_undecidable"], row["task"]) == (6, 2, "match-mismatch")


def test_the_task_is_named():
    two, one = trial("2", [[1], [0]]), trial("1", [[1] * 4 + [0] * 4])
    tasks = [evaluate_fold(Told(), fold(*t), [1.0])["a"][0]["task"] for t in ([two], [two, one])]
    assert tasks == ["attention", "mixed"]


class Wrong(Told):
    """Gives scores that nobody can count."""

    def __init__(self, gives=None):
        self.gives = gives

    def window_sweep(self, trial, windows):
        return dict.fromkeys(windows, self.gives)


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (np.full((8, 2), np.nan), r"Wrong, a/test, windows of 1 s: NaN in 16 of 16 scores"),
        (np.zeros((7, 2)), r"scores of shape \(7, 2\), expected \(8, 2\)"),
        (np.zeros((8, 3)), r"scores of shape \(8, 3\), expected \(8, 2\)"),
    ],
)
def test_scores_that_cannot_be_counted_are_refused(gives, message):
    with pytest.raises(ValueError, match=message):
        evaluate_fold(Wrong(gives), fold(trial("test", [[1], [0]])), [1.0])


def test_nan_is_no_matter_where_there_is_nothing_to_decide():
    gives = np.array([[np.nan, np.nan]] * 3 + [[1.0, 0.0]] * 5)
    (row,) = evaluate_fold(Wrong(gives), fold(pauses("test")), [1.0])["a"]
    assert (row["n_correct"], row["n_windows"], row["n_undecidable"]) == (5, 5, 3)


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
