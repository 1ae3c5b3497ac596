"""Permutation test of right decisions: labels of trials are exchanged."""

from collections.abc import Iterator, Sequence
from itertools import permutations as orders
from itertools import product
from math import comb, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cocktailparty.attention_task import MATCH_MISMATCH
from cocktailparty.evaluation.tested_trials import repeats

if TYPE_CHECKING:
    import pandas as pd

#: Most label assignments that are enumerated; of more, this many are drawn at random.
N_PERMUTATIONS = 9999
#: Level of the tests.
ALPHA = 0.05

CONSTANT = (
    "the attended stimulus has the same place in the list in all trials of a listener, so that "
    "attention cannot be told from a talker, an ear or a loudness that decoders prefer"
)
FEW = "there are too few trials to tell a decoder from guessing"
UNTOLD = "the table does not tell which trials were tested"


class PermutationTest(NamedTuple):
    """Right decisions under exchanged labels: p values and chance levels.

    Attributes
    ----------
    withheld : str
        Why nothing can be tested, in words; empty if it can.
    n_units : int
        Number of independent trials, see `cocktailparty.evaluation.units`.
    n_permutations : int
        Number of label assignments that were tried.
    exact : bool
        Whether these are all assignments.
    p, p_corrected : ndarray of shape (n_rows,)
        One-sided p of each decoder and window, and corrected for all of them; NaN if withheld.
    p_below : ndarray of shape (n_rows,)
        The same as `p_corrected`, for fewer right decisions than guessing gives.
    chance : ndarray of shape (n_rows,)
        Accuracy that other labels reach with a probability of at most 5 %, 1 at most.
    """

    withheld: str
    n_units: int
    n_permutations: int
    exact: bool
    p: np.ndarray
    p_corrected: np.ndarray
    p_below: np.ndarray
    chance: np.ndarray


def permutation_test(
    table: "pd.DataFrame", keys: Sequence[tuple[str, float]], seed: int = 0
) -> PermutationTest:
    r"""Test decoders against guessing, with the trial as the unit.

    Labels are exchanged between the trials of a listener, so that each stimulus stays the attended
    one as often as it was: a decoder that prefers one talker gains nothing. Where a single sound
    played, the matching and the other segment of a trial change places. All windows of a trial go
    together. The deviations of the right decisions under other labels from their mean are taken
    :math:`\sqrt{(5 - 10 / n) / 3}` times as large with n independent trials, because decoders of a
    cross-validation learn from each other's test trials. All decoders and windows are corrected
    together by the largest standardised deviation of each permutation, which costs little where
    tests depend on each other, as windows of one trial do.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    keys : sequence of (str, float)
        Decoders and windows to be tested.
    seed : int
        Seed of the permutations, where not all are tried.

    Returns
    -------
    test : PermutationTest
        Values of p in the order of `keys`.

    References
    ----------
    Westfall, P. H., & Young, S. S. (1993). Resampling-based multiple testing. Wiley.
    Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology, 9(1), 39.
    https://doi.org/10.2202/1544-6115.1585

    Examples
    --------
    >>> import pandas as pd
    >>> trials = [{"part": i, "unit": i, "group": 0, "attended": i % 2, "n_windows": 5,
    ...            "right": [4, 1] if i % 2 == 0 else [0, 5]} for i in range(8)]
    >>> table = pd.DataFrame({"decoder": ["ridge"], "window": 10.0, "trials": [trials]})
    >>> permutation_test(table, [("ridge", 10.0)]).p.round(4)
    array([0.0143])
    """
    missing = np.full(len(keys), np.nan)
    if "trials" not in table or table["trials"].isna().any():
        return PermutationTest(UNTOLD, 0, 0, True, missing, missing, missing, missing)
    rows = [
        table[(table["decoder"] == decoder) & (table["window"] == window)]
        for decoder, window in keys
    ]
    units = _Units(rows)
    assignments, exact = units.assignments(np.random.default_rng(seed))
    if units.withheld:
        return PermutationTest(
            units.withheld, len(units.labels), 0, True, missing, missing, missing, missing
        )
    right = units.right_under(assignments)  # the labels as they are come first
    observed, mean, sd = right[0], right.mean(axis=0), right.std(axis=0)
    deviation = np.sqrt(_together(len(units.labels))) * (right - mean)
    rounding = 1e-9 * np.maximum(1, units.n_windows)
    p = _share(deviation >= observed - mean - rounding)
    tested = sd > rounding
    scale = np.where(tested, sd, 1.0)
    largest = np.max(np.where(tested, deviation / scale, -np.inf), axis=1, keepdims=True)
    lowest = np.min(np.where(tested, deviation / scale, np.inf), axis=1, keepdims=True)
    z, eps = (observed - mean) / scale, rounding / scale
    return PermutationTest(
        "",
        len(units.labels),
        len(assignments),
        exact,
        np.where(tested, p, 1.0),
        np.where(tested, _share(largest >= z - eps), 1.0),
        np.where(tested, _share(lowest <= z + eps), 1.0),
        np.minimum(_level(mean + deviation, rounding) / np.maximum(1, units.n_windows), 1.0),
    )


def expected_right(rows: "pd.DataFrame") -> float:
    """Mean number of right decisions in rows of one decoder and window under exchanged labels."""
    units = _Units([rows])
    labels = np.array(list(units.labels.values()), dtype=int)
    total = 0.0
    for group, members in units.groups.items():
        at = units.places(members)
        for place in at:
            turns = [0, 1] if _alone(group) else (labels[at] - labels[place]) % units.n[place]
            total += float(units.right[0, place, turns].mean())
    return total


def labels_vary(table: "pd.DataFrame") -> bool:
    """Tell whether labels can be exchanged at all, so that attention is more than a preference."""
    units = _Units([table])
    return any(
        _alone(group) or len({units.labels[unit] for unit in members}) > 1
        for group, members in units.groups.items()
    )


def _together(n_units: int) -> float:
    """Factor by which the variance of right decisions exceeds that under exchanged labels.

    Decoders that were trained on each other's test trials err together, which no exchange of
    labels of tested trials shows: a pair of trials counts in both. The variance would double with
    many trials if right decisions were linear in the scores; being signs, they vary less. These
    numbers keep the rates of false verdicts at about 5 %, see benchmarks/accuracy/verdict.py.
    """
    return max(1.0, (5 - 10 / n_units) / 3)


class _Units:
    """Right decisions of every unit, for each of the stimuli that could have been its label."""

    def __init__(self, rows: Sequence["pd.DataFrame"]) -> None:
        self.labels: dict[int, int] = {}
        self.groups: dict[object, list[int]] = {}
        n_stimuli: dict[int, int] = {}
        cells: list[tuple[int, int, list[float]]] = []
        self.n_windows = np.zeros(len(rows))
        for r, chosen in enumerate(rows):
            tasks = chosen["task"] if "task" in chosen else [""] * len(chosen)
            counts = repeats(chosen["trials"])
            for records, times, task in zip(chosen["trials"], counts, tasks, strict=True):
                for record, k in zip(records, times, strict=True):
                    if not record["n_windows"]:
                        continue
                    unit, attended, right = record["unit"], record["attended"], record["right"]
                    if unit not in self.labels:
                        self.labels[unit], n_stimuli[unit] = attended, len(right)
                        flips = record.get("task", task) == MATCH_MISMATCH
                        group = ("alone", unit) if flips else record["group"]
                        self.groups.setdefault(group, []).append(unit)
                    # Stimuli in turn, from the attended one: units may list them in any order.
                    turned = [right[(attended + j) % len(right)] / k for j in range(len(right))]
                    cells.append((r, unit, turned))
                    self.n_windows[r] += record["n_windows"] / k
        self._place = {unit: i for i, unit in enumerate(self.labels)}
        self.n = np.array([n_stimuli[unit] for unit in self.labels], dtype=int)
        self.right = np.zeros((len(rows), len(self.labels), max(self.n, default=1)))
        for r, unit, turned in cells:
            self.right[r, self._place[unit], : len(turned)] += turned
        self.withheld = ""

    def places(self, units: Sequence[int]) -> list[int]:
        """Positions of units among all, in the order of their first tested trials."""
        return [self._place[unit] for unit in units]

    def assignments(self, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
        """Turn the labels (n_assignments, n_units); and tell whether these are all assignments."""
        labels = np.array(list(self.labels.values()), dtype=int)
        places = {g: self.places(units) for g, units in self.groups.items()}
        n_distinct = {
            g: 2 if _alone(g) else _n_orders(labels[at].tolist()) for g, at in places.items()
        }
        total = prod(n_distinct.values())
        if total * ALPHA < 1:
            several = any(len(at) > 1 for at in places.values())
            self.withheld = CONSTANT if total == 1 and several else FEW
            return np.zeros((0, len(labels)), dtype=int), True
        exact = total <= N_PERMUTATIONS
        n_rows = total if exact else N_PERMUTATIONS + 1
        turns = np.zeros((n_rows, len(labels)), dtype=int)
        if exact:
            choices = [_orders(labels[at].tolist(), _alone(g)) for g, at in places.items()]
            for row, chosen in zip(turns, product(*choices), strict=True):
                for at, new in zip(places.values(), chosen, strict=True):
                    row[at] = new
        else:
            for g, at in places.items():
                if _alone(g):
                    turns[:, at] = rng.integers(2, size=(n_rows, 1))
                else:
                    turns[:, at] = rng.permuted(np.tile(labels[at], (n_rows, 1)), axis=1)
        for g, at in places.items():
            if not _alone(g):
                turns[:, at] -= labels[at]
        turns %= self.n
        # The labels as they are belong to the permutations, and come first.
        if exact:
            first = int(np.flatnonzero(~turns.any(axis=1))[0])
            turns[[0, first]] = turns[[first, 0]]
        else:
            turns[0] = 0
        return turns, exact

    def right_under(self, turns: np.ndarray) -> np.ndarray:
        """Right decisions (n_assignments, n_rows) under labels that are turned so."""
        right = np.zeros((len(turns), len(self.right)))
        for turn in range(self.right.shape[2]):
            right += (turns == turn).astype(float) @ self.right[:, :, turn].T
        return right


def _alone(group: object) -> bool:
    return isinstance(group, tuple)


def _n_orders(labels: list[int]) -> int:
    """Count the different orders of the labels."""
    n, ways = len(labels), 1
    for label in set(labels):
        ways *= comb(n, labels.count(label))
        n -= labels.count(label)
    return ways


def _orders(labels: list[int], alone: bool) -> list[tuple[int, ...]]:
    """All different orders of the labels; or a label and the other."""
    if alone:
        return [(0,), (1,)]
    return list(_different_orders(sorted(labels)))


def _different_orders(labels: list[int]) -> Iterator[tuple[int, ...]]:
    if len(labels) <= 5:
        yield from sorted(set(orders(labels)))
        return
    for label in sorted(set(labels)):
        rest = labels.copy()
        rest.remove(label)
        for order in _different_orders(rest):
            yield (label, *order)


def _share(as_extreme: np.ndarray) -> np.ndarray:
    """Share of permutations as extreme as the labels as they are, which are one of them."""
    as_extreme[0] = True
    return np.asarray(as_extreme.mean(axis=0))


def _level(right: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Least whole number of right decisions that at most 5 % of the permutations reach."""
    ordered = np.sort(right, axis=0)[::-1]
    return np.asarray(np.floor(ordered[int(ALPHA * len(ordered))] + rounding) + 1)
