import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged import toeplitz as block_toeplitz
from linear_aad.lagged import toeplitz_numba as block_toeplitz_numba


@given(
    n_channels=st.integers(1, 5),
    n_lags=st.integers(1, 7),
    n_edges=st.integers(0, 5),
    seed=st.integers(0, 9),
)
def test_compiled_and_readable_walks_agree(n_channels, n_lags, n_edges, seed):
    rng = np.random.default_rng(seed)
    toeplitz = rng.normal(size=(n_channels, n_channels, n_lags))
    toeplitz[..., 0] += toeplitz[..., 0].T.copy()  # products at one lag are symmetric
    edges = rng.normal(size=(n_edges, n_lags, n_channels))
    signs = rng.choice([-1.0, 1.0], n_edges)
    compiled = block_toeplitz_numba.assemble(toeplitz, edges, signs)
    readable = block_toeplitz.assemble(toeplitz, edges, signs)
    np.testing.assert_allclose(compiled, readable, atol=1e-13)
    np.testing.assert_array_equal(compiled, compiled.T)


def test_the_source_of_the_compiled_walk_runs_uncompiled(rng):
    toeplitz = rng.normal(size=(3, 3, 4))
    toeplitz[..., 0] += toeplitz[..., 0].T.copy()
    edges, signs = rng.normal(size=(2, 4, 3)), np.array([-1.0, 1.0])
    assemble = block_toeplitz_numba.assemble
    np.testing.assert_allclose(
        assemble(toeplitz, edges, signs), assemble.py_func(toeplitz, edges, signs), atol=1e-13
    )
