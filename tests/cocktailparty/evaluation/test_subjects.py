import numpy as np
import pandas as pd
import pytest

from cocktailparty.evaluation import group_tests, subject_rows
from cocktailparty.statistics import holm, subject_test
from tests.cocktailparty.tested import record, table

SIX = [f"S{i}" for i in range(6)]


def counted(*right, labels=(0, 1, 0, 1), window=10.0, decoder="ridge"):
    """One decoder; `right` has, for each subject, the right decisions of 5 in each trial."""
    rows = []
    for s, of_trials in enumerate(right):
        trials = []
        for i, k in enumerate(of_trials):
            decisions = [5 - k, 5 - k]
            decisions[labels[i]] = k
            trials.append(record(10 * s + i, labels[i], decisions, group=s, n_windows=5))
        rows.append(
            {
                "decoder": decoder, "window": window, "subject": f"S{s}", "fold": "a",
                "n_windows": 5 * len(of_trials), "n_correct": sum(of_trials), "n_stimuli": 2,
                "task": "attention", "trials": trials,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def test_accuracy_and_chance_of_each_subject():
    rows = subject_rows(counted([5, 5, 5, 5], [3, 2, 3, 2]))
    assert rows["accuracy"].tolist() == [1.0, 0.5]
    np.testing.assert_allclose(rows["chance"], 0.5)


def test_a_preferred_talker_is_no_effect():
    """Where one talker was attended more often, who always chooses it is right more often."""
    labels = (0, 0, 0, 1)
    prefers = [5, 5, 5, 0]
    rows = subject_rows(counted(*[prefers] * 6, labels=labels))
    np.testing.assert_allclose(rows["accuracy"], 0.75)
    np.testing.assert_allclose(rows["chance"], 0.75)
    (test,) = group_tests(counted(*[prefers] * 6, labels=labels)).to_dict("records")
    assert test["p"] == 1
    # One that always knows is above it, although by less than half.
    knows = subject_rows(counted([5, 5, 5, 5], labels=labels))
    np.testing.assert_allclose(knows["chance"], 10 / 16)


def test_without_exchangeable_labels_there_is_no_test_against_chance():
    constant = counted(*[[5, 4, 3, 5]] * 6, labels=(0, 0, 0, 0))
    assert group_tests(constant).empty
    other = constant.assign(decoder="other")
    both = group_tests(pd.concat([constant, other]))
    assert both["against"].tolist() == ["ridge"]


def test_each_is_tested_against_chance_and_each_other(rng):
    counts = rng.integers(40, 90, (6, 3, 2))
    rows = table()
    parts = [
        table((name, window, 100, int(counts[s, d, w])), subjects=[subject])
        for s, subject in enumerate(SIX)
        for d, name in enumerate("abc")
        for w, window in enumerate((5.0, 30.0))
    ]
    rows = pd.concat(parts, ignore_index=True).drop(columns="trials")
    tests = group_tests(rows)
    assert len(tests) == 2 * (3 + 3)
    assert tests["against"].tolist() == ["chance"] * 3 + ["a", "a", "b"] + ["chance"] * 3 + [
        "a", "a", "b",
    ]  # fmt: skip
    at = tests[tests["window"] == 30.0]
    expected = subject_test(counts[:, 2, 1] - 50.0)
    found = at[(at["decoder"] == "c") & (at["against"] == "chance")].iloc[0]
    np.testing.assert_allclose(
        found[["effect", "low", "high", "p", "p_wilcoxon"]].to_numpy(float), expected[1:]
    )
    pair = at[(at["decoder"] == "c") & (at["against"] == "b")].iloc[0]
    assert pair["effect"] == pytest.approx((counts[:, 2, 1] - counts[:, 1, 1]).mean())
    for family in (at["against"] == "chance", at["against"] != "chance"):
        np.testing.assert_allclose(at["p_corrected"][family], holm(at["p"][family]))


def test_pairs_are_of_those_who_have_both():
    first = table(("a", 5.0, 20, 15), subjects=SIX)
    second = table(("b", 5.0, 20, 12), subjects=SIX[:4])
    tests = group_tests(pd.concat([first, second], ignore_index=True).drop(columns="trials"))
    assert tests["n_subjects"].tolist() == [6, 4, 4]


def test_one_subject_is_no_group():
    assert group_tests(counted([5, 4, 3, 5])).empty
    with pytest.raises(ValueError, match="no decision"):
        group_tests(counted([5, 4, 3, 5]).iloc[:0])
