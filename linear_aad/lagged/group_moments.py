"""Moments of several subjects, and sums of them that leave folds of the data out."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.moments import LaggedMoments, Moments


class Segment(NamedTuple):
    """A piece of training data.

    Attributes
    ----------
    input : array of shape (n_times, n_channels)
        Signal to be lagged.
    output : array of shape (n_times, n_features)
        Targets.
    subject : int
        Number of the subject.
    fold : int
        Number of the fold, which is left out as a whole.
    """

    input: Any
    output: Any
    subject: int
    fold: int


class GroupMoments:
    """Moments of segments in double precision, added up by subject and fold.

    They are kept without the large matrices, which are assembled for one sum at a time.

    Parameters
    ----------
    segments : sequence of Segment
        Training data.
    lags : ndarray of int, shape (n_lags,)
        Successive lags in samples.

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
        """Add up one fold.

        Parameters
        ----------
        fold : int
            Its number.
        subject : int, optional
            Of this subject alone; None for all.

        Returns
        -------
        moments : Moments or None
            None if there is nothing.
        """
        return self.total(subject, set(range(self.n_folds)) - {fold})

    def total(self, subject: int | None = None, without: Collection[int] = ()) -> Moments | None:
        """Add up all that is not left out, which rounds less than taking off what is.

        Parameters
        ----------
        subject : int, optional
            Of this subject alone; None for all.
        without : collection of int
            Folds to leave out.

        Returns
        -------
        moments : Moments or None
            None if there is nothing left.
        """
        kept = [
            moments
            for (s, fold), moments in self._sums.items()
            if subject in (None, s) and fold not in without
        ]
        return LaggedMoments.sum(kept).dense() if kept else None
