"""The permutation test, against enumeration by hand and simulated guessing."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from cocktailparty.evaluation.permutation import CONSTANT, FEW, UNTOLD, _together, permutation_test
from tests.cocktailparty.tested import record, records, table

KEY = [("ridge", 10.0)]


def one(*trials: dict, task: str = "attention") -> pd.DataFrame:
    return pd.DataFrame(
        {"decoder": ["ridge"], "window": 10.0, "task": task, "trials": [list(trials)]}
    )


def widening(n: int) -> float:
    """Factor of deviations with n trials, which learnt from each other."""
    return float(np.sqrt((5 - 10 / n) / 3))


def by_hand(labels: list[int], right: np.ndarray) -> tuple[float, np.ndarray]:
    """P of the labels among all their orders, deviations widened, and what these orders give."""
    orders = sorted(set(permutations(labels)))
    given = np.array([sum(r[k] for r, k in zip(right, o, strict=True)) for o in orders])
    observed, mean = given[orders.index(tuple(labels))], given.mean()
    as_high = widening(len(labels)) * (given - mean) >= observed - mean - 1e-9
    as_high[orders.index(tuple(labels))] = True
    return as_high.mean(), given


@pytest.mark.parametrize("seed", range(4))
def test_all_orders_of_the_labels_are_looked_at_where_they_are_few(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_stimuli = 2 + seed % 2
    labels = rng.permutation(np.arange(7) % n_stimuli).tolist()
    right = rng.integers(0, 9, (7, n_stimuli)).astype(float)
    tested = one(*(record(i, k, r) for i, (k, r) in enumerate(zip(labels, right, strict=True))))
    found = permutation_test(tested, KEY)
    p, given = by_hand(labels, right)
    assert found.exact
    assert found.n_permutations == len(given)
    assert found.n_units == 7
    assert found.p == pytest.approx([p])
    assert found.p_corrected == pytest.approx([p])


def test_random_permutations_estimate_the_same() -> None:
    """Trials are wholly right or wrong: the number of right ones is hypergeometric."""
    prefers = np.arange(20) % 2
    prefers[:6] = [1, 0, 1, 0, 1, 1]
    trials = [record(i, i % 2, [3 - 3 * k, 3 * k]) for i, k in enumerate(prefers.tolist())]
    found = permutation_test(one(*trials), KEY)
    assert (found.exact, found.n_permutations) == (False, 10_000)
    ones = int(prefers.sum())
    both = np.arange(max(0, ones - 10), min(ones, 10) + 1)
    right = 20 - (ones - both) - (10 - both)
    chance = hypergeom(20, ones, 10).pmf(both)
    mean, observed = chance @ right, np.sum(prefers == np.arange(20) % 2)
    expected = chance[widening(20) * (right - mean) >= observed - mean - 1e-9].sum()
    assert 0.02 < expected < 0.3
    assert found.p[0] == pytest.approx(expected, rel=0.1)


def test_matching_and_mismatching_stretches_change_places_in_every_trial() -> None:
    right = [[4, 1], [5, 0], [2, 3], [4, 1], [5, 0], [3, 2]]
    trials = [record(i, 0, r, task="match-mismatch") for i, r in enumerate(right)]
    found = permutation_test(one(*trials, task="match-mismatch"), KEY)
    given = np.array(
        [sum(r[k] for r, k in zip(right, o, strict=True)) for o in product((0, 1), repeat=6)]
    )
    as_high = widening(6) * (given - given.mean()) >= given[0] - given.mean() - 1e-9
    as_high[0] = True
    assert found.exact
    assert found.n_permutations == 64
    assert found.p == pytest.approx([as_high.mean()])


def test_a_label_that_never_changes_gives_no_verdict() -> None:
    constant = [record(i, 0, [5, 0]) for i in range(12)]
    assert permutation_test(one(*constant), KEY).withheld == CONSTANT
    # Constant for each listener, though not for all together.
    two = [record(i, i // 6, [5, 0] if i < 6 else [0, 5], group=i // 6) for i in range(12)]
    found = permutation_test(one(*two), KEY)
    assert found.withheld == CONSTANT
    assert np.isnan(found.p).all()


@pytest.mark.parametrize(("n", "withheld"), [(2, FEW), (4, FEW), (6, "")])
def test_too_few_trials_give_no_verdict(n: int, withheld: str) -> None:
    """Six labels have 20 orders: the least p is 5 %."""
    assert permutation_test(one(*records(5 * n, 5 * n, n)), KEY).withheld == withheld


def test_tables_that_do_not_tell_the_trials_give_no_verdict() -> None:
    assert permutation_test(one().drop(columns="trials"), KEY).withheld == UNTOLD


def test_a_preferred_talker_is_no_attention() -> None:
    """Always stimulus 0, which was attended in 9 of 12 trials: 75 % right, and nothing to it."""
    trials = [record(i, int(i >= 9), [10, 0]) for i in range(12)]
    found = permutation_test(one(*trials), KEY)
    assert found.p.tolist() == found.p_corrected.tolist() == [1.0]


def test_a_stretch_that_was_tested_often_counts_once() -> None:
    once = one(*records(40, 31, 8))
    often = pd.concat([once] * 5, ignore_index=True)
    first, second = permutation_test(once, KEY), permutation_test(often, KEY)
    np.testing.assert_allclose(second.p, first.p)
    np.testing.assert_allclose(second.chance, first.chance)


def test_stretches_of_one_trial_are_one_unit() -> None:
    trials = records(40, 40, 8)
    cut = [{**t, "part": 8 * k + t["part"], "n_windows": 1,
            "right": [x / 5 for x in t["right"]]} for k in range(5) for t in trials]  # fmt: skip
    whole, parts = permutation_test(one(*trials), KEY), permutation_test(one(*cut), KEY)
    assert (parts.n_units, parts.n_permutations) == (whole.n_units, whole.n_permutations)
    np.testing.assert_allclose(parts.p, whole.p)


def test_units_that_list_their_stimuli_in_other_orders_turn_them_alike() -> None:
    """A unit of two listeners who heard one mixture, listed in opposite orders."""
    trials = records(30, 24, 6)
    alike = [dict(t, part=10 + t["part"]) for t in trials]
    other = [
        dict(t, part=10 + t["part"], attended=1 - t["attended"], right=t["right"][::-1])
        for t in trials
    ]
    same = permutation_test(one(*trials, *alike), KEY)
    turned = permutation_test(one(*trials, *other), KEY)
    assert same.p == turned.p == permutation_test(one(*trials), KEY).p
    assert same.n_units == 6


def test_correction_takes_dependence_into_account() -> None:
    """Equal rows need no correction; it is never smaller than the single p."""
    equal = table(*((name, 10.0, 40, 31) for name in "abc"), subjects=("S1",), n_trials=10)
    found = permutation_test(equal, [(name, 10.0) for name in "abc"])
    assert found.p_corrected == pytest.approx(found.p)
    rng = np.random.default_rng(0)
    rows = []
    for name in "abcdef":
        right = [[k, 5 - k] for k in rng.integers(0, 6, 12).tolist()]
        trials = [record(i, i % 2, r) for i, r in enumerate(right)]
        rows.append(one(*trials).assign(decoder=name))
    found = permutation_test(pd.concat(rows), [(name, 10.0) for name in "abcdef"])
    assert (found.p_corrected >= found.p).all()
    assert found.p_corrected.min() > 1.5 * found.p.min()


def test_the_chance_level_is_where_p_becomes_small() -> None:
    found = {k: permutation_test(one(*records(60, k, 12)), KEY) for k in range(30, 61)}
    for k, test in found.items():
        assert (test.p[0] <= 0.05) == (k / 60 >= test.chance[0] - 1e-9), k


def test_fewer_right_decisions_than_guessing_are_noticed() -> None:
    assert permutation_test(one(*records(60, 6, 12)), KEY).p_below[0] < 0.01
    assert permutation_test(one(*records(60, 30, 12)), KEY).p_below[0] > 0.2
    assert permutation_test(one(*records(60, 54, 12)), KEY).p_below[0] > 0.9


def test_guessing_is_above_chance_as_often_as_the_level_says() -> None:
    """Windows of a trial go together: the trial is right or wrong as a whole."""
    rng = np.random.default_rng(0)
    fired = 0
    for _ in range(300):
        trials = [record(i, i % 2, [6, 0] if rng.random() < 0.5 else [0, 6]) for i in range(10)]
        fired += permutation_test(one(*trials), KEY).p[0] <= 0.05
    assert fired <= 0.08 * 300


def test_more_trials_are_widened_more() -> None:
    found = [_together(n) for n in (1, 5, 8, 16, 10**9)]
    assert found == pytest.approx([1, 1, 5 / 4, 35 / 24, 5 / 3])
