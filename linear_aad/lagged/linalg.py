"""Operations on symmetric matrices that array libraries spell in different ways."""

from typing import Any

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dger

from cocktailparty.backend import namespace
from cocktailparty.blas import factorising


def rank_one_update(a: Any, factor: float, v: Any, overwrite: bool = False) -> Any:
    """Compute ``a + factor * outer(v, v)`` of a symmetric matrix; may reuse it if `overwrite`."""
    if not isinstance(a, np.ndarray):
        return a + factor * v[:, None] * v[None, :]
    # In place, and on the transpose, which is the same matrix in the order that BLAS takes.
    updated = np.array(a, dtype=np.float64, order="C", copy=None if overwrite else True)
    dger(factor, v, v, a=updated.T, overwrite_a=True)
    return updated


def add_to_diagonal(a: Any, value: float) -> Any:
    """Add a number to the diagonal of a matrix (n, n), which is copied."""
    if not isinstance(a, np.ndarray):
        return a + value * namespace(a).eye(a.shape[0], dtype=a.dtype)
    added = a.copy()
    added.flat[:: a.shape[0] + 1] += value
    return added


def diagonal(a: Any) -> Any:
    """Diagonal (n,) of a matrix (n, n), as a copy or a view."""
    return namespace(a).linalg.diagonal(a)


def factor_positive(a: Any) -> Any:
    """Lower triangular factor of a symmetric, positive definite matrix (n, n).

    The matrix may be overwritten. What stands above the diagonal has no meaning. Raises
    `numpy.linalg.LinAlgError` if the matrix is not positive definite, or only by rounding.
    """
    xp = namespace(a)
    size = xp.asarray(diagonal(a), copy=True)
    if isinstance(a, np.ndarray):
        # The transpose is the same matrix in the order that LAPACK takes, so nothing is copied.
        with factorising(a.shape[0]):
            lower, _ = scipy.linalg.cho_factor(
                a.T, lower=True, overwrite_a=True, check_finite=False
            )
    else:
        lower = xp.linalg.cholesky(a)
    # What is left of a dependent row is rounding, on either side of zero, or NaN on a GPU.
    rounding = 10 * a.shape[0] * float(xp.finfo(a.dtype).eps)
    if not bool(xp.all(diagonal(lower) ** 2 > rounding * size)):
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return lower


def solve_factored(factor: Any, b: Any) -> Any:
    """Solve equations with right-hand sides (n, n_right) by the factor from `factor_positive`.

    Examples
    --------
    >>> import numpy as np
    >>> solve_factored(factor_positive(np.diag([2.0, 4.0])), np.array([[2.0], [2.0]]))
    array([[1. ],
           [0.5]])
    """
    if isinstance(factor, np.ndarray):
        return scipy.linalg.cho_solve((factor, True), b, check_finite=False)
    xp = namespace(factor, b)
    return xp.linalg.solve(xp.matrix_transpose(factor), xp.linalg.solve(factor, b))


def eigh(a: Any) -> tuple[Any, Any]:
    """Rising eigenvalues (n,) and eigenvectors in columns (n, n) of a symmetric matrix.

    The matrix may be overwritten.
    """
    if isinstance(a, np.ndarray):
        return scipy.linalg.eigh(a, overwrite_a=True, check_finite=False, driver="evd")
    values, vectors = namespace(a).linalg.eigh(a)
    return values, vectors
