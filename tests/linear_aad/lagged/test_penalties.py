import array_api_strict
import numpy as np
import pytest
from scipy.linalg import block_diag

from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty, check_penalty, is_penalty

N_INPUTS, N_LAGS = 3, 5
PENALTIES = [Penalty(n_lags=N_LAGS), Penalty("laplacian", n_lags=N_LAGS)]


def matrix(kind):
    """P: the identity, or the sum of squared differences of neighbouring lags of an input."""
    if kind == "ridge":
        return np.eye(N_INPUTS * N_LAGS)
    steps = np.diff(np.eye(N_LAGS), axis=0)
    return block_diag(*[steps.T @ steps] * N_INPUTS)


@pytest.fixture
def moments(rng):
    x = np.apply_along_axis(np.convolve, 0, rng.normal(size=(300, N_INPUTS)) + 1, np.ones(3))
    return LaggedMoments.of(x, rng.normal(size=(len(x), 2)), np.arange(N_LAGS)).dense()


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: p.kind)
@pytest.mark.parametrize("to", [np.asarray, array_api_strict.asarray])
def test_penalties_are_quadratic_forms(rng, penalty, to):
    p = matrix(penalty.kind)
    rows, xx = rng.normal(size=(4, len(p))), rng.normal(size=p.shape)
    np.testing.assert_allclose(np.asarray(penalty.times(to(rows))), rows @ p, atol=1e-12)
    np.testing.assert_allclose(np.asarray(penalty.add_to(to(xx), 0.3)), xx + 0.3 * p, atol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: p.kind)
@pytest.mark.parametrize("to", [np.asarray, array_api_strict.asarray])
def test_one_basis_inverts_the_systems_of_all_penalties(moments, penalty, to):
    xx, _ = penalty.equations(moments)
    p, size = matrix(penalty.kind), np.trace(xx) / len(xx)
    spectrum = penalty.spectrum(to(xx.copy()))
    vectors = np.asarray(spectrum.vectors)
    alphas = size * np.logspace(-6, 6, 7)[:, None]
    for alpha, scale in zip(alphas, np.asarray(spectrum.scale(to(alphas))), strict=True):
        inverse = vectors / scale @ vectors.T
        np.testing.assert_allclose(inverse @ (xx + alpha * p), np.eye(len(p)), atol=1e-8)


def test_a_spectrum_of_dependent_signals_is_not_negative(rng):
    x = rng.normal(size=(100, 2))
    dependent = Moments.of(np.c_[x, x], x)
    for penalty in (Penalty(), Penalty("laplacian", n_lags=2)):
        spectrum = penalty.spectrum(penalty.equations(dependent)[0])
        assert np.all(spectrum.products >= 0)
        assert np.all(spectrum.penalty >= 0)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_constant_is_fitted_by_centring(rng, fit_intercept):
    x, y = rng.normal(size=(50, 3)) + 4, rng.normal(size=(50, 2)) + 1
    xx, xy = Penalty(fit_intercept=fit_intercept).equations(Moments.of(x, y))
    if fit_intercept:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    np.testing.assert_allclose(xx, x.T @ x)
    np.testing.assert_allclose(xy, x.T @ y)


@pytest.mark.parametrize(
    ("kind", "convention", "expected"),
    [
        ("ridge", "absolute", 2.0),
        ("laplacian", "absolute", 2.0),
        ("ridge", "mtrfpy", 2.0 * 128 * 7),
        ("laplacian", "mtrfpy", 128 * 7),
        ("ridge", "mtrf-toolbox", 2.0 * 128),
        ("laplacian", "mtrf-toolbox", 128),
    ],
)
def test_conventions_of_alpha(moments, kind, convention, expected):
    penalty = Penalty(kind, convention, sfreq=128, n_lags=N_LAGS)
    assert penalty.absolute(2.0, moments, 7) == pytest.approx(expected)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_relative_alphas_count_in_the_input_before_it_was_scaled(rng, fit_intercept):
    x, y = rng.normal(size=(80, 4)) + 3, rng.normal(size=(80, 1))
    factors = np.array([1.0, 1.0, 0.1, 20.0])
    plain = Penalty(convention="relative", fit_intercept=fit_intercept)
    scaled = Penalty(convention="relative", factors=factors, fit_intercept=fit_intercept)
    mean = x.mean(axis=0) if fit_intercept else 0.0
    expected = 0.5 * np.mean(np.sum((x - mean) ** 2, axis=0))
    assert plain.absolute(0.5, Moments.of(x, y), 1) == pytest.approx(expected)
    assert scaled.absolute(0.5, Moments.of(x * factors, y), 1) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lasso", "absolute", 3), r"penalty must be one of \('ridge', 'laplacian'\), got 'lasso'"),
        (("ridge", "matlab", 3), "alpha_convention must be one of .* got 'matlab'"),
        (("laplacian", "absolute", 1), "compares neighbouring lags, but there is one lag"),
    ],
)
def test_unknown_penalties_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_penalty(*arguments)
    check_penalty("laplacian", "relative", 2)


@pytest.mark.parametrize(
    ("alpha", "usable"),
    [(0, True), (1e3, True), (np.float32(2), True), (-1, False), (np.inf, False), (np.nan, False),
     ("1", False), (None, False)],
)  # fmt: skip
def test_penalties_are_finite_and_not_negative(alpha, usable):
    assert is_penalty(alpha) is usable
