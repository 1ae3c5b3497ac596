"""Ridge regression from moments: weights for a penalty, and the choice among penalties."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from linear_aad.lagged import LaggedMoments, Moments

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
    # Centred by hand: a centred copy of the large matrix is not needed for that.
    models = np.moveaxis(weights, -2, 0)
    # One product for all models: the large matrix is read once.
    images = (moments.xx @ models.reshape(len(models), -1)).reshape(models.shape)
    mean = np.tensordot(moments.x, models, axes=1)
    covariance = np.sum(weights * moments.xy, axis=-2) - mean * moments.y / moments.n
    power = np.sum(models * images, axis=0) - mean**2 / moments.n
    power = power * (moments.yy - moments.y**2 / moments.n)
    positive = power > 0
    scale = np.sqrt(np.where(positive, power, 1.0))
    return np.where(positive, covariance / scale, 0.0)


def leave_one_trial_out(
    trials: Sequence[Moments | LaggedMoments],
    alphas: Sequence[float],
    convention: str,
    sfreq: float,
) -> np.ndarray:
    """Predict every trial with the model of all others, for every penalty.

    Exact: the models are those that direct solutions would give. Many penalties and trials are
    solved together, see `leave_one_out_weights`.

    Parameters
    ----------
    trials : sequence of Moments or LaggedMoments
        One for each trial.
    alphas : sequence of float
        Penalties in the given convention.
    convention : str
        See `penalty`.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    scores : ndarray of shape (n_alphas, n_trials, n_targets)
        Pearson correlation of the left-out trial.
    """
    scores = np.empty((len(alphas), len(trials), trials[0].xy.shape[1]))
    folds = leave_one_out_weights(trials, alphas, convention, sfreq)
    for k, (left_out, weights) in enumerate(folds):
        scores[:, k] = correlation(left_out, weights)
    return scores


def leave_one_out_weights(
    trials: Sequence[Moments | LaggedMoments],
    alphas: Sequence[float],
    convention: str,
    sfreq: float,
) -> Iterator[tuple[Moments, np.ndarray]]:
    """Solve ridge regression without each of the trials in turn, for every penalty.

    A system without one trial differs little from the system of all trials. The eigenvectors of
    the latter diagonalise it for all penalties at once, and make a preconditioner with which
    conjugate gradients reach machine precision in about ten steps. Systems that do not get there
    in time, and problems in which direct solutions cost less, are solved by Cholesky factors.

    Parameters
    ----------
    trials : sequence of Moments or LaggedMoments
        One for each trial.
    alphas : sequence of float
        Penalties in the given convention.
    convention : str
        See `penalty`.
    sfreq : float
        Sampling rate in hertz.

    Yields
    ------
    left_out : Moments
        Sums over the trial that is left out.
    weights : ndarray of shape (n_alphas, n_regressors, n_targets)
        Models of all other trials.
    """
    total = dense(reduce(add, trials))
    spectrum = None
    n_regressors, n_targets = total.xy.shape
    if _cheaper_near(n_regressors, n_targets, len(trials) * len(alphas)):
        spectrum = eigh(total.centred()[0], overwrite_a=True, check_finite=False, driver="evd")
    for trial in trials:
        left_out = dense(trial)
        train = total - left_out
        absolute = [penalty(alpha, convention, train, sfreq, len(trials) - 1) for alpha in alphas]
        if spectrum is None:
            yield left_out, ridge(train, absolute)
        else:
            yield left_out, _near(train, absolute, *spectrum)


def dense(moments: Moments | LaggedMoments) -> Moments:
    """Assemble moments that are kept in parts.

    Parameters
    ----------
    moments : Moments or LaggedMoments
        Either form.

    Returns
    -------
    moments : Moments
        The dense form.
    """
    return moments.dense() if isinstance(moments, LaggedMoments) else moments


def _cheaper_near(n_regressors: int, n_targets: int, n_systems: int) -> bool:
    """Compare the flops of one eigendecomposition and a few steps with those of direct solutions.

    A step takes three products with a matrix, and about eight steps are needed. The constants say
    what the flops of each kind cost: products with few vectors wait for memory.
    """
    direct = n_systems * n_regressors**3 / 3
    near = 9 * n_regressors**3 + n_systems * n_targets * 8 * 3 * 4 * n_regressors**2
    return near < direct


def _near(
    train: Moments, alphas: Sequence[float], values: np.ndarray, vectors: np.ndarray
) -> np.ndarray:
    """Solve systems that are near to one whose eigenvalues and eigenvectors are known."""
    xx, xy, _ = train.centred()
    n_targets = xy.shape[1]
    # A row is a system: penalties vary slowly, targets fast.
    shift = np.repeat(alphas, n_targets)[:, None]
    right = np.tile(xy.T, (len(alphas), 1))
    scale = np.maximum(values, 0) + shift
    if not (scale > 0).all():
        return ridge(train, alphas)

    def apply(rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        return rows @ xx + shift[which] * rows

    def precondition(rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        return ((rows @ vectors) / scale[which]) @ vectors.T

    rows, converged = conjugate_gradients(apply, precondition, right)
    weights = rows.reshape(len(alphas), n_targets, -1).transpose(0, 2, 1)
    for j, alpha in enumerate(alphas):
        if not converged[j * n_targets : (j + 1) * n_targets].all():
            weights[j] = ridge(train, [alpha])[0]
    return weights


def conjugate_gradients(
    apply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    precondition: Callable[[np.ndarray, np.ndarray], np.ndarray],
    right: np.ndarray,
    tol: float = 1e-11,
    max_iter: int = 30,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve many symmetric positive systems side by side.

    Parameters
    ----------
    apply : callable
        Takes rows and the indices of their systems, multiplies each with the matrix of its system.
    precondition : callable
        Multiplies in the same way with an approximate inverse, symmetric and positive.
    right : ndarray of shape (n_systems, n_unknowns)
        Right-hand sides.
    tol : float
        Wanted size of the preconditioned residual, relative to that of the right-hand side.
    max_iter : int
        Largest number of steps.

    Returns
    -------
    solutions : ndarray of shape (n_systems, n_unknowns)
        Best solutions found.
    converged : ndarray of bool, shape (n_systems,)
        Whether the tolerance was reached.
    """
    solutions = np.zeros(right.shape)
    converged = np.zeros(len(right), dtype=bool)
    active = np.arange(len(right))
    residual = right.astype(np.float64)
    direction = precondition(residual, active)
    rho = np.einsum("ij,ij->i", residual, direction)
    goal = tol**2 * rho
    x = np.zeros_like(residual)
    for _ in range(max_iter):
        image = apply(direction, active)
        curvature = np.einsum("ij,ij->i", direction, image)
        step = (rho / np.where(curvature > 0, curvature, np.inf))[:, None]
        x += step * direction
        residual -= step * image
        z = precondition(residual, active)
        previous, rho = rho, np.einsum("ij,ij->i", residual, z)
        done = rho <= goal
        if done.any():  # what has converged costs nothing any more
            solutions[active[done]], converged[active[done]] = x[done], True
            left = ~done
            active, goal = active[left], goal[left]
            x, residual, z, direction = x[left], residual[left], z[left], direction[left]
            previous, rho = previous[left], rho[left]
        if not len(active):
            break
        direction = z + (rho / previous)[:, None] * direction
    solutions[active] = x
    return solutions, converged
