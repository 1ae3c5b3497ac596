"""Compiled assembly of a lagged covariance from its block-Toeplitz parts."""

import numpy as np
from numba import njit


# On one core: it waits for memory, and where other work runs, a start of threads takes longer than
# the walk. Only the order of additions may change, so that the sum over edges runs in vector
# registers.
@njit(cache=True, fastmath={"reassoc"})
def assemble(toeplitz: np.ndarray, edges: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Walk down the block diagonals; see `linear_aad.lagged.toeplitz.assemble`."""
    n_channels, _, n_lags = toeplitz.shape
    n_edges = len(signs)
    entering = np.ascontiguousarray(edges.transpose(1, 2, 0))
    signed = entering * signs
    products = np.empty((n_channels * n_lags, n_channels * n_lags))
    for a in range(n_channels):
        for b in range(n_channels):
            for d in range(n_lags):
                value = toeplitz[a, b, d]
                for i in range(n_lags - d):
                    j = i + d
                    products[a * n_lags + i, b * n_lags + j] = value
                    # The tile of (b, a) below its diagonal is this one transposed.
                    products[b * n_lags + j, a * n_lags + i] = value
                    change = 0.0
                    for e in range(n_edges):
                        change += signed[i, a, e] * entering[j, b, e]
                    value += change
    return products
