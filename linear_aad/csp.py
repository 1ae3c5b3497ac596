"""Common spatial patterns from covariances: EEG -> bands -> covariances of windows -> filters."""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh, eigvalsh

from cocktailparty.preprocessing import bandpass


def filter_bank(eeg: np.ndarray, sfreq: float, bands: Sequence[tuple[float, float]]) -> np.ndarray:
    """Filter EEG (n_times, n_channels) into several pass bands, without a shift in time.

    `bands` are pairs of edges in hertz. Gives (n_bands, n_times, n_channels) in double precision.

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

    From (n_bands, n_times, n_channels) to (n_windows, n_bands, n_channels, n_channels), for windows
    of `samples` every `step` samples; an incomplete last one is left out. Band-passed signals have
    no offset, so none is subtracted. `shrinkage`, from 0 to 1, draws each covariance towards the
    identity of equal trace. Raises ValueError if there is no signal in a window.

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
    # What rounding leaves of a run of zeros has no logarithm to speak of.
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

    From a covariance for each class, (n_classes, n_channels, n_channels), to filters and patterns,
    (n_classes * n_components, n_channels) each: those of class 0 first, and those with the largest
    share of its power first within a class. The powers that a filter passes sum to one over
    classes. The patterns are the covariances of the channels with the outputs, whose power is one.
    Raises ValueError if the channels are linearly dependent.

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
