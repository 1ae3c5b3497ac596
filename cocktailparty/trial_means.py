"""Removal of the mean of each trial, so that an offset does not become a step at its ends."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, overload

from cocktailparty.backend import namespace


def without_mean(x: Any) -> Any:
    """Subtract the mean of each channel of a signal, (n_times,) or (n_times, n_channels).

    Same shape and dtype, except that integers become double precision; exactly zero where a
    channel is constant.

    Examples
    --------
    >>> import numpy as np
    >>> without_mean(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    array([[-1.,  0.],
           [ 0.,  0.],
           [ 1.,  0.]])
    """
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        x = xp.astype(x, xp.float64)
    constant = xp.all(x == x[:1, ...], axis=0)
    # The mean of what is left corrects the rounding of a mean that is much larger than the signal.
    for _ in range(2):
        mean = xp.sum(x, axis=0, dtype=xp.float64) / x.shape[0]
        x = x - xp.astype(mean, x.dtype)
    if bool(xp.any(constant)):
        x = xp.where(constant, xp.zeros_like(x), x)
    return x


class WithoutMeans(Sequence[Any]):
    """Signals of trials, each (n_times, n_channels), without their means, made on access.

    Examples
    --------
    >>> import numpy as np
    >>> trials = WithoutMeans([np.array([[1.0], [3.0]]), np.array([[7.0]])])
    >>> trials[0]
    array([[-1.],
           [ 1.]])
    >>> trials.mean()
    array([3.66666667])
    """

    def __init__(self, trials: Sequence[Any]) -> None:
        self.trials = trials

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "WithoutMeans": ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return WithoutMeans(self.trials[index])
        return without_mean(self.trials[index])

    def mean(self) -> Any:
        """Mean over the samples of all trials that was taken off, (n_channels,), in float64."""
        xp = namespace(*self.trials)
        total = reduce(add, (xp.sum(x, axis=0, dtype=xp.float64) for x in self.trials))
        return total / sum(x.shape[0] for x in self.trials)
