"""Normal equations of penalised regressions, solved one by one or many similar ones together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.conjugate_gradients import conjugate_gradients
from linear_aad.lagged.linalg import factor_positive, solve_factored
from linear_aad.lagged.moments import Moments
from linear_aad.lagged.penalties import RIDGE, Penalty, Spectrum

# Systems that are solved side by side, each with two dense matrices, may take this many bytes.
GROUP_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class System:
    """Equations of one training set for several absolute penalties `alphas`.

    `xx` (n_regressors, n_regressors) and `xy` (n_regressors, n_targets) are sums of products, about
    the means if a constant is fitted.
    """

    xx: Any
    xy: Any
    alphas: list[float]

    @classmethod
    def of(
        cls,
        train: Moments,
        alphas: Sequence[float],
        penalty: Penalty,
        n_trials: int,
        overwrite: bool = False,
    ) -> "System":
        """Set up the equations of `n_trials` trials, for `alphas` in the convention of `penalty`.

        With `overwrite`, the large matrix of the training data may be overwritten.
        """
        absolute = [penalty.absolute(alpha, train, n_trials) for alpha in alphas]
        return cls(*penalty.equations(train, overwrite), absolute)

    def solve(self, penalty: Penalty, which: Sequence[int] | None = None) -> Any:
        """Solve by Cholesky factors for all penalties, or for those with indices `which`.

        Gives weights (n_alphas, n_regressors, n_targets). Raises ValueError if a system is
        singular.
        """
        solutions = []
        for j in range(len(self.alphas)) if which is None else which:
            solutions.append(
                solve_factored(penalised_factor(self.xx, self.alphas[j], penalty), self.xy)
            )
        return namespace(self.xx).stack(solutions)


def penalised_factor(xx: Any, alpha: float, penalty: Penalty) -> Any:
    """Factorise ``xx + alpha * P`` (n_regressors, n_regressors) for `linalg.solve_factored`.

    Raises ValueError if the system is singular. With ridge that takes a penalty of (nearly) zero.
    The laplacian does not see weights that are the same at all lags, so that it takes dependent
    channels.
    """
    try:
        return factor_positive(penalty.add_to(xx, alpha))
    except np.linalg.LinAlgError:
        remedy = "raise alpha" if penalty.kind == "ridge" else "take penalty='ridge'"
        raise ValueError(
            f"the lagged signal is linearly dependent at alpha={alpha:g} (absolute): {remedy}, or "
            "drop channels that are sums of others, one of them after an average reference"
        ) from None


def ridge(moments: Moments, alphas: Sequence[float], penalty: Penalty = RIDGE) -> Any:
    """Solve a penalised regression with an intercept that is not penalised.

    Gives the weights (n_alphas, n_regressors, n_targets) that minimise
    ``|y - x w - b|^2 + alpha w' P w``, for absolute penalties. Raises ValueError if the system is
    singular, see `penalised_factor`.
    """
    return System(*penalty.equations(moments), list(alphas)).solve(penalty)


def groups(items: Sequence[int], n_regressors: int) -> Iterator[Sequence[int]]:
    """Cut a sequence of indices into groups whose systems fit into memory together."""
    size = max(1, GROUP_BYTES // (16 * n_regressors**2))
    for start in range(0, len(items), size):
        yield items[start : start + size]


def shared_spectrum(total: Moments, n_systems: int, penalty: Penalty) -> Spectrum | None:
    """Diagonalise the system of all trials if that pays for `n_systems` others; else None."""
    n_regressors, n_targets = total.xy.shape
    if not _cheaper_near(n_regressors, n_targets, n_systems):
        return None
    return penalty.spectrum(penalty.equations(total)[0])


def _cheaper_near(n_regressors: int, n_targets: int, n_systems: int) -> bool:
    """Compare the flops of one eigendecomposition and a few steps with those of direct solutions.

    A step takes three products with a matrix, and about eight steps are needed. The constants say
    what the flops of each kind cost: products with few vectors wait for memory.
    """
    direct = n_systems * n_regressors**3 / 3
    near = 9 * n_regressors**3 + n_systems * n_targets * 8 * 3 * 4 * n_regressors**2
    return near < direct


def solve_near(
    systems: Sequence[System],
    penalty: Penalty,
    spectrum: Spectrum | None,
    starts: Sequence[Any] | None = None,
    tol: float = 1e-11,
) -> list[Any]:
    """Solve systems that are near to one whose spectrum is known; directly if `spectrum` is None.

    Products with few vectors wait for memory. So all systems take their steps together, and the
    basis of the spectrum is read once for all of them. Each system has the same number of
    penalties; `starts` are approximate solutions, and both they and the list of solutions have the
    shape (n_alphas, n_regressors, n_targets) per system. For `tol` see `conjugate_gradients`.
    """
    xp = namespace(systems[0].xx)
    (n_regressors, n_targets), n_alphas = systems[0].xy.shape, len(systems[0].alphas)
    # A row is a right-hand side: training sets vary slowly, penalties next, targets fast.
    shift = np.repeat(np.concatenate([system.alphas for system in systems]), n_targets)[:, None]
    scale = None if spectrum is None else spectrum.scale(xp.asarray(shift))
    if spectrum is None or scale is None or not bool(xp.all(scale > 0)):
        return [system.solve(penalty) for system in systems]

    n_rows = n_alphas * n_targets
    right = [xp.tile(xp.matrix_transpose(system.xy), (n_alphas, 1)) for system in systems]

    def apply(rows: Any, which: np.ndarray) -> Any:
        limits = np.searchsorted(which, n_rows * np.arange(len(systems) + 1)).tolist()
        products = [
            rows[start:stop, :] @ system.xx
            for system, start, stop in zip(systems, limits, limits[1:], strict=False)
        ]
        return xp.concat(products) + xp.asarray(shift[which]) * penalty.times(rows)

    def precondition(rows: Any, which: np.ndarray) -> Any:
        coordinates = (rows @ spectrum.vectors) / xp.take(scale, xp.asarray(which), axis=0)
        return coordinates @ xp.matrix_transpose(spectrum.vectors)

    start = None
    if starts is not None:
        rows = [xp.reshape(xp.permute_dims(w, (0, 2, 1)), (n_rows, -1)) for w in starts]
        start = xp.concat(rows)
    rows, converged = conjugate_gradients(apply, precondition, xp.concat(right), start, tol=tol)
    rows = xp.reshape(rows, (len(systems), n_alphas, n_targets, n_regressors))
    reached = converged.reshape(len(systems), n_alphas, n_targets)
    weights = []
    for i, system in enumerate(systems):
        solution = xp.permute_dims(rows[i, ...], (0, 2, 1))
        for j in np.flatnonzero(~np.all(reached[i], axis=1)).tolist():
            solution[j, ...] = system.solve(penalty, [j])[0, ...]
        weights.append(solution)
    return weights
