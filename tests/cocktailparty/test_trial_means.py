import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cocktailparty.trial_means import WithoutMeans, without_mean


@given(
    x=hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 3)),
                 elements=st.floats(-1, 1, width=32)),
    offset=st.floats(-1e9, 1e9),
)  # fmt: skip
def test_what_is_left_has_no_mean_whatever_the_offset(x, offset):
    left = without_mean(x + offset)
    assert np.abs(left.mean(axis=0)).max() < 1e-15
    np.testing.assert_allclose(left, x - x.mean(axis=0), atol=1e-15 * max(8, 8 * abs(offset)))
    assert not without_mean(np.full((7, 2), offset)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("to", [np.asarray, array_api_strict.asarray])
def test_signals_keep_their_dtype_and_library(rng, dtype, to):
    x = (rng.normal(size=(5000, 2)) + 1e4).astype(dtype)
    left = without_mean(to(x))
    assert isinstance(left, type(to(x)))
    expected = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    assert np.asarray(left).dtype == dtype
    tolerance = 1e-3 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(np.asarray(left), expected, atol=tolerance)
    assert without_mean(np.arange(4)).tolist() == [-1.5, -0.5, 0.5, 1.5]


def test_trials_are_centred_when_they_are_looked_at(rng):
    trials = [rng.normal(size=(n, 2)) + n for n in (5, 9, 7)]
    lazy = WithoutMeans(trials)
    assert len(lazy) == len(lazy[:]) == 3
    assert len(lazy[1:]) == 2
    for found, x in zip(lazy[1:], trials[1:], strict=True):
        np.testing.assert_allclose(found, x - x.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(lazy.mean(), np.concatenate(trials).mean(axis=0))
