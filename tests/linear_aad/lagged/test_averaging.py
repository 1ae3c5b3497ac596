import array_api_strict
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from linear_aad.lagged.averaging import mean_model_scores, trial_models
from linear_aad.lagged.moments import LaggedMoments, Moments, lag_matrix
from linear_aad.lagged.penalties import Penalty

LAGS = np.arange(-1, 3)
ALPHAS = [0.1, 1e2]


@pytest.fixture
def data(rng):
    x = [rng.normal(size=(60 + 10 * i, 2)) + i for i in range(4)]
    return x, [s @ rng.normal(size=(2, 3)) + rng.normal(size=(len(s), 3)) for s in x]


def test_each_trial_has_its_own_model(data):
    trials = [LaggedMoments.of(x, y, LAGS) for x, y in zip(*data, strict=True)]
    models = trial_models(trials, ALPHAS, Penalty(n_lags=4))
    assert models.shape == (4, 2, 8, 3)
    for own, x, y in zip(models, *data, strict=True):
        for weights, alpha in zip(own, ALPHAS, strict=True):
            oracle = Ridge(alpha=alpha, solver="svd").fit(lag_matrix(x, LAGS), y)
            np.testing.assert_allclose(weights.T, oracle.coef_, atol=1e-9)


def test_conventions_count_one_trial(data):
    trials = [LaggedMoments.of(x, y, LAGS) for x, y in zip(*data, strict=True)]
    toolbox = trial_models(trials, [1.0], Penalty(convention="mtrfpy", sfreq=50, n_lags=4))
    np.testing.assert_allclose(toolbox, trial_models(trials, [50.0], Penalty(n_lags=4)))


@pytest.mark.parametrize("kind", ["ridge", "laplacian"])
def test_a_trial_is_predicted_by_the_mean_model_of_the_others(data, kind):
    trials = [LaggedMoments.of(x, y, LAGS) for x, y in zip(*data, strict=True)]
    penalty = Penalty(kind, n_lags=4)
    scores = mean_model_scores(trials, ALPHAS, penalty)
    assert scores.shape == (2, 4, 3)
    for k, (x, y) in enumerate(zip(*data, strict=True)):
        others = [trial for j, trial in enumerate(trials) if j != k]
        mean = trial_models(others, ALPHAS, penalty).mean(axis=0)
        for j in range(2):
            predicted = lag_matrix(x, LAGS) @ mean[j]
            expected = [np.corrcoef(predicted[:, i], y[:, i])[0, 1] for i in range(3)]
            np.testing.assert_allclose(scores[j, k], expected, atol=1e-10)


def test_any_array_library(data):
    xp = array_api_strict
    strict = [Moments.of(xp.asarray(x), xp.asarray(y)) for x, y in zip(*data, strict=True)]
    plain = [Moments.of(x, y) for x, y in zip(*data, strict=True)]
    np.testing.assert_allclose(
        np.asarray(mean_model_scores(strict, ALPHAS, Penalty())),
        mean_model_scores(plain, ALPHAS, Penalty()), atol=1e-12,
    )  # fmt: skip
