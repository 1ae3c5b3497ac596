import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged import toeplitz as block_toeplitz
from linear_aad.lagged.moments import lag_matrix

signals = {
    "n_times": st.integers(1, 40),
    "n_channels": st.integers(1, 4),
    "first": st.integers(-45, 45),
    "n_lags": st.integers(1, 9),
    "dtype": st.sampled_from([np.float32, np.float64]),
}


def drawn(n_times, n_channels, first, n_lags, dtype):
    x = np.random.default_rng(0).normal(size=(n_times, n_channels)) + 2
    x = x.astype(dtype)
    lags = np.arange(first, first + n_lags)
    return x, lags, lag_matrix(x.astype(float), lags).reshape(n_times, n_channels, n_lags)


@given(**signals)
def test_the_first_row_holds_the_products_with_the_first_lag(**given):
    x, lags, lagged = drawn(**given)
    row = block_toeplitz.first_row(x, lags)
    assert row.dtype == np.float64
    expected = np.einsum("ta,tbl->abl", lagged[:, :, 0], lagged)
    tolerance = 1e-5 if x.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(row, expected, atol=tolerance * (x.astype(float) ** 2).sum())
    np.testing.assert_array_equal(row[..., 0], row[..., 0].T)


@pytest.mark.parametrize("n_times", [1, 8, 9, 100, 1000])
@pytest.mark.parametrize("lags", [np.arange(4), np.arange(-9, -4), np.arange(-3, 5)])
def test_blocks_of_any_number_cover_the_signal_once(rng, n_times, lags):
    x = rng.normal(size=(n_times, 2))
    lagged = lag_matrix(x, lags).reshape(n_times, 2, -1)
    expected = np.einsum("ta,tbl->abl", lagged[:, :, 0], lagged)
    np.testing.assert_allclose(block_toeplitz.first_row(x, lags), expected, atol=1e-12 * n_times)


@given(**signals)
def test_sums_are_those_of_the_lag_matrix(**given):
    x, lags, lagged = drawn(**given)
    found = block_toeplitz.sums(x, lags)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, lagged.sum(axis=0).ravel(), atol=1e-12 * np.abs(x).sum())


@given(**signals)
def test_first_row_and_edges_tell_all_products(**given):
    x, lags, lagged = drawn(**given)
    lagged = lagged.reshape(len(x), -1)
    row = block_toeplitz.first_row(x, lags)
    edges, signs = block_toeplitz.edges(x, lags)
    assert edges.shape == (len(signs), len(lags), x.shape[1])
    assert np.all(np.abs(edges).max(axis=(1, 2)) > 0)
    products = block_toeplitz.assemble(row, edges, signs)
    tolerance = 1e-5 if x.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(
        products, lagged.T @ lagged, atol=tolerance * (x.astype(float) ** 2).sum()
    )


@pytest.mark.parametrize("lags", [np.arange(5), np.arange(-6, -2), np.arange(-2, 4)])
def test_any_array_library(rng, lags):
    x = rng.normal(size=(50, 3))
    strict = array_api_strict.asarray(x)
    for name in ("first_row", "sums"):
        function = getattr(block_toeplitz, name)
        found = function(strict, lags)
        assert isinstance(found, type(strict))
        np.testing.assert_allclose(np.asarray(found), function(x, lags), atol=1e-12)
    plain = block_toeplitz.edges(x, lags)
    edges = block_toeplitz.edges(strict, lags)
    for a, b in zip(edges, plain, strict=True):
        np.testing.assert_array_equal(np.asarray(a), b)
    products = block_toeplitz.assemble(block_toeplitz.first_row(strict, lags), *edges)
    expected = block_toeplitz.assemble(block_toeplitz.first_row(x, lags), *plain)
    np.testing.assert_allclose(np.asarray(products), expected, atol=1e-12)
