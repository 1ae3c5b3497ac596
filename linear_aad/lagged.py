"""Lagged copies of a signal, and the moments (sums, products) that a regression on them needs.

A lag of `l` samples pairs stimulus(t) with EEG(t + l), for backward and forward models alike: a
positive lag means that the brain answers later. Samples before the start and after the end of a
trial count as zero, as in the mTRF toolboxes and MNE.
"""

from dataclasses import dataclass

import numpy as np


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
        xx = self.xx - np.outer(self.x, self.x / self.n)
        xy = self.xy - np.outer(self.x, self.y / self.n)
        return xx, xy, self.yy - self.y**2 / self.n
