"""Lagged copies of a signal, and the moments (sums, products) that a regression on them needs.

A lag of `l` samples pairs stimulus(t) with EEG(t + l), for backward and forward models alike: a
positive lag means that the brain answers later. Samples before the start and after the end of a
trial count as zero, as in the mTRF toolboxes and MNE.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import add
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from cocktailparty.validation import check_rate
from linear_aad.lagged import toeplitz as block_toeplitz
from linear_aad.lagged.linalg import rank_one_update


def lags_in_samples(tmin: float, tmax: float, sfreq: float) -> np.ndarray:
    """List the lags between two times, both ends included.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag in seconds.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    lags : ndarray of int, shape (n_lags,)
        From ``round(tmin * sfreq)`` to ``round(tmax * sfreq)``, the rule of MNE. The mTRF
        toolboxes round outwards instead; the two differ where a limit is not a whole number of
        samples.

    Raises
    ------
    ValueError
        If the rate is not positive, or tmax lies before tmin.

    Examples
    --------
    >>> lags_in_samples(-0.05, 0.05, sfreq=64)
    array([-3, -2, -1,  0,  1,  2,  3])
    """
    check_rate(sfreq, "sfreq")
    limits: tuple[Any, Any] = tmin, tmax
    numbers = all(isinstance(t, int | float | np.number) and np.isfinite(t) for t in limits)
    if not (numbers and tmin <= tmax):
        raise ValueError(f"lags must run from tmin to a later tmax, got {tmin!r} to {tmax!r} s")
    return np.arange(round(tmin * sfreq), round(tmax * sfreq) + 1)


def lag_matrix(x: Any, lags: np.ndarray) -> Any:
    """Put copies of a signal, shifted by every lag, side by side.

    Parameters
    ----------
    x : array of shape (n_times, n_channels)
        Signal.
    lags : ndarray of int, shape (n_lags,)
        Lags in samples.

    Returns
    -------
    lagged : array of shape (n_times, n_channels * n_lags)
        Row `t` holds ``x[t + lag]``, zero outside the signal; the lags of a channel lie together.

    Examples
    --------
    >>> import numpy as np
    >>> lag_matrix(np.array([[1.0], [2.0], [3.0]]), np.array([0, 1]))
    array([[1., 2.],
           [2., 3.],
           [3., 0.]])
    """
    xp = namespace(x)
    n_times, n_channels = x.shape
    lagged = xp.zeros((n_times, n_channels, len(lags)), dtype=x.dtype)
    for i, (start, stop, lag) in enumerate(_overlaps(n_times, lags)):
        lagged[start:stop, :, i] = x[start + lag : stop + lag, :]
    return xp.reshape(lagged, (n_times, -1))


def filter_lagged(x: Any, weights: Any, lags: np.ndarray) -> Any:
    """Multiply the lagged copies of a signal with weights, without laying the copies out.

    Parameters
    ----------
    x : array of shape (n_times, n_channels)
        Signal.
    weights : array of shape (n_channels, n_lags, n_targets)
        Weights.
    lags : ndarray of int, shape (n_lags,)
        Lags in samples.

    Returns
    -------
    filtered : array of shape (n_times, n_targets)
        Equal to ``lag_matrix(x, lags) @ weights.reshape(-1, n_targets)``.
    """
    xp = namespace(x, weights)
    (n_times, n_channels), (_, n_lags, n_targets) = x.shape, weights.shape
    # Time goes last: sums along contiguous memory are up to three times faster.
    rows = xp.reshape(xp.permute_dims(weights, (1, 2, 0)), (-1, n_channels))
    by_lag = xp.reshape(rows @ xp.matrix_transpose(x), (n_lags, n_targets, n_times))
    filtered = xp.zeros((n_targets, n_times), dtype=by_lag.dtype)
    for i, (start, stop, lag) in enumerate(_overlaps(n_times, lags)):
        filtered[:, start:stop] += by_lag[i, :, start + lag : stop + lag]
    return xp.matrix_transpose(filtered)


def _overlaps(n_times: int, lags: np.ndarray) -> list[tuple[int, int, int]]:
    """First and last time (excluded) at which a lagged signal exists, for each lag."""
    overlaps = []
    for lag in lags.tolist():
        start = min(n_times, max(0, -lag))
        overlaps.append((start, max(start, min(n_times, n_times - lag)), lag))
    return overlaps


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over time of regressors, targets and their products; trials add up and subtract.

    Attributes
    ----------
    n : int
        Number of samples.
    x, y : array of shape (n_regressors,), (n_targets,)
        Sums.
    xx, xy, yy : array of shape (n_regressors, n_regressors), (n_regressors, n_targets), \
(n_targets,)
        Sums of products; of the targets only the squares.
    """

    n: int
    x: Any
    y: Any
    xx: Any
    xy: Any
    yy: Any

    @classmethod
    def of(cls, x: Any, y: Any) -> "Moments":
        """Sum over one trial, in double precision.

        Parameters
        ----------
        x : array of shape (n_times, n_regressors)
            Lagged signal.
        y : array of shape (n_times, n_targets)
            Targets.

        Returns
        -------
        moments : Moments
            The sums.
        """
        xp = namespace(x, y)
        x, y = xp.astype(x, xp.float64, copy=False), xp.astype(y, xp.float64, copy=False)
        transposed = xp.matrix_transpose(x)
        sums = (xp.sum(x, axis=0), xp.sum(y, axis=0))
        return cls(x.shape[0], *sums, transposed @ x, transposed @ y, xp.sum(y * y, axis=0))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    def of_columns(self, columns: np.ndarray | None) -> "Moments":
        """Take some of the regressors.

        Parameters
        ----------
        columns : ndarray of int, shape (n_chosen,), or None
            Their indices; None for all.

        Returns
        -------
        moments : Moments
            As if there were no others.
        """
        if columns is None:
            return self
        xp = namespace(self.xx)
        if isinstance(self.xx, np.ndarray):
            xx = self.xx[np.ix_(columns, columns)]
        else:
            xx = xp.take(xp.take(self.xx, xp.asarray(columns), axis=0), xp.asarray(columns), axis=1)
        x, xy = (xp.take(sums, xp.asarray(columns), axis=0) for sums in (self.x, self.xy))
        return Moments(self.n, x, self.y, xx, xy, self.yy)

    @property
    def parts(self) -> tuple:
        """All sums, in the order of the constructor."""
        return self.n, self.x, self.y, self.xx, self.xy, self.yy

    def centred(self, overwrite: bool = False) -> tuple[Any, Any, Any]:
        """Take the sums of products about the means: what is left when an intercept is fitted.

        Parameters
        ----------
        overwrite : bool
            Allow the large matrix to be overwritten: the moments are not used any more.

        Returns
        -------
        xx, xy, yy : array
            Of the shapes of the attributes.
        """
        xx = rank_one_update(self.xx, -1 / self.n, self.x, overwrite)
        xy = self.xy - self.x[:, None] * (self.y / self.n)[None, :]
        return xx, xy, self.yy - self.y**2 / self.n


@dataclass(frozen=True, eq=False)
class LaggedMoments:
    """Moments of a lagged signal, without the lagged signal.

    The products of a signal with its own lagged copies form a block matrix that is constant along
    its block diagonals, but for the samples that enter and leave at the ends of a trial. So one row
    of blocks and the samples near the ends tell everything: `n_lags` times less to compute, and to
    keep, than the matrix.

    Attributes
    ----------
    n : int
        Number of samples.
    x, y : array of shape (n_channels * n_lags,), (n_targets,)
        Sums.
    xy, yy : array of shape (n_channels * n_lags, n_targets), (n_targets,)
        Sums of products; of the targets only the squares.
    toeplitz : array of shape (n_channels, n_channels, n_lags)
        Products at the first lag and `d` lags after it.
    edges : array of shape (n_edges, n_lags, n_channels)
        For each lag, the sample that leaves at the start or enters at the end of a trial when
        both lags of a product grow by one.
    signs : array of shape (n_edges,)
        -1 for samples that leave, 1 for those that enter.
    columns : ndarray of int, shape (n_regressors,), optional
        Which of all channels and lags `dense` takes; None for all.
    """

    n: int
    x: Any
    y: Any
    xy: Any
    yy: Any
    toeplitz: Any
    edges: Any
    signs: Any
    columns: np.ndarray | None = None

    @classmethod
    def of(
        cls, x: Any, y: Any, lags: np.ndarray, columns: np.ndarray | None = None
    ) -> "LaggedMoments":
        """Sum over one trial.

        Products are taken in the precision of the signals and added up in double precision. A
        signal in single precision whose mean exceeds its standard deviation is taken in double
        precision, because its variance would be lost in the products.

        Parameters
        ----------
        x : array of shape (n_times, n_channels)
            Signal to be lagged.
        y : array of shape (n_times, n_targets)
            Targets.
        lags : ndarray of int, shape (n_lags,)
            Successive lags in samples.
        columns : ndarray of int, shape (n_regressors,), optional
            Which of all channels and lags are regressors; None for all.

        Returns
        -------
        moments : LaggedMoments
            The sums.
        """
        xp = namespace(x, y)
        if x.dtype != xp.float64 and _has_offset(x):
            x = xp.astype(x, xp.float64)
        y_double = xp.astype(y, xp.float64, copy=False)
        edges, signs = block_toeplitz.edges(x, lags)
        return cls(
            x.shape[0],
            block_toeplitz.sums(x, lags),
            xp.sum(y_double, axis=0),
            lagged_products(x, y, lags),
            xp.sum(y_double * y_double, axis=0),
            block_toeplitz.first_row(x, lags),
            edges,
            signs,
            columns,
        )

    @classmethod
    def sum(cls, trials: Iterable["LaggedMoments"]) -> "LaggedMoments":
        """Sum over trials.

        Parameters
        ----------
        trials : iterable of LaggedMoments
            At least one, else ValueError.

        Returns
        -------
        moments : LaggedMoments
            The sums.
        """
        edges, signs, sums, columns = [], [], None, None
        for m in trials:
            columns = m.columns
            edges.append(m.edges)
            signs.append(m.signs)
            added = (m.n, m.x, m.y, m.xy, m.yy, m.toeplitz)
            sums = added if sums is None else tuple(map(add, sums, added))
        if sums is None:
            raise ValueError("there are no trials to add up")
        xp = namespace(*edges)
        return cls(*sums, xp.concat(edges), xp.concat(signs), columns)

    def __add__(self, other: "LaggedMoments") -> "LaggedMoments":
        return LaggedMoments.sum([self, other])

    def scaled(self, factors: Any) -> "LaggedMoments":
        """Multiply each channel with a factor, as if the signal had been so from the start.

        Parameters
        ----------
        factors : array of shape (n_channels,)
            One for each channel.

        Returns
        -------
        moments : LaggedMoments
            Sums of the scaled signal.
        """
        xp = namespace(self.x)
        n_lags = self.toeplitz.shape[2]
        repeated = xp.repeat(factors, n_lags)
        return LaggedMoments(
            self.n,
            self.x * repeated,
            self.y,
            self.xy * repeated[:, None],
            self.yy,
            self.toeplitz * factors[:, None, None] * factors[None, :, None],
            self.edges * factors[None, None, :],
            self.signs,
            self.columns,
        )

    def dense(self) -> Moments:
        """Assemble the matrix of products.

        Returns
        -------
        moments : Moments
            The same sums, which can also be subtracted; of `columns` only.
        """
        if isinstance(self.toeplitz, np.ndarray):
            from linear_aad.lagged import toeplitz_numba as block_toeplitz_numba

            products = block_toeplitz_numba.assemble(self.toeplitz, self.edges, self.signs)
        else:
            products = block_toeplitz.assemble(self.toeplitz, self.edges, self.signs)
        whole = Moments(self.n, self.x, self.y, products, self.xy, self.yy)
        return whole.of_columns(self.columns)


def _has_offset(x: Any) -> bool:
    """Whether the mean of a channel is larger than its standard deviation."""
    xp = namespace(x)
    mean = xp.sum(x, axis=0, dtype=xp.float64) / x.shape[0]
    power = xp.sum(x * x, axis=0, dtype=xp.float64) / x.shape[0]
    return bool(xp.any(2 * mean**2 > power))


def lagged_products(x: Any, y: Any, lags: np.ndarray) -> Any:
    """Multiply the lagged copies of a signal with targets, and sum over time.

    From a signal (n_times, n_channels) and targets (n_times, n_targets) to
    (n_channels * n_lags, n_targets) in double precision; the lags, in samples, of a channel lie
    together.
    """
    xp = namespace(x, y)
    n_channels, n_targets = x.shape[1], y.shape[1]
    if n_channels <= n_targets:
        return xp.astype(xp.matrix_transpose(lag_matrix(x, lags)) @ y, xp.float64, copy=False)
    # The narrower of the two is laid out, in the other direction if it is the targets.
    products = xp.matrix_transpose(x) @ lag_matrix(y, -lags)
    products = xp.reshape(products, (n_channels, n_targets, len(lags)))
    products = xp.reshape(xp.permute_dims(products, (0, 2, 1)), (-1, n_targets))
    return xp.astype(products, xp.float64, copy=False)
