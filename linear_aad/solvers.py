"""Ridge regression from moments: weights for a penalty, and the choice among penalties."""

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from linear_aad.lagged import Moments

ALPHA_CONVENTIONS = ("absolute", "relative", "mtrfpy", "mtrf-toolbox")


def penalty(alpha: float, convention: str, moments: Moments, sfreq: float, n_trials: int) -> float:
    """Translate a penalty from a named convention into what is added to the summed products.

    Parameters
    ----------
    alpha : float
        Penalty as the user states it.
    convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        "absolute": as it is; "relative": times the mean diagonal of the centred products, free of
        the scale and length of the data; "mtrfpy": times `sfreq` and the number of training
        trials; "mtrf-toolbox": times `sfreq`.
    moments : Moments
        Training data.
    sfreq : float
        Sampling rate in hertz.
    n_trials : int
        Number of training trials.

    Returns
    -------
    alpha : float
        Absolute penalty.
    """
    if convention == "relative":
        variance = np.diag(moments.xx) - moments.x**2 / moments.n
        return float(alpha * variance.mean())
    factor = {"absolute": 1.0, "mtrfpy": sfreq * n_trials, "mtrf-toolbox": sfreq}
    return alpha * factor[convention]


def ridge(moments: Moments, alphas: Sequence[float]) -> np.ndarray:
    """Solve ridge regression with an intercept that is not penalised.

    Parameters
    ----------
    moments : Moments
        Training data.
    alphas : sequence of float
        Absolute penalties.

    Returns
    -------
    weights : ndarray of shape (n_alphas, n_regressors, n_targets)
        The minimisers of ``|y - x w - b|^2 + alpha |w|^2``.

    Raises
    ------
    ValueError
        If the system is singular, which only happens with a penalty of (nearly) zero.
    """
    xx, xy, _ = moments.centred()
    weights = np.empty((len(alphas), *xy.shape))
    for solution, alpha in zip(weights, alphas, strict=True):
        penalised = xx.copy()
        penalised[np.diag_indices_from(xx)] += alpha
        try:
            factor = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise ValueError(
                f"the lagged EEG is linearly dependent at alpha={alpha:g} (absolute): raise "
                "alpha, or drop channels that are sums of others"
            ) from None
        solution[:] = cho_solve(factor, xy, check_finite=False)
    return weights


def correlation(moments: Moments, weights: np.ndarray) -> np.ndarray:
    """Compute the Pearson correlation of prediction and target from moments alone.

    Parameters
    ----------
    moments : Moments
        Data to predict.
    weights : ndarray of shape (..., n_regressors, n_targets)
        Linear models; their intercepts do not matter.

    Returns
    -------
    r : ndarray of shape (..., n_targets)
        Correlations; 0 where the prediction or the target is constant.
    """
    xx, xy, yy = moments.centred()
    covariance = np.sum(weights * xy, axis=-2)
    power = np.sum(weights * (xx @ weights), axis=-2) * yy
    positive = power > 0
    scale = np.sqrt(np.where(positive, power, 1.0))
    return np.where(positive, covariance / scale, 0.0)


def leave_one_trial_out(
    trials: Sequence[Moments], alphas: Sequence[float], convention: str, sfreq: float
) -> np.ndarray:
    """Predict every trial with the model of all others, for every penalty.

    Parameters
    ----------
    trials : sequence of Moments
        One for each trial.
    alphas : sequence of float
        Penalties in the given convention.
    convention : str
        See `penalty`.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    scores : ndarray of shape (n_alphas, n_trials)
        Pearson correlation of the left-out trial, mean over targets.
    """
    total = reduce(add, trials)
    scores = np.empty((len(alphas), len(trials)))
    for k, left_out in enumerate(trials):
        train = total - left_out
        absolute = [penalty(alpha, convention, train, sfreq, len(trials) - 1) for alpha in alphas]
        scores[:, k] = correlation(left_out, ridge(train, absolute)).mean(axis=1)
    return scores
