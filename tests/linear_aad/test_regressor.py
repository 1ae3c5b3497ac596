import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    Ridge,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cocktailparty.datasets import simulate_two_talkers
from linear_aad import AttentionDecoder, BackwardTRF, ForwardTRF
from linear_aad.lagged.moments import lag_matrix
from linear_aad.regressor import LaggedRegressor

EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": "a lagged model depends on the order of the samples",
    "check_methods_subset_invariance": "a lagged model sees the neighbours of a sample",
}
SGD = SGDRegressor(penalty=None, learning_rate="constant", eta0=0.003, random_state=0)


@parametrize_with_checks(
    [
        LaggedRegressor(Ridge(), tmin=0.0, tmax=3 / 64),
        LaggedRegressor(Lasso(alpha=1e-3), tmin=-0.02, tmax=0.02),
        LaggedRegressor(SGD, tmin=-0.02, tmax=0.02, direction="forward", tol=0.1),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def listener(rng, n_trials=3, n_inputs=3, n_outputs=1, delay=-3):
    """Inputs as EEG that answers 3 samples after the outputs."""
    x = [rng.normal(size=(150 + 30 * i, n_inputs)) + 0.5 for i in range(n_trials)]
    mixing = rng.normal(size=(n_inputs, n_outputs))
    y = [np.roll(s, delay, axis=0) @ mixing + rng.normal(size=(len(s), n_outputs)) + 2 for s in x]
    return x, y


def explicit(x, model):
    """The lag matrix of all trials, and how its columns turn into weights."""
    sign = 1 if model.direction == "backward" else -1
    return np.concatenate([lag_matrix(s, sign * model.lags_) for s in x])


@pytest.mark.parametrize("direction", ["backward", "forward"])
@pytest.mark.parametrize(("tmin", "tmax"), [(0.0, 0.1), (-0.08, 0.05), (-0.1, -0.03)])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize(
    "regressor",
    [
        Ridge(alpha=3.0),
        BayesianRidge(),  # takes a single output
        Lasso(alpha=0.05, tol=1e-12, max_iter=100_000),
        ElasticNet(alpha=0.05, tol=1e-12, max_iter=100_000, fit_intercept=False),
        Lasso(alpha=0.05, positive=True, tol=1e-12, selection="random", random_state=0),
    ],
    ids=["ridge", "single output", "lasso", "elastic net", "positive lasso"],
)
def test_same_as_the_regressor_on_the_lag_matrix(rng, regressor, n_outputs, tmin, tmax, direction):
    x, y = listener(rng, n_outputs=n_outputs)
    model = LaggedRegressor(regressor, tmin, tmax, 64, direction, remove_mean=False).fit(x, y)
    matrix, targets = explicit(x, model), np.concatenate(y)
    expected = np.empty((n_outputs, matrix.shape[1]))
    predicted = np.empty_like(targets)
    for j in range(n_outputs):
        # The order of the columns matters to solvers that stop early, not to these.
        theirs = clone(regressor).fit(matrix, targets[:, j])
        expected[j], predicted[:, j] = theirs.coef_, theirs.predict(matrix)
    shape = n_outputs, x[0].shape[1], len(model.lags_)
    weights = expected.reshape(shape)
    if direction == "forward":
        weights = weights.transpose(1, 0, 2)
    assert np.abs(weights).max() > 0
    np.testing.assert_allclose(model.coef_, weights, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(model.predict(x)), predicted, atol=1e-5)
    assert model.score(x, y) == pytest.approx(np.mean(model.correlations(x, y)))


def test_lasso_leaves_the_same_number_of_weights_at_the_default_tolerance(rng):
    x, y = listener(rng)
    model = LaggedRegressor(Lasso(alpha=0.1), 0, 0.1, remove_mean=False).fit(x, y)
    matrix = explicit(x, model).reshape(-1, 3, 7).transpose(0, 2, 1).reshape(-1, 21)
    theirs = Lasso(alpha=0.1).fit(matrix, np.concatenate(y)[:, 0])
    ours = model.regressor_
    assert 0 < np.count_nonzero(ours.coef_) < 21
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.get_params() == theirs.get_params()


def test_ridge_and_both_trfs_agree(rng):
    x, y = listener(rng, n_outputs=2)
    alpha = 7.0
    backward = BackwardTRF(-0.05, 0.1, 64, alpha).fit(x, y)
    forward = ForwardTRF(-0.05, 0.1, 64, alpha).fit(x, y)
    for trf, direction in ((backward, "backward"), (forward, "forward")):
        ours = LaggedRegressor(Ridge(alpha), -0.05, 0.1, 64, direction).fit(x, y)
        np.testing.assert_allclose(ours.coef_, trf.coef_, atol=1e-9)
        np.testing.assert_allclose(ours.correlations(x, y), trf.correlations(x, y), atol=1e-9)


def test_batches_converge_to_the_ridge_solution(rng):
    x, y = listener(rng, n_trials=6)
    n = sum(map(len, x))
    # SGD penalises the mean squared error, ridge regression the sum.
    sgd = SGDRegressor(
        alpha=0.05, learning_rate="constant", eta0=0.001, average=20_000, random_state=0
    )
    kind = {"tmin": 0, "tmax": 0.1, "remove_mean": False}
    model = LaggedRegressor(sgd, **kind, tol=1e-4, random_state=0).fit(x, y)
    ridge = LaggedRegressor(Ridge(alpha=0.05 * n), **kind).fit(x, y)
    scale = np.abs(ridge.coef_).max()
    np.testing.assert_allclose(model.coef_, ridge.coef_, atol=0.02 * scale)
    assert model.score(x, y) == pytest.approx(ridge.score(x, y), abs=0.001)
    assert 6 < model.n_passes_ < 100
    again = clone(model).fit(x, y)
    assert again.n_passes_ == model.n_passes_


def test_batches_of_several_outputs_and_too_few_passes(rng):
    x, y = listener(rng, n_outputs=2)
    model = LaggedRegressor(SGD, 0, 0.1, max_passes=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="still improving after max_passes=2 passes"):
        model.fit(x, y)
    assert model.coef_.shape == (2, 3, 7)
    assert [p.shape for p in model.predict(x)] == [s.shape for s in y]


def test_batches_need_no_lag_matrix(rng):
    x, y = [rng.normal(size=(20_000, 16))], [rng.normal(size=20_000)]
    model = LaggedRegressor(SGD, 0, 0.78, tol=0.5, max_memory=10e6, random_state=0)
    tracemalloc.start()
    model.fit(x, y).predict(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(model.lags_) * 16 * 20_000 * 8 == 130_560_000
    # Signal, padded copy and a few copies of one batch
    assert peak < 40e6


def test_lasso_needs_no_lag_matrix(rng):
    x, y = [rng.normal(size=(20_000, 8))], [rng.normal(size=20_000)]
    model = LaggedRegressor(Lasso(alpha=0.01), 0, 0.78, max_memory=10e6)
    model.fit([x[0][:100]], [y[0][:100]])  # what is compiled and imported once stays
    tracemalloc.start()
    model.fit(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25e6 < 8 * len(model.lags_) * 20_000 * 8


@pytest.mark.parametrize("regressor", [Ridge(), Lasso(), SGD], ids=["whole", "sums", "batches"])
def test_too_much_memory_is_refused_before_any_work(rng, regressor):
    x, y = listener(rng)
    with pytest.raises(ValueError, match=r"3 inputs x 27 lags.* GB, more than max_memory=1000"):
        LaggedRegressor(regressor, max_memory=1000).fit(x, y)


def test_single_precision_halves_what_is_laid_out(rng):
    x, y = listener(rng)
    needed = 540 * 3 * 27 * 4
    model = LaggedRegressor(Ridge(), max_memory=needed)
    with pytest.raises(ValueError, match="float32 signals"):
        model.fit(x, y)
    model.fit([s.astype(np.float32) for s in x], y)
    predicted = model.predict([s.astype(np.float32) for s in x])
    assert {p.dtype for p in predicted} == {np.dtype(np.float32)}
    # in pieces that are no larger
    small = clone(model).set_params(max_memory=1e9).fit(x, y).set_params(max_memory=5000)
    whole = clone(small).set_params(max_memory=1e9).fit(x, y)
    np.testing.assert_allclose(small.predict(x)[2], whole.predict(x)[2], rtol=1e-12)


def test_boosting_finds_a_response_that_ridge_cannot(rng):
    x = [rng.normal(size=(1500, 2)) for _ in range(3)]
    # The output is even in the input: no linear model correlates with it.
    y = [np.abs(np.roll(s[:, 0], -3)) + 0.1 * rng.normal(size=1500) for s in x]
    boosting = HistGradientBoostingRegressor(max_iter=30, random_state=0)
    found, linear = (
        LaggedRegressor(r, 0, 0.08).fit(x[:2], y[:2]).score(x[2:], y[2:])
        for r in (boosting, Ridge())
    )
    assert found > 0.8
    assert abs(linear) < 0.15


def test_any_regressor_or_pipeline_does(rng):
    x, y = listener(rng, n_outputs=2)
    forest = RandomForestRegressor(n_estimators=3, max_depth=3, random_state=0)
    for regressor in (forest, make_pipeline(StandardScaler(), Ridge())):
        model = LaggedRegressor(regressor, 0, 0.1).fit(x, y)
        assert not hasattr(model, "coef_")
        assert [p.shape for p in model.predict(x)] == [s.shape for s in y]
        assert model.score(x, y) > 0.3


def test_shapes_follow_the_input(rng):
    x, y = listener(rng)
    for regressor in (Ridge(), Lasso(alpha=0.01), SGD):
        model = LaggedRegressor(regressor, 0, 0.05, tol=0.5)
        assert [p.shape for p in clone(model).fit(x, y).predict(x)] == [s.shape for s in y]
        flat = [s[:, 0] for s in y]
        assert [p.shape for p in clone(model).fit(x, flat).predict(x)] == [s.shape for s in flat]
        assert clone(model).fit(x[0], flat[0]).predict(x[1]).shape == flat[1].shape


def test_inputs_are_not_touched(rng):
    x, y = listener(rng)
    before = [s.copy() for s in (*x, *y)]
    for regressor in (LinearRegression(copy_X=False), Lasso(copy_X=False), SGD):
        LaggedRegressor(regressor, 0, 0.05, tol=0.5).fit(x, y).predict(x)
    for s, old in zip((*x, *y), before, strict=True):
        np.testing.assert_array_equal(s, old)


def test_decodes_attention_and_can_be_searched():
    trials = simulate_two_talkers(
        n_trials=8, duration=30, n_channels=4, snr=-15, random_state=0
    ).trials
    volts = [trial.replace(eeg=trial.eeg / 15e-6) for trial in trials]
    attended = [trial.attended for trial in trials]
    decoder = AttentionDecoder(LaggedRegressor(Lasso(alpha=0.01), tmax=0.25))
    assert cross_val_score(decoder, volts, attended, cv=4).mean() >= 0.875
    search = GridSearchCV(decoder, {"regressor__regressor__alpha": [0.01, 1e3]}, cv=2)
    assert search.fit(volts, attended).best_params_ == {"regressor__regressor__alpha": 0.01}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"regressor": Ridge}, "regressor must be a regressor of scikit-learn, got <class"),
        ({"regressor": "ridge"}, "regressor must be a regressor of scikit-learn, got 'ridge'"),
        ({"direction": "both"}, "direction must be 'backward' or 'forward', got 'both'"),
        ({"max_memory": 0}, "max_memory must be a positive number of bytes, got 0"),
        ({"max_passes": 0}, "max_passes must be an integer of at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be an integer of at least 1, got 1.5"),
        ({"tol": -1}, "tol must be at least 0, got -1"),
        ({"tmin": 1.0}, "from tmin to a later tmax"),
        ({"tmax": 10.0}, r"reach 640 samples \(10 s\) but trial 0 has"),
    ],
)
def test_bad_parameters_are_named(rng, parameters, message):
    with pytest.raises(ValueError, match=message):
        LaggedRegressor(**{"regressor": Ridge(), **parameters}).fit(*listener(rng))


def test_arrays_of_other_libraries_are_not_moved_silently(rng):
    import array_api_strict as xp

    x, y = ([xp.asarray(s) for s in signals] for signals in listener(rng))
    with pytest.raises(ValueError, match="move the signals to the host"):
        LaggedRegressor(Ridge(), 0, 0.1).fit(x, y)
