"""Moments of many trials, one at a time."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from cocktailparty.reuse import reused
from cocktailparty.trial_means import WithoutMeans
from linear_aad.lagged.moments import LaggedMoments

# Up to this many bytes the moments of all trials are kept; beyond, they are computed when needed.
KEPT_BYTES = 2**27


class TrialMoments(Sequence[LaggedMoments]):
    """Moments of each trial of a data set, in bounded memory.

    Moments of a trial with many channels and lags can be larger than the trial. They are cheap to
    compute, so that a data set whose moments would fill the memory is gone through again instead.

    `inputs` (n_times, n_channels) are multiplied by `factors` (n_channels,), if given, and lagged
    by successive `lags` in samples, of which `columns` (n_regressors,) are taken (None: all);
    `outputs` have the shape (n_times, n_targets).

    Examples
    --------
    >>> import numpy as np
    >>> trials = TrialMoments([np.ones((5, 2))] * 3, [np.ones((5, 1))] * 3, np.arange(2))
    >>> len(trials), trials[0].n, trials.total().n
    (3, 5, 15)
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        lags: np.ndarray,
        factors: Any = None,
        columns: np.ndarray | None = None,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.lags = lags
        self.factors = factors
        self.columns = columns
        n_channels, n_lags = inputs[0].shape[1], len(lags)
        self._trial_bytes = 8 * n_channels * n_lags * (n_channels + outputs[0].shape[1] + 3)
        # Before scaling, so that scaled copies share them.
        self._kept: dict[int, LaggedMoments] | None = (
            {} if self._trial_bytes * len(inputs) <= KEPT_BYTES else None
        )

    def __len__(self) -> int:
        return len(self.inputs)

    @overload
    def __getitem__(self, index: int) -> LaggedMoments: ...
    @overload
    def __getitem__(self, index: slice) -> "TrialMoments": ...
    def __getitem__(self, index: int | slice) -> "LaggedMoments | TrialMoments":
        if isinstance(index, slice):
            return TrialMoments(
                self.inputs[index], self.outputs[index], self.lags, self.factors, self.columns
            )
        index = range(len(self))[index]
        moments = None if self._kept is None else self._kept.get(index)
        if moments is None:
            moments = self._summed(index)
            if self._kept is not None:
                self._kept[index] = moments
        return moments if self.factors is None else moments.scaled(self.factors)

    def _summed(self, index: int) -> LaggedMoments:
        """Sum over a trial, once for all folds of a comparison that train on it."""
        signals = (self.inputs, self.outputs)
        centred = tuple(isinstance(s, WithoutMeans) for s in signals)
        arrays = [(s.trials if isinstance(s, WithoutMeans) else s)[index] for s in signals]
        columns = None if self.columns is None else tuple(self.columns.tolist())
        settings = ("moments", tuple(self.lags.tolist()), columns, centred)

        def summed() -> LaggedMoments:
            x, y = self.inputs[index], self.outputs[index]
            return LaggedMoments.of(x, y, self.lags, self.columns)

        return reused(arrays, settings, self._trial_bytes, summed)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return int(self.outputs[0].shape[1])

    def scaled(self, factors: Any) -> "TrialMoments":
        """Multiply each channel by a factor, (n_channels,)."""
        both = factors if self.factors is None else self.factors * factors
        trials = TrialMoments(self.inputs, self.outputs, self.lags, both, self.columns)
        trials._kept = self._kept
        return trials

    def total(self) -> LaggedMoments:
        """Sum over all trials."""
        return LaggedMoments.sum(iter(self))
