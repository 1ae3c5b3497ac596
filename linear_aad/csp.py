"""Common spatial patterns from covariances: EEG -> bands -> covariances of windows -> filters."""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh, eigvalsh

from cocktailparty.preprocessing import bandpass


def filter_bank(eeg: np.ndarray, sfreq: float, bands: Sequence[tuple[float, float]]) -> np.ndarray:
    """Filter EEG into several pass bands, without a shift in time.

    Parameters
    ----------
    eeg : ndarray of shape (n_times, n_channels)
        Recording.
    sfreq : float
        Sampling rate in hertz.
    bands : sequence of (float, float)
        Edges of each band in hertz.

    Returns
    -------
    filtered : ndarray of shape (n_bands, n_times, n_channels)
        In double precision.

    Examples
    --------
    >>> eeg = np.random.default_rng(0).normal(size=(640, 4))
    >>> filter_bank(eeg, 64, [(4, 8), (8, 12), (12, 30)]).shape
    (3, 640, 4)
    """
    eeg = np.asarray(eeg, dtype=float)
    return np.stack([bandpass(eeg, sfreq, low, high) for low, high in bands])


def window_covariances(
    filtered: np.ndarray, samples: int, step: int, shrinkage: float
) -> np.ndarray:
    """Compute the covariance of the channels in every window and band.

    Band-passed signals have no offset, so none is taken out.

    Parameters
    ----------
    filtered : ndarray of shape (n_bands, n_times, n_channels)
        Signals in each band.
    samples, step : int
        Length of the windows and distance of their starts, in samples.
    shrinkage : float
        Between 0 and 1: how far each covariance is drawn towards the identity of equal trace.

    Returns
    -------
    covariances : ndarray of shape (n_windows, n_bands, n_channels, n_channels)
        A last window that is not complete is left out.

    Raises
    ------
    ValueError
        If there is no signal in a window.

    Examples
    --------
    >>> filtered = np.random.default_rng(0).normal(size=(3, 640, 4))
    >>> window_covariances(filtered, samples=64, step=64, shrinkage=0.0).shape
    (10, 3, 4, 4)
    """
    n_channels = filtered.shape[2]
    # Views of shape (n_bands, n_windows, n_channels, samples): windows are not copied.
    windows = np.lib.stride_tricks.sliding_window_view(filtered, samples, axis=1)[:, ::step]
    covariances = (windows @ windows.swapaxes(2, 3) / samples).swapaxes(0, 1)
    power = np.trace(covariances, axis1=2, axis2=3) / n_channels
    # What rounding leaves of a stretch of zeros has no logarithm to speak of.
    flat = np.flatnonzero((power <= 1e-20 * np.mean(filtered**2, axis=(1, 2))).any(axis=1))
    if flat.size:
        raise ValueError(
            f"eeg is flat in {flat.size} window(s) of {samples} samples, the first from sample "
            f"{flat[0] * step} on: cut such stretches out"
        )
    covariances *= 1 - shrinkage
    diagonal = np.arange(n_channels)
    covariances[..., diagonal, diagonal] += shrinkage * power[..., None]
    return covariances


def common_spatial_patterns(
    covariances: np.ndarray, n_components: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""Find the spatial filters in whose output one class has most of the power.

    The filters of class k maximise :math:`w^\top C_k w / w^\top \sum_j C_j w`. With two classes
    they are the two ends of one spectrum, with more they set one class against the rest.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes, n_channels, n_channels)
        Covariance of each class.
    n_components : int
        Filters of each class.

    Returns
    -------
    filters : ndarray of shape (n_classes * n_components, n_channels)
        Those of class 0 first, each class from its largest share of power down; the powers that a
        filter passes sum to one over classes.
    patterns : ndarray of shape (n_classes * n_components, n_channels)
        Covariance of the channels with the output of each filter, whose power is one.

    Raises
    ------
    ValueError
        If the channels are linearly dependent.

    References
    ----------
    Blankertz, B., et al. (2008). Optimizing spatial filters for robust EEG single-trial analysis.
    IEEE Signal Processing Magazine, 25(1), 41-56. https://doi.org/10.1109/MSP.2008.4408441

    Examples
    --------
    >>> covariances = np.array([np.diag([3, 1]), np.eye(2)])
    >>> filters, patterns = common_spatial_patterns(covariances, n_components=1)
    >>> np.abs(filters).round(2)
    array([[0.5 , 0.  ],
           [0.  , 0.71]])
    """
    total = covariances.sum(axis=0)
    spectrum = eigvalsh(total)
    # Rounding, of float32 recordings above all, keeps a singular matrix from being exactly so.
    if spectrum[0] <= 1e-12 * spectrum[-1]:
        raise ValueError(
            "the channels are linearly dependent in a band, as after an average reference: raise "
            "shrinkage, or drop channels that are sums of others"
        )
    filters = []
    for covariance in covariances:
        vectors = eigh(covariance, total)[1]
        filters.append(vectors[:, : -n_components - 1 : -1].T)
    stacked = np.concatenate(filters)
    return stacked, stacked @ total
