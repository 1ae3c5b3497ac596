import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep.siglip.lagged_moments import LaggedMoments


def lagged(x, n_lags):
    return np.concatenate([np.pad(x[i:], ((0, i), (0, 0))) for i in range(n_lags)], axis=1)


@given(st.integers(1, 3), st.integers(1, 6), st.integers(8, 40))
@settings(max_examples=20, deadline=None)
def test_products_are_those_of_the_lag_matrix(n_channels, n_lags, n_times):
    rng = np.random.default_rng(n_times)
    x, y = rng.normal(size=(n_times, n_channels)), rng.normal(size=(n_times, 2))
    moments = LaggedMoments.of(x, y, n_lags)
    full = lagged(x, n_lags)
    np.testing.assert_allclose(moments.eeg, full.T @ full, atol=1e-10)
    np.testing.assert_allclose(moments.cross, full.T @ y, atol=1e-10)
    np.testing.assert_allclose(moments.power, (y**2).sum(0))


@pytest.mark.parametrize("penalty", [1e-10, 1e-4, 1.0, 100.0])
def test_ridge_solves_the_normal_equations(penalty, rng):
    x, y = rng.normal(size=(300, 3)), rng.normal(size=(300, 2))
    full = lagged(x, 5)
    added = penalty * np.mean((full**2).sum(0))
    moments = LaggedMoments.of(x, y, 5)
    products = full.T @ full + added * np.eye(15)
    np.testing.assert_allclose(
        moments.ridge(penalty), np.linalg.solve(products, full.T @ y), rtol=1e-7, atol=1e-10
    )
    towards = rng.normal(size=(15, 2))
    expected = np.linalg.solve(products, full.T @ y + added * towards)
    np.testing.assert_allclose(moments.ridge(penalty, towards), expected, rtol=1e-7, atol=1e-10)


def test_ill_conditioned_products_are_solved_in_double_precision(rng):
    x = rng.normal(size=(300, 2))
    x = np.concatenate([x, x[:, :1] + 1e-5 * rng.normal(size=(300, 1))], axis=1)
    y = rng.normal(size=(300, 1))
    full = lagged(x, 3)
    moments = LaggedMoments.of(x, y, 3)
    added = 1e-12 * np.mean((full**2).sum(0))
    predicted = full @ moments.ridge(1e-12)
    expected = full @ np.linalg.solve(full.T @ full + added * np.eye(9), full.T @ y)
    np.testing.assert_allclose(predicted, expected, atol=1e-4)
    nothing = LaggedMoments.of(np.zeros((20, 2)), y[:20], 2)
    assert not nothing.ridge(1.0).any()
    assert nothing.ridge(1.0, np.ones((4, 1))).all()
    singular = LaggedMoments.of(np.ones((20, 2)) * np.arange(20)[:, None], y[:20], 2)
    with pytest.raises(np.linalg.LinAlgError, match="leave out channels that are sums of others"):
        singular.ridge(0.0)


def test_moments_add_up_and_give_the_correlation(rng):
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 1))
    one, other = LaggedMoments.of(x[:100], y[:100], 3), LaggedMoments.of(x[100:], y[100:], 3)
    np.testing.assert_allclose(((one + other) - other).eeg, one.eeg, atol=1e-9)
    weights = rng.normal(size=(6, 1))
    predicted = lagged(x[:100], 3) @ weights
    expected = (predicted * y[:100]).sum() / np.sqrt((predicted**2).sum() * (y[:100] ** 2).sum())
    assert one.correlation(weights) == pytest.approx(expected)
    assert one.correlation(0 * weights) == 0
