import numpy as np
import pytest

from linear_aad.block_toeplitz_numba import assemble


@pytest.mark.parametrize("n_edges", [0, 1, 5])
def test_compiled_and_plain_walks_agree(rng, n_edges):
    toeplitz = rng.normal(size=(3, 3, 4))
    toeplitz[..., 0] += toeplitz[..., 0].T  # products at one lag are symmetric
    edges, signs = rng.normal(size=(n_edges, 4, 3)), rng.choice([-1.0, 1.0], n_edges)
    compiled, plain = assemble(toeplitz, edges, signs), assemble.py_func(toeplitz, edges, signs)
    np.testing.assert_allclose(compiled, plain, rtol=1e-13)
    np.testing.assert_array_equal(compiled, compiled.T)
