"""Sums of products of lagged EEG, added up stretch by stretch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve


@dataclass
class LaggedMoments:
    """What the normal equations of a lagged linear model need, and what its score needs.

    Attributes
    ----------
    eeg : ndarray of shape (n_lags * n_channels, n_lags * n_channels)
        Products of lagged channels with each other.
    cross : ndarray of shape (n_lags * n_channels, n_features)
        Products of lagged channels with features.
    power : ndarray of shape (n_features,)
        Squares of the features.
    """

    eeg: np.ndarray
    cross: np.ndarray
    power: np.ndarray

    @classmethod
    def of(cls, eeg: np.ndarray, features: np.ndarray, n_lags: int) -> Self:
        """Add up the products of one stretch.

        The EEG at lag i is that i samples after the feature; after the end there are zeros.

        Parameters
        ----------
        eeg : ndarray of shape (n_times, n_channels)
            Without a mean.
        features : ndarray of shape (n_times, n_features)
            Likewise.
        n_lags : int
            Number of lags, fewer than samples.

        Returns
        -------
        moments : LaggedMoments
            In float64.
        """
        x, y = eeg.astype(np.float64), features.astype(np.float64)
        n, p = x.shape
        products = np.empty((n_lags, p, n_lags, p))
        for lag in range(n_lags):
            block = x[: n - lag].T @ x[lag:]
            for i in range(n_lags - lag):
                products[i, :, i + lag] = block
                products[i + lag, :, i] = block.T
                # One lag further on both sides, the sum begins one sample later.
                block = block - np.outer(x[i], x[i + lag])
        cross = np.concatenate([x[i:].T @ y[: n - i] for i in range(n_lags)])
        size = n_lags * p
        return cls(products.reshape(size, size), cross, np.square(y).sum(axis=0))

    def __add__(self, other: "LaggedMoments") -> "LaggedMoments":
        return LaggedMoments(
            self.eeg + other.eeg, self.cross + other.cross, self.power + other.power
        )

    def __sub__(self, other: "LaggedMoments") -> "LaggedMoments":
        return LaggedMoments(
            self.eeg - other.eeg, self.cross - other.cross, self.power - other.power
        )

    def ridge(self, penalty: float, towards: np.ndarray | None = None) -> np.ndarray:
        """Solve for the weights that predict the features.

        Parameters
        ----------
        penalty : float
            Of squared weights, relative to the mean diagonal of the products.
        towards : ndarray of shape (n_lags * n_channels, n_features), optional
            Weights from which differences are penalised; None for zero.

        Returns
        -------
        weights : ndarray of shape (n_lags * n_channels, n_features)
            Weights.
        """
        if not self.eeg.any():
            # Nothing is known.
            return np.zeros_like(self.cross) if towards is None else towards
        added = penalty * np.einsum("ii->i", self.eeg).mean()
        right = self.cross if towards is None else self.cross - self.eeg @ towards
        solve = self._solver(added)
        weights = solve(right)
        # One step of refinement gives back what single precision lost.
        weights = weights + solve(right - self.eeg @ weights - added * weights)
        return np.asarray(weights if towards is None else weights + towards)

    def _solver(self, added: float) -> Callable[[np.ndarray], np.ndarray]:
        """Factor the products with a number added to the diagonal, in single precision if it goes.

        That takes a third of the time, which the many models of a choice of penalties add up.
        """
        for dtype in (np.float32, np.float64):
            left: Any = self.eeg.astype(dtype)
            left[np.diag_indices(len(left))] += dtype(added)
            try:
                factor: Any = cho_factor(left, lower=True, overwrite_a=True, check_finite=False)
            except np.linalg.LinAlgError:
                continue

            def solve(x: np.ndarray, factor: Any = factor, dtype: Any = dtype) -> np.ndarray:
                solved = cho_solve(factor, x.astype(dtype), check_finite=False)
                return np.asarray(solved, dtype=np.float64)

            return solve
        raise np.linalg.LinAlgError(
            "the products of the EEG are singular: leave out channels that are sums of others"
        )

    def correlation(self, weights: np.ndarray) -> float:
        """Correlate the first feature with its prediction.

        Parameters
        ----------
        weights : ndarray of shape (n_lags * n_channels, n_features)
            Of a linear model.

        Returns
        -------
        r : float
            0 if the prediction is zero.
        """
        w = weights[:, 0]
        power = (w @ self.eeg @ w) * self.power[0]
        return float(w @ self.cross[:, 0] / np.sqrt(power)) if power > 0 else 0.0
