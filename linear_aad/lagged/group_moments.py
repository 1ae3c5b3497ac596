"""Moments of several subjects, and their sums without some folds of the data."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.moments import LaggedMoments, Moments


class Segment(NamedTuple):
    """A segment of training data.

    `input` (n_times, n_channels) is the signal to be lagged, `output` (n_times, n_features) the
    targets, `subject` the number of the subject, and `fold` that of the fold, left out as a whole.
    """

    input: Any
    output: Any
    subject: int
    fold: int


class GroupMoments:
    """Moments of segments in double precision, summed by subject and fold.

    They are kept without the large matrices, which are assembled for one sum at a time. `lags` are
    successive, in samples.

    Examples
    --------
    >>> x, y = np.ones((5, 2)), np.ones((5, 1))
    >>> moments = GroupMoments([Segment(x, y, s, k) for s in (0, 1) for k in (0, 1)], np.arange(2))
    >>> moments.total().n, moments.total(subject=1).n, moments.total(subject=1, without={0}).n
    (20, 10, 5)
    >>> moments.total(subject=1, without={0, 1}) is None
    True
    """

    def __init__(self, segments: Sequence[Segment], lags: np.ndarray) -> None:
        self.n_folds = 1 + max(segment.fold for segment in segments)
        self._sums: dict[tuple[int, int], LaggedMoments] = {}
        for segment in segments:
            xp = namespace(segment.input)
            x, y = (
                xp.astype(signal, xp.float64, copy=False)
                for signal in (segment.input, segment.output)
            )
            moments = LaggedMoments.of(x, y, lags)
            key = segment.subject, segment.fold
            self._sums[key] = self._sums[key] + moments if key in self._sums else moments

    def of_fold(self, fold: int, subject: int | None = None) -> Moments | None:
        """Sum over one fold, of one subject or (None) of all; None if there are no data."""
        return self.total(subject, set(range(self.n_folds)) - {fold})

    def total(self, subject: int | None = None, without: Collection[int] = ()) -> Moments | None:
        """Sum over the folds that are not in `without`, of one subject or (None) of all.

        None if nothing is left. Adding rounds less than subtracting from the sum of everything.
        """
        kept = [
            moments
            for (s, fold), moments in self._sums.items()
            if subject in (None, s) and fold not in without
        ]
        return LaggedMoments.sum(kept).dense() if kept else None
