"""Scores over decision windows, and the chance level of guessing."""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from math import gcd
from typing import Any

import numpy as np

from cocktailparty.backend import as_array, namespace
from cocktailparty.validation import check_rate

#: Below this share of the recording's variance a window counts as silent: its correlation is
#: undefined, and what the cumulative sums leave of it is rounding error.
SILENT = 1e-10


def window_scores(
    reconstruction: Any, stimuli: Any, sfreq: float, window: float, hop: float | None = None
) -> Any:
    """Correlate a reconstruction with every stimulus, window by window.

    Parameters
    ----------
    reconstruction : array of shape (n_times,) or (n_times, n_features)
        Reconstruction of the attended stimulus from EEG.
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
        Pearson correlations, averaged over features; 0 where the reconstruction or the stimulus
        does not vary. A last window that is not complete is left out. Where all stimuli are
        silent nothing can be decided, see `decidable_windows`.

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
    samples = in_samples(window, sfreq, "window")
    hop_samples = samples if hop is None else in_samples(hop, sfreq, "hop", least=1)
    scores = _sweep(reconstruction, stimuli, [(samples, hop_samples)])[0]
    if scores.shape[0] == 0:
        raise ValueError(
            f"window={window:g} s is longer than the reconstruction "
            f"({len(reconstruction) / sfreq:g} s)"
        )
    return scores


def window_sweep(
    reconstruction: Any, stimuli: Any, sfreq: float, windows: Iterable[float]
) -> dict[float, Any]:
    """Correlate a reconstruction with every stimulus for several window lengths in one pass.

    Cumulative sums of the signals, their squares and products give every window length in one
    pass over the recording.

    Parameters
    ----------
    reconstruction : array of shape (n_times,) or (n_times, n_features)
        Reconstruction of the attended stimulus from EEG.
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
    lengths = {window: in_samples(window, sfreq, "window") for window in windows}
    scores = _sweep(reconstruction, stimuli, [(n, n) for n in lengths.values()])
    return dict(zip(lengths, scores, strict=True))


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

    # A share of a decision, as a tie leaves it, is no number of independent ones.
    if not n_windows >= 1 or n_windows % 1:
        raise ValueError(f"n_windows must be a whole number, at least 1, got {n_windows}")
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


def in_samples(seconds: float, sfreq: float, what: str, least: int = 2) -> int:
    """Convert the length of a window, or the distance between windows, from seconds to samples.

    The nearest whole number. Fewer than `least` samples, or an impossible rate, is a ValueError
    that names `what`.

    Examples
    --------
    >>> in_samples(0.5, 64, "window")
    32
    """
    check_rate(sfreq, "sfreq")
    samples = round(seconds * sfreq) if np.isfinite(seconds) else 0
    if samples < least:
        raise ValueError(f"{what}={seconds:g} s holds fewer than {least} sample(s) at {sfreq:g} Hz")
    return samples


def _sweep(reconstruction: Any, stimuli: Any, windows: list[tuple[int, int]]) -> list[Any]:
    """Scores (n_windows, n_stimuli) for each window length and hop, both in samples."""
    signals = _standardised(reconstruction, stimuli)
    xp = namespace(signals)
    # No window starts or ends inside a block: sums over blocks are all that has to be cumulated.
    block = gcd(*(samples for pair in windows for samples in pair))
    sums = _cumulative_moments(signals, block)
    window_sums = []
    for window, hop in windows:
        ends = sums[..., window // block :: hop // block]
        window_sums.append(ends - sums[..., :: hop // block][..., : ends.shape[-1]])
    counts = [sums_.shape[-1] for sums_ in window_sums]
    n = xp.concat([xp.full(count, float(w)) for count, (w, _) in zip(counts, windows, strict=True)])
    scores = _correlations(xp.concat(window_sums, axis=-1), n)
    ends = list(accumulate(counts, initial=0))
    return [scores[start:stop, :] for start, stop in pairwise(ends)]


def _standardised(reconstruction: Any, stimuli: Any) -> Any:
    """Reconstruction and stimuli as (1 + n_stimuli, n_features, n_times), checked."""
    reconstruction, stimuli = (
        as_array(reconstruction, "reconstruction"),
        as_array(stimuli, "stimuli"),
    )
    xp = namespace(reconstruction, stimuli)
    p, s = (xp.astype(x, xp.float64, copy=False) for x in (reconstruction, stimuli))
    if p.ndim not in (1, 2) or s.ndim != p.ndim + 1 or s.shape[1:] != p.shape:
        raise ValueError(
            f"reconstruction has shape {tuple(p.shape)} and stimuli {tuple(s.shape)}, expected "
            "(n_times,) and (n_stimuli, n_times), or both with a last axis of n_features"
        )
    if s.shape[0] == 0:
        raise ValueError("there are no stimuli to compare the reconstruction with")
    p, s = (x if x.ndim > 1 + i else x[..., None] for i, x in enumerate((p, s)))
    # Time goes last: sums along contiguous memory are several times faster.
    signals = xp.permute_dims(xp.concat([p[None, ...], s], axis=0), (0, 2, 1))
    if not bool(xp.all(xp.isfinite(signals))):
        finite = bool(xp.all(xp.isfinite(p)))
        raise ValueError(
            f"{'stimuli hold' if finite else 'reconstruction holds'} NaN or infinite values"
        )
    # What varies by less than the spacing of numbers of its size is constant.
    spacing = _spacing(reconstruction), _spacing(stimuli)
    least = xp.max(xp.abs(signals), axis=-1, keepdims=True)
    least = xp.concat([spacing[0] * least[:1, ...], spacing[1] * least[1:, ...]], axis=0)
    # Differences of cumulative sums cancel: standardised signals keep the sums small.
    signals = signals - xp.mean(signals, axis=-1, keepdims=True)
    scale = xp.sqrt(xp.mean(signals * signals, axis=-1, keepdims=True))
    signals = xp.where(scale > least, signals, xp.zeros_like(signals))
    return signals / xp.where(scale > least, scale, xp.ones_like(scale))


def _spacing(x: Any) -> float:
    """Relative distance of neighbouring numbers in the precision of an array."""
    xp = namespace(x)
    return float(xp.finfo(x.dtype).eps) if xp.isdtype(x.dtype, "real floating") else 0.0


def _cumulative_moments(signals: Any, block: int) -> Any:
    """Cumulative sums (2 + 3 * n_stimuli, n_features, n_blocks + 1) of p, pp, s, ss and ps."""
    xp = namespace(signals)
    n_blocks = signals.shape[-1] // block
    blocks = xp.reshape(signals[..., : n_blocks * block], (*signals.shape[:-1], n_blocks, block))
    p, s = blocks[:1, ...], blocks[1:, ...]
    moments = [xp.sum(p, axis=-1), xp.vecdot(p, p), xp.sum(s, axis=-1), xp.vecdot(s, s)]
    moments.append(xp.vecdot(xp.broadcast_to(p, s.shape), s))
    return xp.cumulative_sum(xp.concat(moments, axis=0), axis=-1, include_initial=True)


def _correlations(total: Any, n: Any) -> Any:
    """Pearson correlations (n_windows, n_stimuli) from the sums over windows of `n` samples."""
    xp = namespace(total)
    n_stimuli = (total.shape[0] - 2) // 3
    p, pp = total[:1, ...], total[1:2, ...]
    s, ss, ps = (total[2 + i * n_stimuli : 2 + (i + 1) * n_stimuli, ...] for i in range(3))
    var_p, var_s = pp - p * p / n, ss - s * s / n
    silent = (var_p <= SILENT * n) | (var_s <= SILENT * n)
    power = xp.where(silent, xp.ones_like(var_s), var_p * var_s)
    r = xp.where(silent, xp.zeros_like(power), (ps - p * s / n) / xp.sqrt(power))
    return xp.permute_dims(xp.mean(xp.clip(r, -1.0, 1.0), axis=1), (1, 0))
