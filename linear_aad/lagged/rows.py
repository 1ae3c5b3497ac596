"""Rows of a lag matrix as overlapping views of the signal, without copies."""

from collections.abc import Sequence

import numpy as np


class LaggedRows:
    """The lag matrix of several trials, seen in a copy of the trials with zeros around them.

    In a signal that is stored sample after sample, the samples at successive lags of one moment lie
    side by side. So every row of the lag matrix is there already, and the next row begins one
    sample later: rows overlap, and take no memory of their own.

    `trials` have the shape (n_times, n_channels), `lags` are successive and rising, in samples.
    `view` holds the rows (n_all_rows, n_lags * n_channels), read-only, with the channels of a lag
    together; `starts` (n_rows,) are the places of those rows that do not mix two trials.

    Examples
    --------
    >>> import numpy as np
    >>> rows = LaggedRows([np.array([[1.0], [2.0]]), np.array([[3.0]])], np.array([0, 1]))
    >>> rows[np.arange(len(rows))]
    array([[1., 2.],
           [2., 0.],
           [3., 0.]])
    """

    def __init__(self, trials: Sequence[np.ndarray], lags: np.ndarray) -> None:
        first, n_lags = int(lags[0]), len(lags)
        lengths = np.array([len(x) for x in trials])
        ends = np.cumsum(lengths + n_lags - 1)
        firsts = ends - lengths - n_lags + 1
        n_channels = trials[0].shape[1]
        padded = np.zeros((ends[-1], n_channels), dtype=np.result_type(*trials))
        for x, start, end in zip(trials, firsts, ends, strict=True):
            # Row t begins with the sample at t + first: samples before that are in no row.
            unseen, silence = max(0, first), min(max(0, -first), end - start)
            seen = x[unseen : unseen + end - start - silence]
            padded[start + silence : start + silence + len(seen)] = seen
        width = n_lags * n_channels
        self.view = np.lib.stride_tricks.sliding_window_view(padded.ravel(), width)[::n_channels]
        self.starts = np.concatenate(
            [start + np.arange(n) for start, n in zip(firsts, lengths, strict=True)]
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Lay out some rows, by their indices in the lag matrix."""
        return self.view[self.starts[rows]]
