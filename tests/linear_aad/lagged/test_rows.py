import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged.moments import lag_matrix
from linear_aad.lagged.rows import LaggedRows


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    n_channels=st.integers(1, 3),
    first=st.integers(-25, 25),
    n_lags=st.integers(1, 8),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_rows_are_those_of_the_lag_matrix(lengths, n_channels, first, n_lags, dtype):
    rng = np.random.default_rng(0)
    trials = [rng.normal(size=(n, n_channels)).astype(dtype) for n in lengths]
    lags = np.arange(first, first + n_lags)
    rows = LaggedRows(trials, lags)
    expected = np.concatenate([lag_matrix(x, lags) for x in trials])
    expected = expected.reshape(-1, n_channels, n_lags).transpose(0, 2, 1).reshape(len(rows), -1)
    laid_out = rows[np.arange(len(rows))]
    assert laid_out.dtype == dtype
    np.testing.assert_array_equal(laid_out, expected)
    chosen = rng.integers(len(rows), size=7)
    np.testing.assert_array_equal(rows[chosen], expected[chosen])


def test_rows_overlap_and_cannot_be_written():
    trials = [np.ones((20_000, 4))]
    tracemalloc.start()
    rows = LaggedRows(trials, np.arange(100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.view.nbytes == 64_000_000
    assert peak < 3_000_000  # the signal and its padded copy take 0.64 MB each
    assert not rows.view.flags.writeable


def test_signals_of_two_precisions_are_seen_in_the_finer_one():
    x = np.ones((3, 1))
    assert LaggedRows([x.astype(np.float32), x], np.array([0])).view.dtype == np.float64
