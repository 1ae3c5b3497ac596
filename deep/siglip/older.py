"""Parts of saved decoders as earlier versions of the library wrote them."""

from dataclasses import dataclass

import numpy as np

from linear_aad.lagged.group_ridge import GroupRidge


@dataclass
class LaggedRidge:
    """Linear models with the attributes of earlier versions.

    `weights` have shape (n_subjects + 1, n_lags, n_channels, n_features), the average subject last,
    and lags count samples from 0; `mean`, (n_channels,), is that of the training EEG; `pull` is the
    shrinkage towards the average.
    """

    n_lags: int
    mean: np.ndarray
    weights: np.ndarray
    penalty: float
    pull: float

    def _today(self) -> GroupRidge:
        weights = np.ascontiguousarray(np.swapaxes(self.weights, 1, 2), dtype=np.float64)
        constants = np.zeros((len(weights), weights.shape[-1]))
        lags = np.arange(self.n_lags)
        return GroupRidge(lags, self.mean, weights, constants, self.penalty, self.pull)
