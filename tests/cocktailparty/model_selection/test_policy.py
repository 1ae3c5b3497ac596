import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold

from cocktailparty import Trial, datasets, evaluation
from cocktailparty.evaluation.shift_test import circular_shift_test
from cocktailparty.model_selection import LeakError, SharedStimulusWarning
from cocktailparty.model_selection.policy import WINDOWS, Plan, Split
from linear_aad import AttentionDecoder, BackwardTRF

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.2, 64, alpha=1e-2, alpha_convention="relative"))


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(
        n_subjects=2, n_trials=4, duration=20.0, n_channels=4, n_stories=2, random_state=5
    ).trials


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (Split(), "Split('story')"),
        (Split("time", 4, 1.5), "Split('time', n_splits=4, gap=1.5)"),
        (
            Split("subject", allow_shared_stimuli=True, windows=(30, 5, 5)),
            "Split('subject', allow_shared_stimuli=True, windows=[5, 30])",
        ),
    ],
)
def test_a_split_is_shown_as_it_is_made(split, text):
    assert repr(split) == text
    assert eval(text) == split


def test_splitters_of_scikit_learn_are_shown():
    assert repr(Split(GroupKFold(3))).startswith("Split(GroupKFold(n_splits=3")


def test_folds_are_named_and_leaks_are_refused_or_told(trials):
    assert [fold.name for fold in Split("time", 2, 0.5).split(trials)] == [
        f"sub-0{subject}/part {k}" for subject in (1, 2) for k in (1, 2)
    ]
    own = trials[:4]
    twice = [*own, own[0].replace(story="another")]
    assert len(Split("story").folds(twice)) == 3
    with pytest.raises(LeakError, match="also plays in training"):
        Split("story").split(twice)
    with pytest.warns(SharedStimulusWarning, match="also plays in training"):
        Split("story", allow_shared_stimuli=True).split(twice)


BAD = {
    "name": ({"cv": "random"}, r"cv must be one of .* got 'random'"),
    "no splitter": ({"cv": 5}, r"cv must be one of .* got 5"),
    "a split in a split": ({"cv": Split()}, r"cv must be one of .* got Split\('story'\)"),
    "one stretch": ({"n_splits": 1}, "n_splits must be at least 2, got 1"),
    "negative gap": ({"gap": -1}, "gap must be a number of seconds >= 0, got -1"),
    "no gap": ({"gap": float("nan")}, "gap must be a number"),
    "half a segment": ({"n_splits": 2.5}, "n_splits must be a whole number, got 2.5"),
    "text for a number": ({"n_splits": "3"}, "n_splits must be a whole number, got '3'"),
    "text for a gap": ({"gap": "2"}, "gap must be a number of seconds >= 0, got '2'"),
    "a word that is true": (
        {"allow_shared_stimuli": "no"},
        "allow_shared_stimuli must be True or False, got 'no'",
    ),
    "a number that is true": ({"allow_shared_stimuli": 2}, "allow_shared_stimuli must be True or"),
    "text for windows": ({"windows": "15"}, "windows must be positive numbers .* got '15'"),
    "windows of text": ({"windows": ["5"]}, "windows must be positive numbers"),
    "one window": ({"windows": 5}, "windows must be positive numbers of seconds in a list, got 5"),
    "no window": ({"windows": []}, "windows must be positive numbers"),
    "no time": ({"windows": [5, 0]}, "windows must be positive numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_named_at_once(case):
    settings, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        Split(**settings)


def test_keywords_make_a_split_and_do_not_contradict_one():
    assert Split.of("time", gap=3.0, n_splits=None) == Split("time", gap=3.0)
    split = Split("trial")
    assert Split.of(split, gap=None) is split
    with pytest.raises(ValueError, match=r"cv=Split\('trial'\) says how to split: give it gap"):
        Split.of(split, gap=1.0)
    assert Split.of("trial").windows == WINDOWS


def test_a_plan_holds_what_fits_and_checks_the_gap(trials):
    plan = Split("time", 2, 0.5, windows=[2, 10, 30]).plan(trials, {"ridge": RIDGE})
    assert (len(plan.folds), plan.windows) == (4, [2.0, 10.0])
    with pytest.raises(ValueError, match=r"gap=0.1 s is shorter than the lags of decoder 'ridge'"):
        Split("time", gap=0.1).plan(trials, {"ridge": RIDGE})
    with pytest.raises(ValueError, match="no decision window fits"):
        Split("trial", windows=[21]).plan(trials, {})
    assert Plan.of(plan, trials, {}) is plan
    with pytest.raises(ValueError, match="plan of other trials"):
        Plan.of(plan, trials[:-1], {})
    with pytest.raises(ValueError, match="give it n_splits"):
        Plan.of(plan, trials, {}, n_splits=3)
    far = AttentionDecoder(BackwardTRF(0.0, 0.7, 64))
    with pytest.raises(ValueError, match="lags of decoder 'far'"):
        Plan.of(plan, trials, {"far": far})


@pytest.mark.parametrize("cv", ["story", "time"])
def test_one_plan_serves_comparison_and_shift_test(trials, cv, monkeypatch):
    split = Split(cv, 2, 0.5, windows=[5])
    keywords = evaluation.compare({"ridge": RIDGE}, trials, cv, [5], n_splits=2, gap=0.5)
    options = {"n_shifts": 3, "random_state": 0}
    expected = circular_shift_test(RIDGE, trials, cv, n_splits=2, gap=0.5, **options)
    assert evaluation.compare({"ridge": RIDGE}, trials, split).equals(keywords)
    plan = split.plan(trials, {"ridge": RIDGE})
    monkeypatch.setattr(Split, "split", None)
    assert evaluation.compare({"ridge": RIDGE}, trials, plan).equals(keywords)
    test = circular_shift_test(RIDGE, trials, plan, **options)
    np.testing.assert_array_equal(test.null, expected.null)
    assert test.observed == expected.observed


class Holding(BaseEstimator):
    """Decoder that asks for the index of its training trials."""

    def fit(self, trials: list[Trial], attended: object = None) -> "Holding":
        from cocktailparty.model_selection import sound_index

        self.index_ = sound_index(trials)
        return self


@pytest.mark.parametrize("cv", ["trial", "time"])
def test_what_is_trained_on_a_fold_shares_the_index(trials, cv):
    plan = Split(cv, 2, 0.5, windows=[5]).plan(trials, {})
    for fold in plan.folds:
        assert Holding().fit(fold.train).index_ is plan.index
