import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged.compression import compressed
from linear_aad.lagged.moments import Moments


@given(
    n=st.integers(2, 30),
    n_regressors=st.integers(1, 6),
    n_targets=st.integers(1, 3),
    offset=st.sampled_from([0.0, 5.0]),
    fit_intercept=st.booleans(),
)
def test_squared_errors_stay_the_same(n, n_regressors, n_targets, offset, fit_intercept):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, n_regressors)) + offset, rng.normal(size=(n, n_targets)) - offset
    x_small, y_small = compressed(Moments.of(x, y), fit_intercept)
    assert len(x_small) == len(y_small) <= n_regressors + 1
    if fit_intercept:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    for scale in (0.0, 1.0, 100.0):
        w = scale * rng.normal(size=(n_regressors, n_targets))
        np.testing.assert_allclose(
            np.sum((y_small - x_small @ w) ** 2, axis=0),
            np.sum((y - x @ w) ** 2, axis=0),
            rtol=1e-9,
            atol=1e-9 * (1 + offset + scale) ** 2,
        )


def test_regressors_that_are_copies_of_each_other_cost_no_rows():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 1))
    x_small, y_small = compressed(Moments.of(np.c_[x, x], y), fit_intercept=False)
    assert x_small.shape == (3, 4)
    assert y_small[-1, 0] ** 2 == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[1][0])
