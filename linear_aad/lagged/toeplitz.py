"""Products of a lagged signal with itself, from one row of their block-Toeplitz matrix.

The product of channel a at lag i and channel b at lag i + d hardly depends on i: from one lag to
the next, only the samples change that leave or enter at the ends of a trial.
"""

from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from cocktailparty.backend import namespace


def first_row(x: Any, lags: np.ndarray) -> Any:
    """Multiply a signal (n_times, n_channels) at the first lag with the signal at all lags.

    The signal is cut into blocks twice as long as the lags reach. The cross-correlation of a block
    with itself and the samples that follow is a product of spectra, and the spectra of all blocks
    are multiplied and added up in one matrix product per frequency: six times fewer flops than one
    product per lag. `lags` are successive, in samples. Gives (n_channels, n_channels, n_lags),
    summed over time in the precision of the signal, as double precision.
    """
    xp = namespace(x)
    (n_times, n_channels), n_lags = x.shape, len(lags)
    first = min(n_times, max(0, int(lags[0])))
    last = max(first, n_times + min(0, int(lags[0])))
    n_fft = next_fast_len(3 * n_lags, real=True)
    length = n_fft - n_lags + 1
    n_blocks = max(1, -(-(last - first) // length))
    # Zeros beyond the end take no part in any sum.
    early = xp.zeros((n_blocks * length, n_channels), dtype=x.dtype)
    early[: last - first, :] = x[first:last, :]
    late = xp.zeros(((n_blocks + 1) * length, n_channels), dtype=x.dtype)
    n_late = min(n_times - first, late.shape[0])
    late[:n_late, :] = x[first : first + n_late, :]
    early = xp.reshape(early, (n_blocks, length, n_channels))
    late = xp.reshape(late, (n_blocks + 1, length, n_channels))
    late = xp.concat([late[:-1, ...], late[1:, : n_lags - 1, :]], axis=1)
    # Time comes first, so that the products below find the matrix of a frequency in one piece.
    early, late = (
        xp.fft.rfft(xp.permute_dims(blocks, (1, 0, 2)), n=n_fft, axis=0) for blocks in (early, late)
    )
    spectra = xp.matrix_transpose(xp.conj(early)) @ late
    blocks = xp.astype(xp.fft.irfft(spectra, n=n_fft, axis=0)[:n_lags, ...], xp.float64)
    # The products at one lag are symmetric, up to rounding so far.
    blocks[0, ...] = (blocks[0, ...] + xp.matrix_transpose(blocks[0, ...])) / 2
    return xp.permute_dims(blocks, (1, 2, 0))


def sums(x: Any, lags: np.ndarray) -> Any:
    """Sum the lagged signal over time: what the ends hide is subtracted from the sum of the signal.

    From a signal (n_times, n_channels) and lags in samples to (n_channels * n_lags,) in double
    precision; the lags of a channel lie together.
    """
    xp = namespace(x)
    n_times = x.shape[0]
    reach = min(n_times, int(np.abs(lags).max()))
    before, after = np.clip(lags, 0, n_times), np.clip(-lags, 0, n_times)
    total = xp.sum(x, axis=0, dtype=xp.float64)[None, :]
    for hidden, ends in ((before, x[:reach, :]), (after, xp.flip(x[n_times - reach :, :], axis=0))):
        gone = xp.cumulative_sum(xp.astype(ends, xp.float64), axis=0, include_initial=True)
        total = total - xp.take(gone, xp.asarray(hidden), axis=0)
    return xp.reshape(xp.matrix_transpose(total), (-1,))


def edges(x: Any, lags: np.ndarray) -> tuple[Any, Any]:
    """Find the samples that enter or leave on the way down a block diagonal.

    When both lags of a product grow by one, a sample leaves at the start of the trial (lags from 0
    on) or enters at its end (lags below 0). Gives these samples (n_edges, n_lags, n_channels), zero
    where there is none, and signs (n_edges,): -1 for samples that leave, 1 for those that enter.
    """
    xp = namespace(x)
    n_times, n_channels = x.shape
    samples, signs = [], []
    for inside, offset, sign in (
        ((lags >= 0) & (lags < n_times), 0, -1.0),
        ((lags < 0) & (lags >= -n_times), n_times, 1.0),
    ):
        if inside.any():
            where = np.flatnonzero(inside)
            first, last = int(where[0]), int(where[-1])
            edge = xp.zeros((1, len(lags), n_channels), dtype=xp.float64)
            inside_x = x[int(lags[first]) + offset : int(lags[last]) + offset + 1, :]
            edge[0, first : last + 1, :] = xp.astype(inside_x, xp.float64)
            samples.append(edge)
            signs.append(sign)
    if not samples:
        return xp.zeros((0, len(lags), n_channels), dtype=xp.float64), xp.zeros(0)
    return xp.concat(samples), xp.asarray(signs, dtype=xp.float64)


def assemble(toeplitz: Any, edges: Any, signs: Any) -> Any:
    """Walk down the block diagonals, adding what each step along a diagonal changes.

    From the `first_row` of blocks (n_channels, n_channels, n_lags) and the `edges` to the dense,
    symmetric matrix (n_channels * n_lags, n_channels * n_lags).
    """
    xp = namespace(toeplitz, edges, signs)
    n_channels, _, n_lags = toeplitz.shape
    products = xp.empty((n_channels, n_lags, n_channels, n_lags), dtype=toeplitz.dtype)
    for i in range(n_lags):
        products[:, i, :, i:] = toeplitz
        # The matrix is symmetric: below the diagonal stands what is above it, transposed.
        products[:, i + 1 :, :, i] = xp.permute_dims(toeplitz[:, :, 1:], (1, 2, 0))
        leaving = xp.matrix_transpose(signs[:, None] * edges[:, i, :])
        n_left = n_lags - 1 - i
        later = xp.reshape(edges[:, i : n_lags - 1, :], (edges.shape[0], n_left * n_channels))
        change = xp.reshape(leaving @ later, (n_channels, n_left, n_channels))
        toeplitz = toeplitz[:, :, :-1] + xp.permute_dims(change, (0, 2, 1))
    return xp.reshape(products, (n_channels * n_lags, -1))
