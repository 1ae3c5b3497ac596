"""Penalties on the weights of a lagged regression, and the units in which they are given."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.linalg import add_to_diagonal, diagonal, eigh
from linear_aad.lagged.moments import Moments

ALPHA_CONVENTIONS = ("absolute", "relative", "mtrfpy", "mtrf-toolbox")
KINDS = ("ridge", "laplacian")


@dataclass(frozen=True)
class Spectrum:
    """Basis in which sums of products and penalty matrix are both diagonal.

    With basis `vectors` (n_regressors, n_regressors) in columns and diagonals `products` and
    `penalty` (n_regressors,), the inverse of ``xx + alpha * P`` is
    ``vectors @ diag(1 / (products + alpha * penalty)) @ vectors.T``.
    """

    vectors: Any
    products: Any
    penalty: Any

    def scale(self, alphas: Any) -> Any:
        """Compute diagonals (n_systems, n_regressors) of systems with penalties (n_systems, 1)."""
        return self.products[None, :] + alphas * self.penalty[None, :]


@dataclass(frozen=True)
class Penalty:
    r"""Quadratic penalty :math:`\alpha \, w^T P w` on the weights of a lagged regression.

    Attributes
    ----------
    kind : {"ridge", "laplacian"}
        "ridge": the squared weights, P = I. "laplacian": the squared differences of weights at
        neighbouring lags of the same input, which favours smooth responses (Tikhonov).
    convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        Unit of alpha. "absolute": as it is added to the summed products. "relative": the
        mean diagonal of the summed products, so that it is free of the scale and the length of
        the data. "mtrfpy": the sampling rate times the number of training trials. "mtrf-toolbox":
        the sampling rate. Both toolboxes take half the squared differences for "laplacian".
    sfreq : float
        Sampling rate in hertz.
    n_lags : int
        Number of lags, which lie together for each input, where all inputs have the same.
    factors : array of shape (n_regressors,), optional
        Factors by which the regressors were multiplied; "relative" refers to their scale before.
    fit_intercept : bool
        Fit a constant, which is not penalised. Without it, nothing is centred.
    joined : array of shape (n_regressors - 1,), optional
        For inputs with different lags: 1 if the next regressor is the next lag of the same
        input, 0 if it belongs to the next input.
    """

    kind: str = "ridge"
    convention: str = "absolute"
    sfreq: float = 64.0
    n_lags: int = 1
    factors: Any = None
    fit_intercept: bool = True
    joined: Any = None

    def equations(self, moments: Moments, overwrite: bool = False) -> tuple[Any, Any]:
        """Set up the equations that the weights solve, up to the penalty.

        Gives sums of products xx (n_regressors, n_regressors) and xy (n_regressors, n_targets).
        They are taken about the means if a constant is fitted. With `overwrite`, the large matrix
        of the moments may be overwritten.
        """
        return moments.centred(overwrite)[:2] if self.fit_intercept else (moments.xx, moments.xy)

    def absolute(self, alpha: float, moments: Moments, n_trials: int) -> float:
        """Translate `alpha` into what is added to the products of `n_trials` trials."""
        if self.convention == "relative":
            variance = diagonal(moments.xx)
            if self.fit_intercept:
                variance = variance - moments.x**2 / moments.n
            if self.factors is not None:
                variance = variance / self.factors**2
            return alpha * float(namespace(variance).mean(variance))
        unit = {"absolute": 1.0, "mtrfpy": self.sfreq * n_trials, "mtrf-toolbox": self.sfreq}
        half = 0.5 if self.kind == "laplacian" and self.convention.startswith("mtrf") else 1.0
        return alpha * half * unit[self.convention]

    def times(self, rows: Any) -> Any:
        """Multiply rows of weights (n, n_regressors) by the penalty matrix P."""
        if self.kind == "ridge":
            return rows
        xp = namespace(rows)
        if self.joined is None:
            weights = xp.reshape(rows, (rows.shape[0], -1, self.n_lags))
            steps = weights[..., 1:] - weights[..., :-1]
        else:
            steps = (rows[:, 1:] - rows[:, :-1]) * xp.asarray(self.joined, dtype=rows.dtype)
        inner = steps[..., :-1] - steps[..., 1:]
        products = xp.concat([-steps[..., :1], inner, steps[..., -1:]], axis=-1)
        return xp.reshape(products, rows.shape)

    def add_to(self, xx: Any, alpha: float) -> Any:
        """Compute ``xx + alpha * P`` (n_regressors, n_regressors), for an absolute penalty."""
        return add_to_diagonal(xx, alpha) if self.kind == "ridge" else xx + alpha * self._like(xx)

    def spectrum(self, xx: Any) -> Spectrum:
        """Diagonalise products and penalty together, for all alphas at once; may overwrite `xx`."""
        xp = namespace(xx)
        if self.kind == "ridge":
            values, vectors = eigh(xx)
            return Spectrum(vectors, xp.clip(values, 0, None), xp.ones_like(values))
        # The penalty is blind to constants, so the sum of both is what the basis is normed to.
        matrix = self._like(xx)
        weight = float(xp.sum(diagonal(xx)) / xp.sum(diagonal(matrix)))
        lower = xp.linalg.cholesky(add_to_diagonal(xx + weight * matrix, 1e-12 * weight))
        half = xp.linalg.solve(lower, matrix)
        values, vectors = eigh(xp.linalg.solve(lower, xp.matrix_transpose(half)))
        vectors = xp.linalg.solve(xp.matrix_transpose(lower), vectors)
        penalty = xp.clip(values, 0, 1 / weight)
        return Spectrum(vectors, 1 - weight * penalty, penalty)

    def _like(self, xx: Any) -> Any:
        xp = namespace(xx)
        return self.times(xp.eye(xx.shape[0], dtype=xx.dtype))


RIDGE = Penalty()


def check_penalty(kind: Any, convention: Any, n_lags: int) -> None:
    """Raise ValueError if a name is unknown, or "laplacian" has one lag only."""
    if kind not in KINDS:
        raise ValueError(f"penalty must be one of {KINDS}, got {kind!r}")
    if convention not in ALPHA_CONVENTIONS:
        raise ValueError(f"alpha_convention must be one of {ALPHA_CONVENTIONS}, got {convention!r}")
    if kind == "laplacian" and n_lags < 2:
        raise ValueError("penalty='laplacian' compares neighbouring lags, but there is one lag")


def is_penalty(alpha: Any) -> bool:
    """Whether something is a finite number that is not negative."""
    return isinstance(alpha, int | float | np.number) and bool(0 <= alpha < np.inf)
