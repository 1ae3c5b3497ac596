import pickle

import numpy as np
import pytest
from scipy.linalg import block_diag
from sklearn.base import clone

from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged.moments import lag_matrix
from linear_aad.lagged.ridge import LaggedRidge


def test_the_base_is_not_a_model():
    with pytest.raises(TypeError, match="abstract"):
        LaggedRidge()


@pytest.mark.parametrize("model", [BackwardTRF, ForwardTRF])
def test_constant_signals_correlate_with_nothing(rng, model):
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 3))
    fitted = model(0, 0.05, 64).fit([x, x], [y, y])
    y[:, 1] = 4.0
    r = fitted.correlations([x], [y])
    assert r[1] == 0
    assert np.all(np.abs(r[[0, 2]]) > 0)


def test_both_directions_use_the_same_sign_of_lags(rng):
    stimulus = rng.normal(size=(3000, 1))
    eeg = np.roll(stimulus, 5, axis=0) + rng.normal(size=(3000, 1))
    for model, pair in ((BackwardTRF, (eeg, stimulus)), (ForwardTRF, (stimulus, eeg))):
        fitted = model(-0.1, 0.15, 64).fit(*pair)
        assert fitted.lags_[np.abs(fitted.coef_[0, 0]).argmax()] == 5


def test_each_output_may_choose_its_penalty(rng):
    # Clean responses of one lag want no penalty, weak ones to a smooth stimulus a large one.
    smooth = [np.apply_along_axis(np.convolve, 0, rng.normal(size=(300, 2)), np.ones(9), "same")
              for _ in range(4)]  # fmt: skip
    stimuli = [s + 0.01 * rng.normal(size=s.shape) for s in smooth]
    eeg = [
        np.c_[3 * s[:, 0] + 0.001 * rng.normal(size=300), s[:, 1] + 30 * rng.normal(size=300)]
        for s in stimuli
    ]
    alphas = [1e-2, 1e3, 1e5]
    fitted = ForwardTRF(0, 0.1, 64, alphas, alpha_per_output=True).fit(stimuli, eeg)
    assert fitted.alpha_.shape == (2,)
    assert fitted.cv_scores_.shape == (3, 4)
    for c in range(2):
        alone = ForwardTRF(0, 0.1, 64, alphas).fit(stimuli, [x[:, c] for x in eeg])
        assert alone.alpha_ == fitted.alpha_[c]
        np.testing.assert_allclose(fitted.coef_[:, [c]], alone.coef_, rtol=1e-10, atol=1e-14)
    together = ForwardTRF(0, 0.1, 64, alphas).fit(stimuli, eeg)
    assert isinstance(together.alpha_, float)
    assert len(set(fitted.alpha_)) == 2


@pytest.fixture
def data(rng):
    """Inputs of 4 channels, the last 2 of them useless, and 2 outputs that follow the others."""
    x = [rng.normal(size=(120 + 10 * i, 4)) + 1 for i in range(5)]
    y = [np.roll(s[:, :2], -3, axis=0) @ [[1.0, 0.3], [0.5, -1]] + 2 for s in x]
    return x, [s + rng.normal(size=s.shape) for s in y]


LAGS = np.arange(-1, 6)  # of the input


def fit(data, trials=None, **parameters):
    """Fit a model whose input, with its means, is looked at over LAGS."""
    x, y = ([part[i] for i in trials or range(5)] for part in data)
    parameters = {"remove_mean": False, **parameters}
    return BackwardTRF(LAGS[0] / 64, LAGS[-1] / 64, 64, **parameters).fit(x, y)


def explicit(data, penalties, kind="ridge", fit_intercept=True, trials=None):
    """Solve the normal equations of lagged channels with a penalty for each channel."""
    lagged = np.concatenate([lag_matrix(data[0][i], LAGS) for i in trials or range(5)])
    y = np.concatenate([data[1][i] for i in trials or range(5)])
    mean, centre = y.mean(axis=0) * fit_intercept, lagged.mean(axis=0) * fit_intercept
    steps = np.eye(len(LAGS)) if kind == "ridge" else np.diff(np.eye(len(LAGS)), axis=0)
    matrix = block_diag(*[alpha * steps.T @ steps for alpha in penalties])
    x = lagged - centre
    weights = np.linalg.solve(x.T @ x + matrix, x.T @ (y - mean))
    return weights.T.reshape(2, 4, -1), mean - centre @ weights


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["ridge", "laplacian"])
def test_weights_solve_the_normal_equations(data, kind, fit_intercept):
    fitted = fit(data, alpha=30.0, penalty=kind, fit_intercept=fit_intercept)
    weights, intercept = explicit(data, [30.0] * 4, kind, fit_intercept)
    np.testing.assert_allclose(fitted.coef_, weights, atol=1e-10)
    np.testing.assert_allclose(fitted.intercept_, intercept, atol=1e-9)
    predicted = fitted.predict(data[0])[1]
    expected = lag_matrix(data[0][1], LAGS) @ weights.reshape(2, -1).T + intercept
    np.testing.assert_allclose(predicted, expected, atol=1e-9)


def test_the_laplacian_makes_smooth_responses_and_leaves_their_mean(data):
    rough, smooth, flat = (
        fit(data, alpha=alpha, penalty="laplacian").coef_ for alpha in (1e-6, 1e3, 1e9)
    )
    steps = [np.abs(np.diff(w, axis=-1)).max() for w in (rough, smooth, flat)]
    assert steps[0] > 2 * steps[1] > 100 * steps[2]
    assert np.abs(flat).max() > 0.01


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("convention", "unit"), [("absolute", 1.0), ("mtrf-toolbox", 64.0), ("mtrfpy", 320.0)]
)
def test_each_band_has_its_own_penalty(data, convention, unit, fit_intercept):
    if not fit_intercept:  # or the second band would have to make up for the constant
        data = [[s - s.mean(axis=0) + 0.01 for s in part] for part in data]
    fitted = fit(
        data, alpha=[0.1, 1e4], bands=[2, 2], alpha_convention=convention,
        fit_intercept=fit_intercept,
    )  # fmt: skip
    np.testing.assert_array_equal(fitted.alpha_, [0.1, 1e4])  # the second band is noise
    assert fitted.cv_scores_.shape == (4, 5)
    weights, intercept = explicit(
        data, np.repeat([0.1 * unit, 1e4 * unit], 2), fit_intercept=fit_intercept
    )
    np.testing.assert_allclose(fitted.coef_, weights, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fitted.intercept_, intercept, atol=1e-9)
    best = fitted.candidates()[fitted.cv_scores_.mean(axis=1).argmax()]
    np.testing.assert_array_equal(best, fitted.alpha_)


def test_scores_of_bands_are_those_of_left_out_trials(data):
    fitted = fit(data, alpha=[0.1, 1e3], bands=[1, 3])
    for penalties, scores in zip(fitted.candidates(), fitted.cv_scores_, strict=True):
        for k in range(5):
            others = [i for i in range(5) if i != k]
            weights, _ = explicit(data, np.repeat(penalties, [1, 3]), trials=others)
            predicted = lag_matrix(data[0][k], LAGS) @ weights.reshape(2, -1).T
            r = [np.corrcoef(predicted[:, o], data[1][k][:, o])[0, 1] for o in range(2)]
            assert scores[k] == pytest.approx(np.mean(r), abs=1e-10)


def test_relative_penalties_of_bands_count_in_the_unit_of_the_input(data):
    fitted = fit(data, alpha=[1e-2, 10.0], bands=[2, 2], alpha_convention="relative")
    lagged = np.concatenate([lag_matrix(x, LAGS) for x in data[0]])
    unit = np.mean(np.sum((lagged - lagged.mean(axis=0)) ** 2, axis=0))
    weights, _ = explicit(data, np.repeat(fitted.alpha_ * unit, 2))
    np.testing.assert_allclose(fitted.coef_, weights, rtol=1e-8, atol=1e-12)
    assert fitted.alpha_[0] < fitted.alpha_[1]


def test_bands_with_equal_penalties_are_ridge_regression(data):
    whole, banded = fit(data, alpha=7.0), fit(data, alpha=7.0, bands=(1, 3))
    np.testing.assert_array_equal(banded.alpha_, [7.0, 7.0])
    np.testing.assert_allclose(banded.coef_, whole.coef_, atol=1e-12)
    assert not hasattr(banded, "cv_scores_")


def test_random_bands_are_repeatable_and_solve_their_equations(data):
    options = {"alpha": [0.1, 10.0, 1e3], "bands": [2, 2], "band_search": 6}
    fitted = fit(data, **options, random_state=0)
    assert fitted.cv_scores_.shape == (18, 5)
    assert fitted.alpha_[0] < fitted.alpha_[1]
    weights, _ = explicit(data, np.repeat(fitted.alpha_, 2))
    np.testing.assert_allclose(fitted.coef_, weights, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(fit(data, **options, random_state=0).coef_, fitted.coef_)
    other = fit(data, **options, random_state=1)
    assert not np.array_equal(other.alpha_, fitted.alpha_)


def test_each_output_chooses_penalties_of_bands(rng, data):
    x, y = data
    y = [
        np.c_[s[:, :1], x_[:, 2:3] + rng.normal(size=(len(s), 1))]
        for x_, s in zip(x, y, strict=True)
    ]
    fitted = fit((x, y), alpha=[0.1, 1e4], bands=[2, 2], alpha_per_output=True)
    np.testing.assert_array_equal(fitted.alpha_, [[0.1, 1e4], [1e4, 0.1]])
    assert fitted.cv_scores_.shape == (4, 5)
    for o in range(2):
        weights, _ = explicit((x, y), np.repeat(fitted.alpha_[o], 2))
        np.testing.assert_allclose(fitted.coef_[o], weights[o], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", ["ridge", "laplacian"])
def test_late_integration_is_the_mean_of_models_of_single_trials(data, kind):
    fitted = fit(data, alpha=[1.0, 1e3], averaging="models", penalty=kind)
    alone = [fit(data, [k], alpha=fitted.alpha_, penalty=kind) for k in range(5)]
    np.testing.assert_allclose(fitted.coef_, np.mean([m.coef_ for m in alone], axis=0), atol=1e-10)
    lagged = np.concatenate([lag_matrix(x, LAGS) for x in data[0]])
    mean = lagged.mean(axis=0) @ fitted.coef_.reshape(2, -1).T
    np.testing.assert_allclose(fitted.intercept_, np.concatenate(data[1]).mean(axis=0) - mean)
    early = fit(data, alpha=[1.0, 1e3], penalty=kind)
    assert np.abs(early.coef_ - fitted.coef_).max() > 1e-3
    for k in range(5):
        others = [i for i in range(5) if i != k]
        for alpha, scores in zip([1.0, 1e3], fitted.cv_scores_, strict=True):
            rest = fit(data, others, alpha=alpha, averaging="models", penalty=kind)
            assert scores[k] == pytest.approx(rest.score(data[0][k], data[1][k]), abs=1e-10)


def test_late_integration_of_bands(data):
    fitted = fit(data, alpha=[0.1, 1e4], bands=[2, 2], averaging="models")
    expected = np.mean(
        [explicit(data, np.repeat(fitted.alpha_, 2), trials=[k])[0] for k in range(5)], axis=0
    )
    np.testing.assert_allclose(fitted.coef_, expected, rtol=1e-8, atol=1e-12)
    assert fitted.alpha_[0] < fitted.alpha_[1]


def test_forward_models_take_the_same_parameters(data):
    y, x = data
    options = {"alpha": [0.1, 1e3], "bands": [1, 1], "alpha_per_output": True}
    forward = ForwardTRF(-5 / 64, 1 / 64, 64, **options).fit(x, y)
    backward = BackwardTRF(-1 / 64, 5 / 64, 64, **options).fit(x, y)
    np.testing.assert_array_equal(forward.alpha_, backward.alpha_)
    np.testing.assert_allclose(
        forward.coef_[..., ::-1].transpose(1, 0, 2), backward.coef_, atol=1e-12
    )


def test_a_model_forgets_an_earlier_choice(data):
    model = fit(data, alpha=[1.0, 10.0])
    assert model.cv_scores_.shape == (2, 5)
    model.set_params(alpha=1.0).fit(*data)
    assert not hasattr(model, "cv_scores_")


def test_no_penalty_at_all_is_least_squares(data):
    fitted = fit(data, alpha=[0.0, 1e6])
    assert fitted.alpha_ == 0.0
    np.testing.assert_allclose(fitted.coef_, explicit(data, [0.0] * 4)[0], atol=1e-10)


def test_models_can_be_copied_and_stored(data):
    fitted = fit(data, alpha=[0.1, 1e3], bands=[2, 2], band_search=2, random_state=3)
    stored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(stored.predict(data[0][0]), fitted.predict(data[0][0]))
    again = clone(fitted)
    assert not hasattr(again, "coef_")
    np.testing.assert_array_equal(again.fit(*data).coef_, fitted.coef_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"penalty": "lasso"}, "penalty must be one of"),
        ({"penalty": "laplacian", "tmin": 0, "tmax": 0}, "compares neighbouring lags"),
        ({"averaging": "early"}, "averaging must be 'covariances' or 'models', got 'early'"),
        ({"bands": [2, 1]}, r"bands=\[2, 1\] cover 3 inputs, the data have 4"),
        ({"bands": [4, 0]}, "bands must be positive numbers of inputs"),
        ({"bands": [2.0, 2.0]}, "bands must be positive numbers of inputs"),
        ({"bands": 4}, "bands must be positive numbers of inputs, got 4"),
        ({"bands": [2, 2], "penalty": "laplacian"}, "bands go with penalty='ridge' only"),
        ({"bands": [2, 2], "alpha": [0, 1]}, "penalties of bands must be positive"),
        ({"bands": [2, 2], "band_search": "all"}, "band_search must be 'grid' or"),
        ({"bands": [2, 2], "band_search": 3}, "pass several alphas"),
        ({"alpha": "ledoit-wolf", "penalty": "laplacian"}, "not go with penalty='laplacian'"),
        ({"alpha": "ledoit-wolf", "bands": [2, 2]}, r"not go with bands=\[2, 2\]"),
        ({"alpha": "ledoit-wolf", "bands": np.array([2, 2])}, "not go with bands=array"),
        ({"alpha": "ledoit-wolf", "averaging": "models"}, "not go with averaging='models'"),
        ({"alpha": "ledoit-wolf", "fit_intercept": False}, "not go with fit_intercept=False"),
    ],
)
def test_bad_parameters_are_named(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        BackwardTRF(**{"tmax": 0.1, **parameters}).fit(*data)


@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
def test_dependent_channels_need_a_ridge_penalty(data, penalty):
    x, y = data
    referenced = [s - s.mean(axis=1, keepdims=True) for s in x]
    model = BackwardTRF(0, 0.05, 64, alpha=10.0, penalty=penalty)
    if penalty == "ridge":
        assert model.fit(referenced, y).score(referenced, y) > 0.1
    else:
        with pytest.raises(ValueError, match="take penalty='ridge', or drop channels"):
            model.fit(referenced, y)


def test_bands_may_come_as_an_array(data):
    listed, array = (fit(data, alpha=[1.0, 10.0], bands=b) for b in ([2, 2], np.array([2, 2])))
    np.testing.assert_array_equal(listed.coef_, array.coef_)


@pytest.mark.parametrize("kind", [BackwardTRF, ForwardTRF])
@pytest.mark.parametrize(
    "parameters",
    [
        {"alpha": 3.0},
        {"alpha": [0.1, 10.0, 1e3]},
        {"alpha": [0.1, 10.0, 1e3], "alpha_per_output": True},
        {"alpha": "ledoit-wolf"},
        {"alpha": [0.1, 1e3], "bands": (1, 2)},
        {"alpha": [0.1, 1e3], "averaging": "models"},
        {"alpha": [0.1, 1e3], "fit_intercept": False, "remove_mean": False},
    ],
)
def test_many_models_at_once_are_those_of_each_alone(rng, kind, parameters):
    X = [rng.normal(size=(80 + 9 * i, 3)) + 2 for i in range(3)]
    outputs = [
        [np.roll(x[:, :2], i, axis=0) * gain + rng.normal(size=(len(x), 2)) + 1 for x in X]
        for i, gain in ((0, 1.0), (1, 0.0), (2, 5.0))
    ]
    model = kind(0, 3 / 64, 64, **parameters)
    found = model.fit_many(X, outputs)
    assert not hasattr(model, "coef_")
    chosen = []
    for one, y in zip(found, outputs, strict=True):
        alone = kind(0, 3 / 64, 64, **parameters).fit(X, y)
        for name in ("coef_", "intercept_", "alpha_"):
            np.testing.assert_allclose(getattr(one, name), getattr(alone, name), atol=1e-9)
        if kind is BackwardTRF:
            np.testing.assert_allclose(one.patterns_, alone.patterns_, atol=1e-9)
        np.testing.assert_allclose(one.predict(X)[1], alone.predict(X)[1], atol=1e-9)
        chosen.append(np.ravel(alone.alpha_).tolist())
    if kind is BackwardTRF and len(parameters) == 1 and isinstance(parameters["alpha"], list):
        assert len({tuple(one) for one in chosen}) > 1, "the case must have something to choose"
    flat = model.fit_many(X, [[s[:, 0] for s in y] for y in outputs])[0]
    assert flat.predict(X)[0].shape == (80,)


def test_many_outputs_must_agree(rng):
    X, y = [rng.normal(size=(80, 2))] * 2, [rng.normal(size=(80, 1))] * 2
    model = BackwardTRF(0, 3 / 64, 64)
    with pytest.raises(ValueError, match="outputs is empty"):
        model.fit_many(X, [])
    with pytest.raises(ValueError, match=r"outputs\[1\] has shapes .* outputs\[0\] has"):
        model.fit_many(X, [y, y[:1]])
