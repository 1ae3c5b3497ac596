"""Nested leave-one-trial-out: an unbiased score of a model that chooses its penalty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.blas import one_blas_thread
from linear_aad.lagged.averaging import trial_models
from linear_aad.lagged.bands import directions
from linear_aad.lagged.leave_one_out import correlation, dense, dense_sum
from linear_aad.lagged.moments import Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.ridge import LaggedRidge
from linear_aad.lagged.systems import System, groups, shared_spectrum, solve_near
from linear_aad.lagged.trial_moments import TrialMoments

# Scores of left-out pairs decide between penalties: their models need no more digits than this.
PAIR_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class NestedScores:
    """Results of nested leave-one-trial-out.

    Attributes
    ----------
    scores : ndarray of shape (n_trials, n_outputs)
        Correlation of each trial with the prediction by the model of all others, whose penalty
        was chosen without that trial.
    alphas : ndarray of shape (n_trials, n_outputs, n_bands)
        The chosen penalties.
    inner_scores : ndarray of shape (n_candidates, n_trials, n_trials, n_outputs)
        Correlation of the second trial when both are left out; NaN on the diagonal.
    """

    scores: np.ndarray
    alphas: np.ndarray
    inner_scores: np.ndarray


@one_blas_thread()
def nested_leave_one_out(
    model: LaggedRidge, X: Any, y: Any, *, progress: bool = False
) -> NestedScores:
    """Score a regression that chooses its penalty, each trial with a choice made without it.

    For every trial, the penalty is chosen by leave-one-trial-out among the other trials, and the
    model of the other trials with that penalty predicts the trial. A model without two trials
    serves both of them, and is solved from the spectrum of all trials and from what leaving out
    each of the two alone changes.

    Parameters
    ----------
    model : BackwardTRF or ForwardTRF
        With several penalties. It is not fitted.
    X : list of arrays of shape (n_times, n_inputs)
        Input of each trial, at least 3.
    y : list of arrays of shape (n_times, n_outputs) or (n_times,)
        Output of each trial.
    progress : bool
        Show a progress bar.

    Returns
    -------
    result : NestedScores
        Scores of the outer loop, chosen penalties, scores of the inner loop.

    Raises
    ------
    ValueError
        If there is no choice to make, or there are fewer than 3 trials.

    References
    ----------
    Varma, S., & Simon, R. (2006). Bias in error estimation when using cross-validation for model
    selection. BMC Bioinformatics, 7, 91. https://doi.org/10.1186/1471-2105-7-91

    Examples
    --------
    >>> import numpy as np
    >>> from linear_aad import BackwardTRF
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random(640) for _ in range(4)]
    >>> eeg = [s[:, None] + rng.normal(size=(640, 2)) for s in envelopes]
    >>> trf = BackwardTRF(tmax=0.1, sfreq=64, alpha=[1.0, 1e3])
    >>> nested_leave_one_out(trf, eeg, envelopes).scores.shape
    (4, 1)
    """
    moments = model.moments(X, y)
    found, n_trials = model.candidates(), len(moments)
    if found is None or len(found) < 2:
        raise ValueError(
            f"alpha={model.alpha!r} leaves no penalty to choose: give several, or score the model "
            "by plain leave-one-trial-out"
        )
    if n_trials < 3:
        raise ValueError(f"nested leave-one-out takes at least 3 trials, got {n_trials}")
    inner = np.full((len(found), n_trials, n_trials, moments.n_targets), np.nan)
    outer = np.empty((len(found), n_trials, moments.n_targets))
    walk = _late if model.averaging == "models" else _early
    groups = directions(found)
    n_pairs = n_trials * (n_trials - 1)
    with tqdm(total=len(groups) * n_pairs, disable=not progress, unit="pair") as bar:
        for direction in groups:
            scaled, penalty = model.along(moments, direction)
            for j, k, scores in walk(scaled, direction.alphas, penalty):
                if j == k:
                    outer[direction.candidates, k] = to_numpy(scores)
                else:
                    inner[direction.candidates, j, k] = to_numpy(scores)
                    bar.update()
    judged = np.nanmean(inner, axis=2)
    if not model.alpha_per_output:
        judged = np.broadcast_to(judged.mean(axis=2, keepdims=True), judged.shape)
    best = judged.argmax(axis=0)
    return NestedScores(np.take_along_axis(outer, best[None], axis=0)[0], found[best], inner)


def _early(
    trials: TrialMoments, alphas: list[float], penalty: Penalty
) -> Iterator[tuple[int, int, Any]]:
    """Scores (n_alphas, n_outputs) of trial k without trials j and k; without k alone if j is k."""
    n_trials = len(trials)
    total = dense_sum(trials)
    spectrum = shared_spectrum(total, n_trials * (n_trials - 1) // 2 * len(alphas), penalty)

    def models(left: Sequence[Moments], rest: Moments, n_left: int, **near: Any) -> list[Any]:
        systems = [System.of(rest - trial, alphas, penalty, n_left, True) for trial in left]
        return solve_near(systems, penalty, spectrum, **near)

    whole = solve_near([System.of(total, alphas, penalty, n_trials)], penalty, spectrum)[0]
    single = []
    for group in groups(range(n_trials), total.x.shape[0]):
        left_out = [dense(trials[k]) for k in group]
        single += models(left_out, total, n_trials - 1)
        for k, trial in zip(group, left_out, strict=True):
            yield k, k, correlation(trial, single[k])
        del left_out, trial  # before the next ones are made
    for j in range(n_trials - 1):
        first = dense(trials[j])
        rest = total - first
        for group in groups(range(j + 1, n_trials), total.x.shape[0]):
            left_out = [dense(trials[k]) for k in group]
            # What leaving out both changes is nearly the sum of what each of them does.
            starts = [single[j] + single[k] - whole for k in group]
            pairs = models(left_out, rest, n_trials - 2, starts=starts, tol=PAIR_TOLERANCE)
            for k, trial, pair in zip(group, left_out, pairs, strict=True):
                yield j, k, correlation(trial, pair)
                yield k, j, correlation(first, pair)
            del left_out, trial


def _late(
    trials: TrialMoments, alphas: list[float], penalty: Penalty
) -> Iterator[tuple[int, int, Any]]:
    """Like `_early`, with the mean of the models of the other trials, up to a factor."""
    models = trial_models(trials, alphas, penalty)
    total = namespace(models).sum(models, axis=0)
    for k in range(len(trials)):
        left_out = dense(trials[k])
        yield k, k, correlation(left_out, total - models[k, ...])
        for j in range(len(trials)):
            if j != k:
                yield j, k, correlation(left_out, total - models[j, ...] - models[k, ...])
