"""Normal equations of penalised regressions: one by one, or many that are near to each other."""

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
    """Equations of one training set for several penalties.

    Attributes
    ----------
    xx, xy : array of shape (n_regressors, n_regressors), (n_regressors, n_targets)
        Sums of products, about the means if a constant is fitted.
    alphas : list of float
        Absolute penalties.
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
        """Set up the equations.

        Parameters
        ----------
        train : Moments
            Training data.
        alphas : sequence of float
            Penalties in the convention of `penalty`.
        penalty : Penalty
            Kind and convention.
        n_trials : int
            Number of training trials.
        overwrite : bool
            Allow the large matrix of the training data to be overwritten.

        Returns
        -------
        system : System
            The equations.
        """
        absolute = [penalty.absolute(alpha, train, n_trials) for alpha in alphas]
        return cls(*penalty.equations(train, overwrite), absolute)

    def solve(self, penalty: Penalty, which: Sequence[int] | None = None) -> Any:
        """Solve by Cholesky factors.

        Parameters
        ----------
        penalty : Penalty
            Kind.
        which : sequence of int, optional
            Places of the penalties to solve for; None for all.

        Returns
        -------
        weights : array of shape (n_alphas, n_regressors, n_targets)
            One model a penalty.

        Raises
        ------
        ValueError
            If a system is singular, see `penalised_factor`.
        """
        solutions = []
        for j in range(len(self.alphas)) if which is None else which:
            solutions.append(
                solve_factored(penalised_factor(self.xx, self.alphas[j], penalty), self.xy)
            )
        return namespace(self.xx).stack(solutions)


def penalised_factor(xx: Any, alpha: float, penalty: Penalty) -> Any:
    """Factorise the matrix of a penalised regression.

    Parameters
    ----------
    xx : array of shape (n_regressors, n_regressors)
        Sums of products.
    alpha : float
        Absolute penalty.
    penalty : Penalty
        Kind.

    Returns
    -------
    factor : array of shape (n_regressors, n_regressors)
        For `linear_aad.lagged.linalg.solve_factored`.

    Raises
    ------
    ValueError
        If the system is singular. With ridge that takes a penalty of (nearly) zero. The laplacian
        does not see weights that are the same at all lags, so that it takes dependent channels.
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

    Parameters
    ----------
    moments : Moments
        Training data.
    alphas : sequence of float
        Absolute penalties.
    penalty : Penalty
        Its kind.

    Returns
    -------
    weights : array of shape (n_alphas, n_regressors, n_targets)
        The minimisers of ``|y - x w - b|^2 + alpha w' P w``.

    Raises
    ------
    ValueError
        If the system is singular, see `penalised_factor`.
    """
    return System(*penalty.equations(moments), list(alphas)).solve(penalty)


def groups(items: Sequence[int], n_regressors: int) -> Iterator[Sequence[int]]:
    """Cut a sequence into parts whose systems fit into memory together.

    Parameters
    ----------
    items : sequence of int
        Indices.
    n_regressors : int
        Size of a system.

    Yields
    ------
    part : sequence of int
        Successive indices.
    """
    size = max(1, GROUP_BYTES // (16 * n_regressors**2))
    for start in range(0, len(items), size):
        yield items[start : start + size]


def shared_spectrum(total: Moments, n_systems: int, penalty: Penalty) -> Spectrum | None:
    """Diagonalise the system of all trials, if that pays for systems with fewer trials.

    Parameters
    ----------
    total : Moments
        Sums over all trials.
    n_systems : int
        Number of systems to be solved.
    penalty : Penalty
        Kind.

    Returns
    -------
    spectrum : Spectrum or None
        None where direct solutions cost less.
    """
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
    """Solve systems that are near to one whose spectrum is known.

    Products with few vectors wait for memory. So all systems take their steps together, and the
    basis of the spectrum is read once for all of them.

    Parameters
    ----------
    systems : sequence of System
        Each with as many penalties.
    penalty : Penalty
        Kind.
    spectrum : Spectrum or None
        Of a system nearby; None to solve directly.
    starts : sequence of array of shape (n_alphas, n_regressors, n_targets), optional
        Approximate solutions.
    tol : float
        See `conjugate_gradients`.

    Returns
    -------
    weights : list of array of shape (n_alphas, n_regressors, n_targets)
        The solutions, system by system.
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
