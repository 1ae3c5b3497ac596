from functools import reduce
from operator import add

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged.moments import (
    LaggedMoments,
    Moments,
    filter_lagged,
    lag_matrix,
    lags_in_samples,
)


@pytest.mark.parametrize(
    ("tmin", "tmax", "sfreq", "first", "last"),
    [(0.0, 0.4, 64, 0, 26), (0.0, 0.25, 128, 0, 32), (-0.1, 0.3, 10, -1, 3), (0, 0, 64, 0, 0)],
)
def test_lags_are_rounded_and_include_both_ends(tmin, tmax, sfreq, first, last):
    np.testing.assert_array_equal(lags_in_samples(tmin, tmax, sfreq), np.arange(first, last + 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, 0.0, 64), "from tmin to a later tmax, got 0.1 to 0.0 s"),
        ((0.0, np.nan, 64), "got 0.0 to nan"),
        ((0.0, 0.1, 0), "sfreq must be a positive"),
    ],
)
def test_impossible_lags_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lags_in_samples(*arguments)


@given(
    n_times=st.integers(1, 30),
    n_channels=st.integers(1, 3),
    first=st.integers(-35, 35),
    n_lags=st.integers(1, 8),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_row_holds_the_samples_at_all_lags(n_times, n_channels, first, n_lags, dtype):
    x = np.random.default_rng(0).normal(size=(n_times, n_channels)).astype(dtype)
    lags = np.arange(first, first + n_lags)
    lagged = lag_matrix(x, lags)
    assert lagged.dtype == dtype
    for t in range(n_times):
        for c in range(n_channels):
            for i, lag in enumerate(lags):
                inside = 0 <= t + lag < n_times
                assert lagged[t, c * n_lags + i] == (x[t + lag, c] if inside else 0)


def test_moments_add_up_and_subtract(rng):
    x, y = rng.normal(size=(50, 3)) + 5, rng.normal(size=(50, 2)) - 2
    whole, first = Moments.of(x, y), Moments.of(x[:20], y[:20])
    for summed, direct in zip((first + Moments.of(x[20:], y[20:])).parts, whole.parts, strict=True):
        np.testing.assert_allclose(summed, direct, rtol=1e-12)
    for rest, direct in zip((whole - first).parts, Moments.of(x[20:], y[20:]).parts, strict=True):
        np.testing.assert_allclose(rest, direct, rtol=1e-10)


def test_centred_moments_are_covariances(rng):
    x, y = rng.normal(size=(50, 3)) + 5, rng.normal(size=(50, 2)) - 2
    xx, xy, yy = Moments.of(x, y).centred()
    expected = np.cov(np.c_[x, y].T, bias=True) * 50
    np.testing.assert_allclose(xx, expected[:3, :3])
    np.testing.assert_allclose(xy, expected[:3, 3:])
    np.testing.assert_allclose(yy, np.diag(expected)[3:])


def test_single_precision_is_summed_in_double(rng):
    x = rng.normal(size=(1000, 2)).astype(np.float32)
    moments = Moments.of(x, x)
    assert moments.xx.dtype == np.float64
    np.testing.assert_allclose(moments.xx, x.astype(float).T @ x.astype(float), rtol=1e-12)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    n_channels=st.integers(1, 4),
    n_targets=st.integers(1, 3),
    first=st.integers(-45, 45),
    n_lags=st.integers(1, 9),
    offset=st.sampled_from([0.0, 10.0]),
)
def test_parts_give_the_products_of_the_lag_matrix(
    lengths, n_channels, n_targets, first, n_lags, offset
):
    rng = np.random.default_rng(0)
    lags = np.arange(first, first + n_lags)
    parts, direct = [], []
    for n_times in lengths:
        x = rng.normal(size=(n_times, n_channels)) + offset
        y = rng.normal(size=(n_times, n_targets)) - offset
        parts.append(LaggedMoments.of(x, y, lags))
        direct.append(Moments.of(lag_matrix(x, lags), y))
    fast, slow = reduce(add, parts).dense(), reduce(add, direct)
    for a, b in zip(fast.parts, slow.parts, strict=True):
        assert np.max(np.abs(a - np.asarray(b))) <= 1e-12 * max(1, np.max(np.abs(b)))
    np.testing.assert_array_equal(fast.xx, fast.xx.T)


def test_single_precision_products_are_added_in_double(rng):
    x, y = rng.normal(size=(3000, 3)), rng.normal(size=(3000, 1))
    lags = np.arange(-2, 5)
    double = LaggedMoments.of(x, y, lags).dense()
    single = LaggedMoments.of(x.astype(np.float32), y.astype(np.float32), lags).dense()
    assert single.xx.dtype == np.float64
    np.testing.assert_allclose(single.xx, double.xx, atol=1e-3)
    assert np.abs(single.xx - double.xx).max() > 0


@given(
    n_times=st.integers(1, 30),
    n_channels=st.integers(1, 3),
    n_targets=st.integers(1, 3),
    first=st.integers(-35, 35),
    n_lags=st.integers(1, 8),
)
def test_filtering_is_multiplying_the_lag_matrix(n_times, n_channels, n_targets, first, n_lags):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_times, n_channels))
    weights = rng.normal(size=(n_channels, n_lags, n_targets))
    lags = np.arange(first, first + n_lags)
    expected = lag_matrix(x, lags) @ weights.reshape(-1, n_targets)
    np.testing.assert_allclose(filter_lagged(x, weights, lags), expected, atol=1e-12)


@pytest.fixture
def ragged(rng):
    """Moments of three trials of different length, and the trials."""
    x = [rng.normal(size=(n, 3)) + 1 for n in (30, 4, 50)]
    y = [rng.normal(size=(len(s), 2)) for s in x]
    return x, y, np.arange(-2, 6)


def agree(found, expected):
    for a, b in zip(found.dense().parts, expected.dense().parts, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-12, atol=1e-11)


def test_any_number_of_trials_adds_up(ragged):
    x, y, lags = ragged
    trials = [LaggedMoments.of(*pair, lags) for pair in zip(x, y, strict=True)]
    total = LaggedMoments.sum(iter(trials))
    assert total.n == 84
    agree(total, reduce(add, trials))
    agree(LaggedMoments.sum(trials[:1]), trials[0])
    with pytest.raises(ValueError, match="no trials to add up"):
        LaggedMoments.sum([])


def test_channels_can_be_scaled_afterwards(ragged):
    x, y, lags = ragged
    factors = np.array([3.0, -0.5, 1e-3])
    scaled = [LaggedMoments.of(*pair, lags).scaled(factors) for pair in zip(x, y, strict=True)]
    direct = [LaggedMoments.of(s * factors, t, lags) for s, t in zip(x, y, strict=True)]
    agree(LaggedMoments.sum(scaled), LaggedMoments.sum(direct))


def test_any_array_library(ragged):
    x, y, lags = ragged
    to = array_api_strict.asarray
    plain = LaggedMoments.sum(LaggedMoments.of(*pair, lags) for pair in zip(x, y, strict=True))
    strict = LaggedMoments.sum(
        LaggedMoments.of(to(s), to(t), lags) for s, t in zip(x, y, strict=True)
    )
    factors = np.array([3.0, -0.5, 1e-3])
    agree(strict.scaled(to(factors)), plain.scaled(factors))
    for a, b in zip(strict.dense().centred(), plain.dense().centred(), strict=True):
        assert type(a) is type(strict.xy)
        np.testing.assert_allclose(np.asarray(a), b, atol=1e-11)


@pytest.mark.parametrize("offset", [0.0, 10.0, 1000.0])
def test_an_offset_does_not_cost_the_precision_of_single_floats(rng, offset):
    x = (rng.normal(size=(2000, 3)) + offset).astype(np.float32)
    y, lags = rng.normal(size=(2000, 1)).astype(np.float32), np.arange(4)
    single = LaggedMoments.of(x, y, lags).dense().centred()[0]
    double = LaggedMoments.of(x.astype(float), y.astype(float), lags).dense().centred()[0]
    np.testing.assert_allclose(single, double, atol=1e-5 * np.abs(np.diag(double)).min())
