"""Scores over decision windows, their accuracy, and what guessing would reach."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cocktailparty.backend import as_array, namespace

# Below this share of the recording's variance a window counts as silent: its correlation is
# undefined, and what the cumulative sums leave of it is rounding error.
_SILENT = 1e-10


def window_scores(
    reconstruction: Any, stimuli: Any, sfreq: float, window: float, hop: float | None = None
) -> Any:
    """Correlate a reconstruction with every stimulus, window by window.

    Parameters
    ----------
    reconstruction : array of shape (n_times,) or (n_times, n_features)
        What the decoder made of the EEG.
    stimuli : array of shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features)
        The candidates, aligned with the reconstruction.
    sfreq : float
        Sampling rate in hertz.
    window : float
        Length of a decision window in seconds.
    hop : float, optional
        Distance between window starts in seconds; None for windows side by side, the only choice
        for which binomial chance levels hold.

    Returns
    -------
    scores : array of shape (n_windows, n_stimuli)
        Pearson correlations, averaged over features; 0 where a window is silent. A last window
        that is not complete is left out.

    Raises
    ------
    ValueError
        If lengths disagree, a value is not finite, or the window does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> stimuli = rng.random((2, 640))
    >>> reconstruction = stimuli[0] + rng.normal(size=640)
    >>> window_scores(reconstruction, stimuli, sfreq=64, window=5).round(2)
    array([[ 0.3 , -0.15],
           [ 0.2 ,  0.01]])
    """
    sums = _cumulative_moments(reconstruction, stimuli)
    n_times = sums.shape[0] - 1
    samples = _in_samples(window, sfreq, "window")
    if samples > n_times:
        raise ValueError(
            f"window={window:g} s is longer than the reconstruction ({n_times / sfreq:g} s)"
        )
    hop_samples = samples if hop is None else _in_samples(hop, sfreq, "hop", least=1)
    return _correlations(sums, samples, hop_samples)


def window_sweep(
    reconstruction: Any, stimuli: Any, sfreq: float, windows: Iterable[float]
) -> dict[float, Any]:
    """Correlate a reconstruction with every stimulus for several window lengths in one pass.

    Cumulative sums of the signals, their squares and products give every window length at a
    cost linear in time.

    Parameters
    ----------
    reconstruction : array of shape (n_times,) or (n_times, n_features)
        What the decoder made of the EEG.
    stimuli : array of shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features)
        The candidates, aligned with the reconstruction.
    sfreq : float
        Sampling rate in hertz.
    windows : iterable of float
        Window lengths in seconds.

    Returns
    -------
    scores : dict of float to array of shape (n_windows, n_stimuli)
        As `window_scores` gives for windows side by side; no rows for a window longer than the
        recording.

    Raises
    ------
    ValueError
        If lengths disagree, a value is not finite, or a window is shorter than two samples.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> stimuli = rng.random((2, 640))
    >>> sweep = window_sweep(stimuli[0], stimuli, sfreq=64, windows=[1, 5, 60])
    >>> [scores.shape for scores in sweep.values()]
    [(10, 2), (2, 2), (0, 2)]
    """
    sums = _cumulative_moments(reconstruction, stimuli)
    lengths = {window: _in_samples(window, sfreq, "window") for window in windows}
    return {window: _correlations(sums, n, n) for window, n in lengths.items()}


def window_accuracy(scores: Any, attended: int = 0) -> float:
    """Share of windows in which the attended stimulus scores highest.

    Parameters
    ----------
    scores : array of shape (n_windows, n_stimuli)
        One score a stimulus, larger for the attended one. A tie counts as wrong.
    attended : int
        Index of the attended stimulus.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If there are no windows, fewer than two stimuli, or `attended` is not one of them.

    Examples
    --------
    >>> window_accuracy([[0.2, 0.1], [0.0, 0.3]])
    0.5
    """
    scores = as_array(scores)
    xp = namespace(scores)
    if scores.ndim != 2 or scores.shape[0] == 0:
        raise ValueError(
            f"scores must have shape (n_windows, n_stimuli) with at least one window, "
            f"got {tuple(scores.shape)}"
        )
    n_stimuli = scores.shape[1]
    if n_stimuli < 2:
        raise ValueError("accuracy needs at least 2 stimuli to choose from, got 1")
    if not 0 <= attended < n_stimuli:
        raise ValueError(f"attended={attended} is not an index into {n_stimuli} stimuli")
    others = xp.concat([scores[:, :attended], scores[:, attended + 1 :]], axis=1)
    correct = scores[:, attended] > xp.max(others, axis=1)
    return float(xp.sum(xp.astype(correct, xp.int64))) / scores.shape[0]


def chance_level(n_windows: int, n_stimuli: int = 2, alpha: float = 0.05) -> float:
    """Accuracy from which on a decoder does better than guessing.

    Parameters
    ----------
    n_windows : int
        Number of independent decisions.
    n_stimuli : int
        Number of stimuli to choose from.
    alpha : float
        Probability that guessing gets there.

    Returns
    -------
    accuracy : float
        Smallest accuracy that guessing reaches with a probability of at most `alpha`
        (one-sided binomial test); 1 where the windows are too few for any accuracy to be
        significant.

    Raises
    ------
    ValueError
        If a count or `alpha` is out of range.

    References
    ----------
    Combrisson, E., & Jerbi, K. (2015). Exceeding chance level by chance. Journal of
    Neuroscience Methods, 250, 126-136. https://doi.org/10.1016/j.jneumeth.2015.01.010

    Examples
    --------
    >>> round(chance_level(60), 3)
    0.617
    """
    from scipy.stats import binom

    if n_windows < 1:
        raise ValueError(f"n_windows must be at least 1, got {n_windows}")
    _check_stimuli(n_stimuli)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    return float(min((binom.ppf(1 - alpha, n_windows, 1 / n_stimuli) + 1) / n_windows, 1.0))


def itr(accuracy: float, window: float, n_stimuli: int = 2) -> float:
    """Information transfer rate of decisions of a given accuracy.

    Parameters
    ----------
    accuracy : float
        Share of right decisions, between 0 and 1.
    window : float
        Time that a decision takes, in seconds.
    n_stimuli : int
        Number of stimuli to choose from.

    Returns
    -------
    rate : float
        Bits per minute; 0 at and below chance, where the decisions tell nothing that a user
        could act on.

    Raises
    ------
    ValueError
        If a value is out of range.

    References
    ----------
    Wolpaw, J. R., et al. (2002). Brain-computer interfaces for communication and control.
    Clinical Neurophysiology, 113(6), 767-791. https://doi.org/10.1016/S1388-2457(02)00057-3

    Examples
    --------
    >>> itr(1.0, window=60)
    1.0
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must lie between 0 and 1, got {accuracy}")
    if not window > 0:
        raise ValueError(f"window must be a positive number of seconds, got {window}")
    _check_stimuli(n_stimuli)
    if accuracy <= 1 / n_stimuli:
        return 0.0
    bits = np.log2(n_stimuli) + accuracy * np.log2(accuracy)
    if accuracy < 1:
        bits += (1 - accuracy) * np.log2((1 - accuracy) / (n_stimuli - 1))
    return float(bits * 60 / window)


def _check_stimuli(n_stimuli: int) -> None:
    if n_stimuli < 2:
        raise ValueError(f"n_stimuli must be at least 2, got {n_stimuli}")


def _in_samples(seconds: float, sfreq: float, what: str, least: int = 2) -> int:
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"sfreq must be a positive number of hertz, got {sfreq}")
    samples = round(seconds * sfreq) if np.isfinite(seconds) else 0
    if samples < least:
        raise ValueError(f"{what}={seconds:g} s holds fewer than {least} sample(s) at {sfreq:g} Hz")
    return samples


def _cumulative_moments(reconstruction: Any, stimuli: Any) -> Any:
    """Cumulative sums (n_times + 1, 2 + 3 * n_stimuli, n_features) of p, pp, s, ss and ps."""
    reconstruction, stimuli = as_array(reconstruction), as_array(stimuli)
    xp = namespace(reconstruction, stimuli)
    p, s = (xp.astype(x, xp.float64) for x in (reconstruction, stimuli))
    if p.ndim not in (1, 2) or s.ndim != p.ndim + 1 or s.shape[1:] != p.shape:
        raise ValueError(
            f"reconstruction has shape {tuple(p.shape)} and stimuli {tuple(s.shape)}, expected "
            "(n_times,) and (n_stimuli, n_times), or both with a last axis of n_features"
        )
    if s.shape[0] == 0:
        raise ValueError("there are no stimuli to compare the reconstruction with")
    p = xp.reshape(p, (p.shape[0], 1, -1))
    s = xp.permute_dims(xp.reshape(s, (s.shape[0], s.shape[1], -1)), (1, 0, 2))
    for what, x in (("reconstruction", p), ("stimuli", s)):
        if not bool(xp.all(xp.isfinite(x))):
            raise ValueError(f"{what} hold NaN or infinite values")
    # Differences of cumulative sums cancel: standardised signals keep the sums small.
    p, s = _standardised(p, xp), _standardised(s, xp)
    moments = xp.concat([p, p * p, s, s * s, p * s], axis=1)
    return xp.cumulative_sum(moments, axis=0, include_initial=True)


def _standardised(x: Any, xp: Any) -> Any:
    x = x - xp.mean(x, axis=0)
    scale = xp.sqrt(xp.mean(x * x, axis=0))
    return x / xp.where(scale > 0, scale, xp.ones_like(scale))


def _correlations(sums: Any, window: int, hop: int) -> Any:
    xp = namespace(sums)
    n_stimuli = (sums.shape[1] - 2) // 3
    ends = sums[window::hop, ...]
    total = ends - sums[::hop, ...][: ends.shape[0], ...]
    p, pp = total[:, :1, :], total[:, 1:2, :]
    s, ss, ps = (total[:, 2 + i * n_stimuli : 2 + (i + 1) * n_stimuli, :] for i in range(3))
    var_p, var_s = pp - p * p / window, ss - s * s / window
    silent = (var_p <= _SILENT * window) | (var_s <= _SILENT * window)
    power = xp.where(silent, xp.ones_like(var_s), var_p * var_s)
    r = xp.where(silent, xp.zeros_like(power), (ps - p * s / window) / xp.sqrt(power))
    return xp.mean(xp.clip(r, -1.0, 1.0), axis=-1)
