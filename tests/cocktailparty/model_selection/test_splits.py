import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold

from cocktailparty import Trial
from cocktailparty.model_selection.splits import folds, match_mismatch


def numbered(n_times=600, n_channels=2, n_stimuli=2, seed=0, **fields):
    """Trial whose samples tell their own time, so that every cut can be traced."""
    t = np.arange(float(n_times))
    eeg = np.stack([t + 1e4 * c for c in range(n_channels)], axis=1)
    stimuli = np.random.default_rng(seed).random((n_stimuli, n_times, 1))
    stimuli[0, :, 0] = t
    return Trial(eeg, stimuli, **{"sfreq": 10, "attended": 0, **fields})


def study():
    return [
        numbered(seed=i, subject=subject, story=story, name=f"{subject}-{story}-{k}")
        for i, (subject, story, k) in enumerate(
            (subject, story, k) for subject in "ab" for story in "xyz" for k in range(2)
        )
    ]


@pytest.mark.parametrize(
    ("cv", "key", "n_folds"),
    [("trial", "name", 12), ("story", "story", 6), ("subject", "subject", 2)],
)
def test_one_group_is_left_out_at_a_time(cv, key, n_folds):
    trials = study()
    found = folds(trials, cv)
    assert len(found) == n_folds == len({fold.name for fold in found})
    tested = []
    for fold in found:
        assert len({getattr(t, key) for t in fold.test}) == 1
        assert not {getattr(t, key) for t in fold.test} & {getattr(t, key) for t in fold.train}
        tested += fold.test
        pool = (
            trials if cv == "subject" else [t for t in trials if t.subject == fold.test[0].subject]
        )
        assert {id(t) for t in fold.train + fold.test} == {id(t) for t in pool}
    assert sorted(map(id, tested)) == sorted(map(id, trials))


@given(n_splits=st.integers(2, 6), gap=st.floats(0, 4), n_times=st.integers(550, 700))
def test_time_splits_keep_the_gap(n_splits, gap, n_times):
    trials = [numbered(n_times, subject="a", seed=i) for i in range(2)]
    tested = []
    for fold in folds(trials, "time", n_splits=n_splits, gap=gap):
        test = np.concatenate([t.eeg[:, 0] for t in fold.test])
        train = np.concatenate([t.eeg[:, 0] for t in fold.train])
        tested.append(fold.test[0].eeg[:, 0])
        distance = np.abs(test[:, None] - train).min()
        assert distance >= round(gap * 10) or distance >= gap * 10 - 1
        # no more is lost than the gaps
        assert len(train) + len(test) >= 2 * (n_times - 2 * np.ceil(gap * 10 + 1))
        for piece in fold.test + fold.train:
            np.testing.assert_array_equal(piece.eeg[:, 0], piece.stimuli[0, :, 0])
    np.testing.assert_array_equal(np.concatenate(tested), np.arange(n_times))


def test_splitters_of_scikit_learn_are_taken():
    trials = study()
    found = folds(trials, GroupKFold(3))
    assert [len(fold.test) for fold in found] == [4, 4, 4]
    for fold in found:
        assert not {t.story for t in fold.test} & {t.story for t in fold.train}
    assert len(folds(trials, KFold(4))) == 4


BAD = {
    "unknown split": (study(), {"cv": "random"}, r"cv must be one of .* got 'random'"),
    "single story": (study()[:2], {"cv": "story"}, "needs at least two stories of subject 'a', "
                     "there is only 'x'"),
    "single subject": (study()[:6], {"cv": "subject"}, "at least two subjects, there is only 'a'"),
    "single trial": (study()[:1], {"cv": "trial"}, "at least two trials"),
    "no story labels": ([numbered(name="t1")], {"cv": "story"}, "t1 has none: set Trial"),
    "no subject labels": ([numbered(name="t1")], {"cv": "subject"}, "needs a subject label"),
    "one stretch": (study(), {"cv": "time", "n_splits": 1}, "n_splits must be at least 2, got 1"),
    "negative gap": (study(), {"cv": "time", "gap": -1}, "gap must be a number of seconds"),
    "gap too long": (study(), {"cv": "time", "gap": 6.0}, "too short for a gap of 6 s"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_are_named(case):
    trials, arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        folds(trials, **arguments)


@given(n_times=st.integers(4, 200), share=st.floats(0.01, 1))
def test_match_and_mismatch_never_overlap_in_a_window(n_times, share):
    trial = numbered(n_times, n_stimuli=1)
    window = max(1, int(share * (n_times // 2)))
    pair = match_mismatch(trial, window / 10)
    assert pair.attended == 0
    match, mismatch = pair.stimuli[:, :, 0]
    np.testing.assert_array_equal(match, trial.stimuli[0, :, 0])
    assert sorted(mismatch) == sorted(match)
    for start in range(n_times - window + 1):
        cut = slice(start, start + window)
        assert not set(match[cut]) & set(mismatch[cut])


def test_match_mismatch_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="takes trials with one stimulus, t has 2"):
        match_mismatch(numbered(name="t"), 1)
    with pytest.raises(ValueError, match="windows of 31 s takes trials of 62 s, t lasts 60 s"):
        match_mismatch(numbered(n_stimuli=1, name="t"), 31)
