"""Choice among penalties by models that leave one trial out."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import starmap
from operator import add
from typing import Any, cast

from cocktailparty.backend import namespace
from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import System, groups, shared_spectrum, solve_near


def correlation(moments: Moments, weights: Any) -> Any:
    """Pearson correlation of prediction and target, (..., n_targets), from moments alone.

    `weights` (..., n_regressors, n_targets) are those of linear models, whose intercepts do not
    matter. The correlation is 0 where the prediction or the target is constant.
    """
    xp = namespace(moments.x, weights)
    *models, n_regressors, n_targets = weights.shape
    # Regressors first, so that one product serves all models: the large matrix is read once.
    columns = xp.moveaxis(weights, -2, 0)
    images = moments.xx @ xp.reshape(columns, (n_regressors, -1))
    images = xp.reshape(images, columns.shape)
    # Centred by hand: a centred copy of the large matrix is not needed for that.
    mean = xp.reshape(moments.x @ xp.reshape(columns, (n_regressors, -1)), (*models, n_targets))
    covariance = xp.sum(weights * moments.xy, axis=-2) - mean * moments.y / moments.n
    power = xp.sum(columns * images, axis=0) - mean**2 / moments.n
    power = power * (moments.yy - moments.y**2 / moments.n)
    positive = power > 0
    scale = xp.sqrt(xp.where(positive, power, xp.ones_like(power)))
    return xp.where(positive, covariance / scale, xp.zeros_like(power))


def leave_one_trial_out(
    trials: Sequence[Moments | LaggedMoments], alphas: Sequence[float], penalty: Penalty
) -> Any:
    """Predict every trial with the model of all others, for every penalty.

    Gives Pearson correlations (n_alphas, n_trials, n_targets) of the left-out trials, with `alphas`
    in the convention of `penalty`. Exact: the models are those that direct solutions would give.
    Many penalties and trials are solved together, see `leave_one_out_weights`.
    """
    # Mapped, because a loop variable would hold on to a large matrix while the next one is made.
    scores = list(starmap(correlation, leave_one_out_weights(trials, alphas, penalty)))
    return namespace(scores[0]).stack(scores, axis=1)


def leave_one_out_weights(
    trials: Sequence[Moments | LaggedMoments], alphas: Sequence[float], penalty: Penalty
) -> Iterator[tuple[Moments, Any]]:
    """Solve a penalised regression without each of the trials in turn, for every penalty.

    A system without one trial differs little from the system of all trials. The eigenvectors of the
    latter diagonalise it for all penalties at once, and make a preconditioner with which conjugate
    gradients reach machine precision in about ten steps. Systems that do not get there in time, and
    problems in which direct solutions cost less, are solved by Cholesky factors.

    Yields, for each trial, its moments and the weights (n_alphas, n_regressors, n_targets) of all
    others; `alphas` are in the convention of `penalty`.
    """
    total, n_left = dense_sum(trials), len(trials) - 1
    spectrum = shared_spectrum(total, len(trials) * len(alphas), penalty)
    for group in groups(range(len(trials)), total.x.shape[0]):
        left_out = [dense(trials[k]) for k in group]
        systems = [System.of(total - trial, alphas, penalty, n_left, True) for trial in left_out]
        weights = solve_near(systems, penalty, spectrum)
        del systems
        yield from zip(left_out, weights, strict=True)
        del left_out


def dense(moments: Moments | LaggedMoments) -> Moments:
    """Assemble the matrix of products of moments, whichever form they have."""
    return moments.dense() if isinstance(moments, LaggedMoments) else moments


def dense_sum(trials: Sequence[Moments | LaggedMoments]) -> Moments:
    """Sum over trials, with the matrix of products assembled."""
    if isinstance(trials[0], LaggedMoments):
        return LaggedMoments.sum(cast(Iterable[LaggedMoments], trials)).dense()
    return reduce(add, cast(Sequence[Moments], trials))
