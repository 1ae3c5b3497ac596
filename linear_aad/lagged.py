"""Lagged copies of a signal, and the moments (sums, products) that a regression on them needs.

A lag of `l` samples pairs stimulus(t) with EEG(t + l), for backward and forward models alike: a
positive lag means that the brain answers later. Samples before the start and after the end of a
trial count as zero, as in the mTRF toolboxes and MNE.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dger


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
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"sfreq must be a positive number of hertz, got {sfreq!r}")
    if not (np.isfinite(tmin) and np.isfinite(tmax) and tmin <= tmax):
        raise ValueError(f"lags must run from tmin to a later tmax, got {tmin!r} to {tmax!r} s")
    return np.arange(round(tmin * sfreq), round(tmax * sfreq) + 1)


def lag_matrix(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Put copies of a signal, shifted by every lag, side by side.

    Parameters
    ----------
    x : ndarray of shape (n_times, n_channels)
        Signal.
    lags : ndarray of int, shape (n_lags,)
        Lags in samples.

    Returns
    -------
    lagged : ndarray of shape (n_times, n_channels * n_lags)
        Row `t` holds ``x[t + lag]``, zero outside the signal; the lags of a channel lie together.

    Examples
    --------
    >>> import numpy as np
    >>> lag_matrix(np.array([[1.0], [2.0], [3.0]]), np.array([0, 1]))
    array([[1., 2.],
           [2., 3.],
           [3., 0.]])
    """
    n_times, n_channels = x.shape
    lagged = np.zeros((n_times, n_channels, len(lags)), dtype=x.dtype)
    for i, lag in enumerate(lags):
        start = max(0, -lag)
        stop = max(start, min(n_times, n_times - lag))
        lagged[start:stop, :, i] = x[start + lag : stop + lag]
    return lagged.reshape(n_times, -1)


def filter_lagged(x: np.ndarray, weights: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Multiply the lagged copies of a signal with weights, without laying the copies out.

    Parameters
    ----------
    x : ndarray of shape (n_times, n_channels)
        Signal.
    weights : ndarray of shape (n_channels, n_lags, n_targets)
        Weights.
    lags : ndarray of int, shape (n_lags,)
        Lags in samples.

    Returns
    -------
    filtered : ndarray of shape (n_times, n_targets)
        Equal to ``lag_matrix(x, lags) @ weights.reshape(-1, n_targets)``.
    """
    n_times, n_channels = x.shape
    _, n_lags, n_targets = weights.shape
    parts = (x @ weights.reshape(n_channels, -1)).reshape(n_times, n_lags, n_targets)
    filtered = np.zeros((n_times, n_targets), dtype=parts.dtype)
    for i, lag in enumerate(lags):
        start = min(n_times, max(0, -lag))
        stop = max(start, min(n_times, n_times - lag))
        filtered[start:stop] += parts[start + lag : stop + lag, i]
    return filtered


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over time of regressors, targets and their products; trials add up and subtract.

    Attributes
    ----------
    n : int
        Number of samples.
    x, y : ndarray of shape (n_regressors,), (n_targets,)
        Sums.
    xx, xy, yy : ndarray of shape (n_regressors, n_regressors), (n_regressors, n_targets), \
(n_targets,)
        Sums of products; of the targets only the squares.
    """

    n: int
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Moments":
        """Sum over one trial, in double precision.

        Parameters
        ----------
        x : ndarray of shape (n_times, n_regressors)
            Lagged signal.
        y : ndarray of shape (n_times, n_targets)
            Targets.

        Returns
        -------
        moments : Moments
            The sums.
        """
        x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
        return cls(len(x), x.sum(0), y.sum(0), x.T @ x, x.T @ y, (y * y).sum(0))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    @property
    def parts(self) -> tuple:
        """All sums, in the order of the constructor."""
        return self.n, self.x, self.y, self.xx, self.xy, self.yy

    def centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the sums of products about the means: what is left when an intercept is fitted.

        Returns
        -------
        xx, xy, yy : ndarray
            Of the shapes of the attributes.
        """
        xx = self.xx.copy()
        # In place, and on the transpose, which is the same matrix in the order that BLAS takes.
        dger(-1 / self.n, self.x, self.x, a=xx.T, overwrite_a=True)
        xy = self.xy - np.outer(self.x, self.y / self.n)
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
    x, y : ndarray of shape (n_channels * n_lags,), (n_targets,)
        Sums.
    xy, yy : ndarray of shape (n_channels * n_lags, n_targets), (n_targets,)
        Sums of products; of the targets only the squares.
    toeplitz : ndarray of shape (n_channels, n_channels, n_lags)
        Products at the first lag and `d` lags after it.
    edges : ndarray of shape (n_edges, n_lags, n_channels)
        For each lag, the sample that leaves at the start or enters at the end of a trial when
        both lags of a product grow by one.
    signs : ndarray of shape (n_edges,)
        -1 for samples that leave, 1 for those that enter.
    """

    n: int
    x: np.ndarray
    y: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    toeplitz: np.ndarray
    edges: np.ndarray
    signs: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, lags: np.ndarray) -> "LaggedMoments":
        """Sum over one trial.

        Products are taken in the precision of the signals and added up in double precision.

        Parameters
        ----------
        x : ndarray of shape (n_times, n_channels)
            Signal to be lagged.
        y : ndarray of shape (n_times, n_targets)
            Targets.
        lags : ndarray of int, shape (n_lags,)
            Successive lags in samples.

        Returns
        -------
        moments : LaggedMoments
            The sums.
        """
        (n_times, n_channels), n_lags = x.shape, len(lags)
        x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        sums = np.tile(x.sum(axis=0, dtype=np.float64), (n_lags, 1))
        edges = np.zeros((2, n_lags, n_channels))
        for i, lag in enumerate(lags):
            first = min(n_times, max(0, lag))
            last = max(first, min(n_times, n_times + lag))
            for unseen in (x[:first], x[last:]):
                sums[i] -= unseen.sum(axis=0, dtype=np.float64)
            if 0 <= lag < n_times:
                edges[0, i] = x[lag]
            elif -n_times <= lag < 0:
                edges[1, i] = x[lag]
        signs = np.array([-1.0, 1.0])
        needed = edges.any(axis=(1, 2))
        return cls(
            n_times,
            sums.T.ravel(),
            y.sum(axis=0, dtype=np.float64),
            _products(x, y, lags),
            np.einsum("ij,ij->j", y, y, dtype=np.float64),
            _first_row_of_blocks(x, lags),
            edges[needed],
            signs[needed],
        )

    def __add__(self, other: "LaggedMoments") -> "LaggedMoments":
        return LaggedMoments(
            self.n + other.n,
            self.x + other.x,
            self.y + other.y,
            self.xy + other.xy,
            self.yy + other.yy,
            self.toeplitz + other.toeplitz,
            np.concatenate([self.edges, other.edges]),
            np.concatenate([self.signs, other.signs]),
        )

    def dense(self) -> Moments:
        """Assemble the matrix of products.

        Returns
        -------
        moments : Moments
            The same sums, which can also be subtracted.
        """
        from linear_aad.lagged_numba import assemble

        products = assemble(self.toeplitz, self.edges, self.signs)
        return Moments(self.n, self.x, self.y, products, self.xy, self.yy)


def _products(x: np.ndarray, y: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Products (n_channels * n_lags, n_targets) of the lagged signal and the targets."""
    if x.shape[1] <= y.shape[1]:
        return (lag_matrix(x, lags).T @ y).astype(np.float64, copy=False)
    # The narrower of the two is laid out, in the other direction if it is the targets.
    products = (x.T @ lag_matrix(y, -lags)).reshape(x.shape[1], y.shape[1], len(lags))
    return products.transpose(0, 2, 1).reshape(-1, y.shape[1]).astype(np.float64, copy=False)


def _first_row_of_blocks(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Products (n_channels, n_channels, n_lags) of a signal at the first lag and at all lags.

    The signal is cut into rows of `n_lags` samples. Then the samples at the i-th place of all
    rows, and all that follow each of them within the lags, are two strided views whose product
    covers all lags at once: as many flops as lag by lag, in fewer and wider products.
    """
    (n_times, n_channels), n_lags = x.shape, len(lags)
    first = min(n_times, max(0, lags[0]))
    last = max(first, n_times + min(0, lags[0]))
    n_rows = -(-(last - first) // n_lags)
    # Zeros beyond the end take no part in any sum.
    early = np.zeros((n_rows * n_lags, n_channels), dtype=x.dtype)
    early[: last - first] = x[first:last]
    late = np.zeros(((n_rows + 1) * n_lags, n_channels), dtype=x.dtype)
    late[: n_times - first] = x[first : first + len(late)]
    width = n_lags * n_channels
    early, late = early.reshape(n_rows, width), late.ravel()
    blocks = np.zeros((n_channels, width))
    for i in range(n_lags):
        place = slice(i * n_channels, (i + 1) * n_channels)
        following = late[place.start : place.start + n_rows * width].reshape(n_rows, width)
        blocks += early[:, place].T @ following
    blocks = blocks.reshape(n_channels, n_lags, n_channels)
    return np.ascontiguousarray(blocks.transpose(0, 2, 1))
