"""Test of a linear model against circular shifts of the output, with a refit for every shift."""

from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import add, iadd
from typing import Any

import numpy as np
from tqdm import tqdm

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.metrics import ShiftTest
from linear_aad.lagged.bands import directions
from linear_aad.lagged.leave_one_out import correlation
from linear_aad.lagged.linalg import solve_factored
from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.ridge import LaggedRidge
from linear_aad.lagged.shrinkage import ledoit_wolf_penalty
from linear_aad.lagged.systems import penalised_factor
from linear_aad.lagged.trial_moments import TrialMoments

# Right-hand sides that are kept at once, one for each shift, target and fold, take this many bytes.
RIGHT_BYTES = 2**28


@one_blas_thread()
def shift_test(
    model: LaggedRidge,
    X: Any,
    y: Any,
    *,
    n_shifts: int = 1000,
    n_splits: int = 5,
    min_shift: float = 2.0,
    random_state: Any = None,
    progress: bool = False,
) -> ShiftTest:
    """Test whether a regression predicts its output at all, refitting it for every shift.

    The score is the correlation over all held-out samples of a fold, mean over folds and outputs,
    in cross-validation with folds of successive trials. For the null distribution the outputs of
    each trial are shifted in time, by another amount for each trial, and all models are fitted
    anew. A shift changes only the products of input and output, so that one factorisation of each
    fold serves all shifts, and the products at all shifts are a circular cross-correlation.

    Parameters
    ----------
    model : BackwardTRF or ForwardTRF
        With a single penalty, or "ledoit-wolf", which looks at the input only. A choice among
        penalties would have to be repeated for each shift, see
        `cocktailparty.evaluation.circular_shift_test`. It is not fitted.
    X : list of arrays of shape (n_times, n_inputs)
        Input of each trial.
    y : list of arrays of shape (n_times, n_outputs) or (n_times,)
        Output of each trial.
    n_shifts : int
        Number of shifted data sets.
    n_splits : int
        Number of folds, at most as many as trials.
    min_shift : float
        Smallest shift in seconds, forwards or backwards: more than the lags and the memory of
        the output.
    random_state : {None, int, Generator, RandomState}
        Seed of the shifts.
    progress : bool
        Show a progress bar.

    Returns
    -------
    test : ShiftTest
        Observed score, null distribution and p value.

    Raises
    ------
    ValueError
        If there is a choice among penalties, there are fewer trials than folds, a trial is too
        short to be shifted, or the lagged signal is linearly dependent.

    References
    ----------
    Crosse, M. J., et al. (2021). Linear modeling of neurophysiological responses to speech and
    other continuous stimuli. Frontiers in Neuroscience, 15, 705621.
    https://doi.org/10.3389/fnins.2021.705621

    Examples
    --------
    >>> import numpy as np
    >>> from linear_aad import BackwardTRF
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random(640) for _ in range(4)]
    >>> eeg = [s[:, None] + rng.normal(size=(640, 2)) for s in envelopes]
    >>> trf = BackwardTRF(tmax=0.1, sfreq=64, alpha=1.0)
    >>> shift_test(trf, eeg, envelopes, n_shifts=99, n_splits=2, random_state=0).p_value
    0.01
    """
    moments = model.moments(X, y)
    candidates, n_trials = model.candidates(), len(moments)
    if candidates is not None and len(candidates) > 1:
        raise ValueError(
            f"alpha={model.alpha!r} would have to be chosen anew for each shift: give one penalty, "
            "or alpha='ledoit-wolf', which does not depend on the output"
        )
    if model.averaging != "covariances":
        raise ValueError("shift_test refits models of averaging='covariances' only")
    if n_shifts < 1 or not 2 <= n_splits <= n_trials:
        raise ValueError(
            f"n_shifts={n_shifts} must be positive and n_splits={n_splits} between 2 and the "
            f"{n_trials} trials"
        )
    lengths = np.array([x.shape[0] for x in moments.inputs])
    smallest = max(1, round(min_shift * model.sfreq))
    if lengths.min() < 2 * smallest:
        raise ValueError(
            f"trial {lengths.argmin()} has {lengths.min()} samples, too short to be shifted by "
            f"min_shift={min_shift:g} s both ways"
        )
    rng = np.random.default_rng(random_state)
    # The first data set is the one that is not shifted.
    drawn = rng.integers(smallest, lengths - smallest + 1, size=(n_shifts, n_trials))
    shifts = np.concatenate([np.zeros((1, n_trials), dtype=int), drawn])
    if candidates is None:
        penalty = Penalty(n_lags=len(model.lags_), sfreq=model.sfreq)
    else:
        moments, penalty = model.along(moments, directions(candidates)[0])
    folds = _folds(model, moments, penalty, candidates, n_splits)
    scores, size = [], 8 * folds[0].train.x.shape[0] * moments.n_targets * (n_splits + 3)
    at_once = max(1, RIGHT_BYTES // size)
    with tqdm(total=len(shifts), disable=not progress, unit="shift") as bar:
        for start in range(0, len(shifts), at_once):
            batch = shifts[start : start + at_once]
            scores.append(_scores(folds, moments, batch))
            bar.update(len(batch))
    every = np.concatenate(scores)
    return ShiftTest(float(every[0]), every[1:])


@dataclass(frozen=True, eq=False)
class _Fold:
    """Trials that are held out, their sums, and the factor of the equations of all others."""

    held_out: range
    test: Moments
    train: Moments
    factor: Any
    fit_intercept: bool


def _folds(
    model: LaggedRidge, moments: TrialMoments, penalty: Penalty, candidates: Any, n_splits: int
) -> list[_Fold]:
    total = moments.total().dense()
    limits = np.linspace(0, len(moments), n_splits + 1).round().astype(int).tolist()
    folds = []
    for first, last in pairwise(limits):
        test = LaggedMoments.sum(moments[k] for k in range(first, last)).dense()
        train = total - test
        if candidates is None:
            others = [*range(first), *range(last, len(moments))]
            inputs = (moments.inputs[k] for k in others)
            absolute = ledoit_wolf_penalty(train, inputs, moments.lags, moments.columns)
        else:
            alpha = directions(candidates)[0].alphas[0]
            absolute = penalty.absolute(alpha, train, len(moments) - (last - first))
        factor = penalised_factor(penalty.equations(train)[0], absolute, penalty)
        # The matrix of the training data is in the factor; what is kept of them is small.
        train = replace(train, xx=None)
        folds.append(_Fold(range(first, last), test, train, factor, penalty.fit_intercept))
    return folds


def _scores(folds: list[_Fold], moments: TrialMoments, shifts: np.ndarray) -> np.ndarray:
    """Score (n_shifts,) of each shifted data set; shifts (n_shifts, n_trials)."""
    products = []
    for fold in folds:
        of_trials = (_shifted_products(moments, k, shifts[:, k]) for k in fold.held_out)
        products.append(reduce(iadd, of_trials))
    total = reduce(add, products)
    n_shifts, n_targets = len(shifts), moments.n_targets
    scores = np.zeros(n_shifts)
    for fold, held_out in zip(folds, products, strict=True):
        xp = namespace(held_out)
        right = total - held_out
        if fold.fit_intercept:
            means = xp.tile(fold.train.y / fold.train.n, (n_shifts,))
            right -= means[:, None] * fold.train.x[None, :]
        weights = solve_factored(fold.factor, xp.matrix_transpose(right))
        # Every shift is one more target; its sums do not depend on the shift.
        y, yy = xp.tile(fold.test.y, (n_shifts,)), xp.tile(fold.test.yy, (n_shifts,))
        test = replace(fold.test, xy=xp.matrix_transpose(held_out), y=y, yy=yy)
        r = to_numpy(correlation(test, weights))
        scores += r.reshape(n_shifts, n_targets).mean(axis=1) / len(folds)
    return scores


def _shifted_products(moments: TrialMoments, k: int, shifts: np.ndarray) -> Any:
    """Products (n_shifts * n_targets, n_regressors) of a trial and its shifted output.

    The products over a whole period are circular cross-correlations; those of the samples that a
    lag moves out of the trial are subtracted again.
    """
    x, y, lags = moments.inputs[k], moments.outputs[k], moments.lags
    xp = namespace(x, y)
    (n_times, n_channels), n_targets = x.shape, y.shape[1]
    x, y = xp.astype(x, xp.float64, copy=False), xp.astype(y, xp.float64, copy=False)
    if moments.factors is not None:
        x = x * moments.factors
    spectrum = xp.fft.rfft(x, axis=0)[:, None, :] * xp.conj(xp.fft.rfft(y, axis=0))[:, :, None]
    circular = xp.fft.irfft(spectrum, n=n_times, axis=0)
    places = (lags[None, :] + shifts[:, None]) % n_times
    products = xp.reshape(
        xp.take(circular, xp.asarray(places.ravel()), axis=0),
        (len(shifts), len(lags), n_targets, n_channels),
    )
    for i, lag in enumerate(lags.tolist()):
        if lag == 0:
            continue
        hidden = x[:lag, :] if lag > 0 else x[lag:, :]
        times = np.arange(-lag, 0) if lag > 0 else np.arange(-lag)
        seen = xp.take(y, xp.asarray(((times - shifts[:, None]) % n_times).ravel()), axis=0)
        seen = xp.reshape(seen, (len(shifts), len(times), n_targets))
        # One product for all shifts and targets.
        seen = xp.reshape(xp.matrix_transpose(seen), (-1, len(times)))
        products[:, i, ...] -= xp.reshape(seen @ hidden, (len(shifts), n_targets, n_channels))
    products = xp.permute_dims(products, (0, 2, 3, 1))
    products = xp.reshape(products, (len(shifts) * n_targets, -1))
    if moments.columns is None:
        return products
    return xp.take(products, xp.asarray(moments.columns), axis=1)
