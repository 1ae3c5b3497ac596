import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnmf.updates.products_numba import ROWS, VECTOR, aligned, multiply, padded

sizes = st.integers(1, ROWS + 20)


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["float64", "float32"]),
    shape=st.tuples(sizes, st.integers(1, 40), st.integers(1, 130)),
    turned=st.booleans(),
    add=st.booleans(),
)
@settings(max_examples=60)
def test_products_of_any_shape(seed, dtype, shape, turned, add):
    rng = np.random.default_rng(seed)
    n, m, p = shape
    left = rng.normal(size=(m, n)).astype(dtype).T if turned else rng.normal(size=(n, m))
    left = left.astype(dtype)
    right, out = aligned((m, p), dtype)[:m], aligned((n, p), dtype)
    right[:, :p] = rng.normal(size=(m, p))
    # What is behind a matrix must not be read: NaN would show.
    out[:] = rng.normal(size=out.shape) if add else np.nan
    expected = left.astype(float) @ right + (out[:n] if add else 0)
    multiply(left, right, out, add)
    atol = 20 * m * np.finfo(dtype).eps
    np.testing.assert_allclose(out[:n], expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_memory_is_aligned_and_whole_vectors_wide(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    for n in (1, lanes, lanes + 1):
        matrix = aligned((3, 5, n), dtype)
        assert matrix.ctypes.data % VECTOR == 0
        assert matrix.shape == (3, ROWS, padded(n, dtype))
        assert matrix.shape[-1] % lanes == 0
        assert matrix.dtype == dtype
        assert not matrix.any()


@pytest.mark.parametrize(
    ("left", "right", "out"),
    [
        ((8, 5), (4, 16), (8, 16)),
        ((8, 4), (4, 15), (8, 15)),
        ((9, 4), (4, 16), (9, 16)),
        ((8, 4), (4, 16), (8, 32)),
    ],
)
def test_memory_of_others_is_never_touched(left, right, out):
    with pytest.raises(ValueError, match=r"fit together|whole blocks"):
        multiply(*(np.zeros(shape, np.float32) for shape in (left, right, out)), False)
