"""Rule for counting decisions, and the windows that can be decided at all.

Everything that counts decisions counts them by this module: accuracies of trials and of windows,
comparisons, searches and reports.
"""

from math import fsum
from typing import Any, Literal

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.metrics.attention import SILENT, in_samples

# Scores that agree except for the rounding of a few operations are equal.
_ROUNDING = 64 * np.finfo(float).eps


def decision_shares(scores: Any, what: str = "scores") -> np.ndarray:
    """Share every decision among the stimuli that score highest.

    The stimulus with the highest score gets the whole decision. If k stimuli tie for it, each
    gets 1/k, which is what tossing a fair coin between them gives on average. A decoder that says
    nothing thus decides 1 / n_stimuli of its windows rightly, in whatever order the stimuli are
    listed.

    Parameters
    ----------
    scores : array of shape (n_decisions, n_stimuli)
        One score per stimulus, larger for the attended one. Scores that differ by no more than
        rounding (1.4e-14 of the larger) are equal; minus infinity is a score.
    what : str
        What the scores are, for the error.

    Returns
    -------
    shares : ndarray of shape (n_decisions, n_stimuli)
        Rows sum to one; column k is what the decisions count if stimulus k was attended.

    Raises
    ------
    ValueError
        If a score is NaN, the shape is wrong, or there are fewer than two stimuli.

    Examples
    --------
    >>> decision_shares([[0.2, 0.1], [0.0, 0.0]])
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    scores = np.asarray(to_numpy(scores, what), dtype=float)
    if scores.ndim != 2:
        raise ValueError(f"{what} must have shape (n_decisions, n_stimuli), got {scores.shape}")
    if scores.shape[1] < 2:
        raise ValueError(
            f"{what}: accuracy needs at least 2 stimuli to choose from, got {scores.shape[1]}"
        )
    check_scores(scores, what)
    top = scores.max(axis=1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):  # infinite scores, which are equal or not
        near = top - scores <= _ROUNDING * np.maximum(np.abs(top), np.abs(scores))
    best = (scores == top) | (near & np.isfinite(scores) & np.isfinite(top))
    return np.asarray(best / best.sum(axis=1, keepdims=True))


def check_scores(scores: Any, what: str) -> None:
    """Raise a ValueError that names `what` if one of the scores, (..., n_stimuli), is NaN.

    Examples
    --------
    >>> check_scores([[0.1, float("nan")]], "Ridge, trial 3")
    Traceback (most recent call last):
    ...
    ValueError: Ridge, trial 3: NaN in 1 of 2 scores, which decides nothing: ...
    """
    missing = np.isnan(to_numpy(scores))
    if missing.any():
        raise ValueError(
            f"{what}: NaN in {int(missing.sum())} of {missing.size} scores, which decides nothing: "
            "a decoder must give a number for every stimulus, such as 0 for all where it has "
            "nothing to say"
        )


def window_accuracy(scores: Any, attended: int = 0) -> float:
    """Share of windows in which the attended stimulus scores highest.

    Windows in which nothing can be decided are counted like all others: leave them out with
    `decidable_windows`.

    Parameters
    ----------
    scores : array of shape (n_windows, n_stimuli)
        One score per stimulus, larger for the attended one. A tie of k stimuli for the highest
        score counts 1/k if the attended one is among them, see `decision_shares`.
    attended : int
        Index of the attended stimulus.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If there are no windows, fewer than two stimuli, a score is NaN, or `attended` is not one
        of the stimuli.

    Examples
    --------
    >>> window_accuracy([[0.2, 0.1], [0.0, 0.3]])
    0.5
    >>> window_accuracy([[0.0, 0.0, 0.0]]) == 1 / 3
    True
    """
    scores = to_numpy(scores)
    if scores.ndim != 2 or scores.shape[0] == 0:
        raise ValueError(
            f"scores must have shape (n_windows, n_stimuli) with at least one window, "
            f"got {tuple(scores.shape)}"
        )
    shares = decision_shares(scores)
    if not 0 <= attended < shares.shape[1]:
        raise ValueError(f"attended={attended} is not an index into {shares.shape[1]} stimuli")
    return fsum(shares[:, attended]) / len(shares)


def decidable_windows(
    stimuli: Any, sfreq: float, window: float, hop: float | None = None
) -> np.ndarray:
    """Tell in which windows something can be decided: where at least one stimulus sounds.

    Where all stimuli are silent, in padding or a rest, there is nothing to attend and nothing
    that EEG could be compared with. Such windows are left out wherever decisions are counted. A
    window in which only some of the stimuli are silent can be decided.

    Parameters
    ----------
    stimuli : array of shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features)
        Features of the sounds over a whole trial. A stimulus is silent in a window if none of its
        features varies there by more than 1e-10 of the variance that it has over the trial.
    sfreq : float
        Sampling rate in hertz.
    window : float
        Length of a decision window in seconds.
    hop : float, optional
        Distance between window starts in seconds; None for windows side by side.

    Returns
    -------
    decidable : ndarray of bool, shape (n_windows,)
        One for each row of `window_scores`; none if the window is longer than the trial.

    Raises
    ------
    ValueError
        If the shape is wrong, or a length is impossible.

    Examples
    --------
    >>> import numpy as np
    >>> stimuli = np.random.default_rng(0).random((2, 640))
    >>> stimuli[:, :320] = 0
    >>> decidable_windows(stimuli, sfreq=64, window=2.5)
    array([False, False,  True,  True])
    """
    samples = in_samples(window, sfreq, "window")
    step = samples if hop is None else in_samples(hop, sfreq, "hop", least=1)
    n_times = np.shape(stimuli)[1] if np.ndim(stimuli) > 1 else 0
    return sounding(stimuli, np.arange(0, n_times - samples + 1, step), samples)


def sounding(stimuli: Any, starts: np.ndarray, n_samples: int) -> np.ndarray:
    """Tell in which segments at least one stimulus sounds, as bool of shape (n_starts,).

    `stimuli` is (n_stimuli, n_times) or (n_stimuli, n_times, n_features), any other shape a
    ValueError; segments are given by their first samples and their length in samples.

    Examples
    --------
    >>> sounding([[0.0, 0.0, 0.0, 1.0]], np.array([0, 2]), 2)
    array([False,  True])
    """
    x = to_numpy(stimuli)
    if x.ndim not in (2, 3):
        raise ValueError(
            f"stimuli must have shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features), "
            f"got {x.shape}"
        )
    heard = np.zeros(len(starts), dtype=bool)
    if not len(starts):
        return heard
    for stimulus in x:
        signal = stimulus.reshape(len(stimulus), -1).astype(float)
        # As in `window_scores`: what varies by less than the spacing of numbers is constant.
        spacing = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0.0
        least = spacing * np.abs(signal).max(axis=0, initial=0.0)
        signal -= signal.mean(axis=0)
        scale = np.sqrt(np.mean(signal**2, axis=0))
        signal *= np.where(scale > least, 1 / np.where(scale > least, scale, 1.0), 0.0)
        first = np.asarray(starts)
        total, power = (_sums(values, first, n_samples) for values in (signal, signal**2))
        heard |= np.any(power - total**2 / n_samples > SILENT * n_samples, axis=1)
    return heard


def accuracy_interval(
    n_correct: float, n_windows: int, method: Literal["wilson", "exact", "wilsoncc"] = "wilson"
) -> tuple[float, float]:
    """Compute the 95 % interval of an accuracy from independent decisions.

    Ties make counts fractional. The interval then reaches from the lower end for the next smaller
    to the upper end for the next larger whole number, and is never too narrow.

    Parameters
    ----------
    n_correct : float
        Number of right decisions.
    n_windows : int
        Number of decisions.
    method : {"wilson", "exact", "wilsoncc"}
        See `scipy.stats.binomtest`.

    Returns
    -------
    low, high : float
        Ends of the interval.

    Examples
    --------
    >>> [round(end, 3) for end in accuracy_interval(15, 20)]
    [0.531, 0.888]
    """
    from scipy.stats import binomtest

    least, most = whole_counts(n_correct)
    ends = [binomtest(k, int(n_windows)).proportion_ci(0.95, method=method) for k in (least, most)]
    return float(ends[0].low), float(ends[1].high)


def whole_counts(n_correct: float) -> tuple[int, int]:
    """Round a number of right decisions, which ties make fractional, down and up.

    Both are equal if the number is whole except for rounding. Tests against guessing take the
    first, tests for less than guessing the second: neither gets a p value that is too small.

    Examples
    --------
    >>> whole_counts(2.5), whole_counts(3 * (1 / 3 + 2 / 3))
    ((2, 3), (3, 3))
    """
    nearest = round(float(n_correct))
    if abs(n_correct - nearest) <= 1e-9 * max(1.0, abs(n_correct)):
        return nearest, nearest
    return int(np.floor(n_correct)), int(np.ceil(n_correct))


def count_text(n_correct: float) -> str:
    """Write a number of right decisions, with at most two decimals where ties made it fractional.

    Examples
    --------
    >>> count_text(12.0), count_text(12.5), count_text(1 / 3)
    ('12', '12.5', '0.33')
    """
    return f"{float(n_correct):.2f}".rstrip("0").rstrip(".")


def _sums(values: np.ndarray, starts: np.ndarray, n_samples: int) -> np.ndarray:
    """Add up stretches of `n_samples`: (n_starts, n_features)."""
    running = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=running[1:])
    return np.asarray(running[starts + n_samples] - running[starts])
