"""Late integration: one model per trial, and the mean of the models of several trials."""

from collections.abc import Sequence
from typing import Any

from cocktailparty.backend import namespace
from linear_aad.lagged.leave_one_out import correlation, dense
from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import ridge


def trial_models(
    trials: Sequence[Moments | LaggedMoments], alphas: Sequence[float], penalty: Penalty
) -> Any:
    """Solve for the weights of each trial alone.

    Gives (n_trials, n_alphas, n_regressors, n_targets); `alphas` are in the convention of
    `penalty`.
    """
    models = []
    for trial in map(dense, trials):
        absolute = [penalty.absolute(alpha, trial, 1) for alpha in alphas]
        models.append(ridge(trial, absolute, penalty))
    return namespace(models[0]).stack(models)


def mean_model_scores(
    trials: Sequence[Moments | LaggedMoments], alphas: Sequence[float], penalty: Penalty
) -> Any:
    """Predict every trial with the mean of the models of all others, for every penalty.

    Gives the Pearson correlations (n_alphas, n_trials, n_targets) of the left-out trials; `alphas`
    are in the convention of `penalty`.
    """
    models = trial_models(trials, alphas, penalty)
    xp = namespace(models)
    total = xp.sum(models, axis=0)
    scores = [correlation(dense(trial), total - models[k, ...]) for k, trial in enumerate(trials)]
    return xp.stack(scores, axis=1)
