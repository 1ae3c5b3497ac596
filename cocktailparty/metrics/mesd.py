"""Minimal expected switch duration: accuracy and window length in one number."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy

_ROUNDING = 1e-6


@dataclass(frozen=True)
class MESD:
    """Minimal expected switch duration and the design that reaches it.

    Attributes
    ----------
    mesd : float
        Expected time in seconds to follow a switch of attention, at the best window length.
    n_states : int
        Number of gain levels of the best hearing-device controller.
    window : float
        Best window length in seconds.
    accuracy : float
        Accuracy at that window, interpolated.
    """

    mesd: float
    n_states: int
    window: float
    accuracy: float


def mesd(
    windows: Any,
    accuracies: Any,
    *,
    confidence: float = 0.8,
    comfort: float = 0.65,
    n_states_min: int = 5,
    n_points: int = 1000,
) -> MESD:
    """Compute the minimal expected switch duration of an accuracy curve.

    A hearing device that follows the decoder moves its gain one step up or down at every
    decision: a random walk over `n_states` levels. The number of levels is the smallest that
    keeps the gain above the comfort level with the wanted confidence; the expected switch
    duration is the mean time such a walk takes to reach that level after attention has switched.
    The minimum is taken over window lengths, on the linearly interpolated accuracy curve.
    Window lengths of an accuracy of 0.5 or less are left out before the interpolation.

    Parameters
    ----------
    windows : array-like of shape (n_windows,)
        Decision-window lengths in seconds.
    accuracies : array-like of shape (n_windows,)
        Two-talker accuracies between 0 and 1.
    confidence : float
        Probability with which the gain should stay at or above the comfort level.
    comfort : float
        Comfort level, as a share of the full gain range.
    n_states_min : int
        Smallest number of gain levels, for a smooth transition.
    n_points : int
        Number of points of the interpolated curve.

    Returns
    -------
    result : MESD
        The minimum and where it lies.

    Raises
    ------
    ValueError
        If shapes or values are out of range or NaN, or no accuracy exceeds 0.5: then no
        controller works.

    Notes
    -----
    An accuracy that exceeds 0.5 by less than a millionth is one half except for rounding: a control
    of the gain for it would have millions of levels.

    The authors' toolbox (https://github.com/exporl/mesd-toolbox) leaves out accuracies of 0.5 or
    less before it interpolates as well, with a warning, in Python and in one version for MATLAB;
    another version for MATLAB refuses them. What a curve says between a window that is no use and
    the next one that is, is thus not used: accuracies of 0.5 and 0.7 at 1 and 10 s have a MESD of
    50.0 s, with windows of 10 s; a curve drawn from the useless point would give 47.9 s at 9.2 s.

    References
    ----------
    Geirnaert, S., Francart, T., & Bertrand, A. (2020). An interpretable performance metric for
    auditory attention decoding algorithms in a context of neuro-steered gain control. IEEE
    TNSRE, 28(1), 307-317. https://doi.org/10.1109/TNSRE.2019.2952724

    Examples
    --------
    >>> result = mesd([1, 5, 10, 20, 30, 60], [0.53, 0.61, 0.69, 0.76, 0.84, 0.9])
    >>> round(result.mesd, 4), result.n_states, round(result.window, 4)
    (49.5286, 5, 9.5045)
    """
    tau, p = (
        to_numpy(x, what).astype(float)
        for x, what in ((windows, "windows"), (accuracies, "accuracies"))
    )
    if tau.ndim != 1 or tau.shape != p.shape or not tau.size:
        raise ValueError(
            f"windows and accuracies must be 1-D of one length, got {tau.shape} and {p.shape}"
        )
    if not (np.isfinite(tau).all() and (tau > 0).all() and len(set(tau)) == len(tau)):
        raise ValueError(f"windows must be positive and different from each other, got {windows}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"accuracies must lie between 0 and 1, got {accuracies}")
    if not (0 < confidence < 1 and 0 < comfort < 1 and n_states_min > 1 and n_points > 0):
        raise ValueError("confidence and comfort must lie in (0, 1), n_states_min above 1")
    useful = p > 0.5 + _ROUNDING
    if not useful.any():
        raise ValueError(
            "no accuracy exceeds 0.5: a device that follows this decoder never switches"
        )
    tau, p = tau[useful], p[useful]
    order = np.argsort(tau)
    grid = np.linspace(tau.min(), tau.max(), n_points) if len(tau) > 1 else tau
    curve = np.interp(grid, tau[order], p[order])
    # At an accuracy of 1 the odds are infinite; this close to 1 nothing changes any more.
    clipped = np.minimum(curve, 1 - 1e-12)
    states = [_n_states(p, confidence, comfort, n_states_min) for p in clipped]
    duration = grid * [_hitting_time(p, n, comfort) for p, n in zip(clipped, states, strict=True)]
    best = int(np.argmin(duration))
    return MESD(float(duration[best]), states[best], float(grid[best]), float(curve[best]))


def _n_states(p: float, confidence: float, comfort: float, n_min: int) -> int:
    """Smallest number of levels whose stationary distribution stays above the comfort level."""
    log_odds = np.log(p / (1 - p))
    first = n_min
    while True:
        n = np.arange(first, 2 * first)
        # log(P0 + (1 - P0) r^N) without overflow of r^N
        tail = np.logaddexp(np.log(confidence), np.log1p(-confidence) + n * log_odds)
        lowest = np.floor(tail / log_odds + 1)
        good = (lowest - 1) / (n - 1) >= comfort
        if good.any():
            return int(n[np.argmax(good)])
        first *= 2


def _hitting_time(p: float, n_states: int, comfort: float) -> float:
    """Mean number of decisions from the wrong side of the gain range to the comfort level."""
    target = int(np.ceil(comfort * (n_states - 1) + 1))
    start = np.arange(1, target)
    log_odds = np.log(p / (1 - p))
    weight = np.exp(-(start - 1) * log_odds)
    steps = (target - start) / (2 * p - 1) + p * (
        np.exp(-target * log_odds) - np.exp(-start * log_odds)
    ) / (2 * p - 1) ** 2
    return float(weight @ steps / weight.sum())
