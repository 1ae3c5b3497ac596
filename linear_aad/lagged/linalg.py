"""Symmetric matrices: the few operations that array libraries spell in different ways."""

from typing import Any

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dger

from cocktailparty.backend import namespace
from cocktailparty.blas import factorising


def rank_one_update(a: Any, factor: float, v: Any, overwrite: bool = False) -> Any:
    """Add a multiple of an outer product.

    Parameters
    ----------
    a : array of shape (n, n)
        Symmetric matrix.
    factor : float
        Number.
    v : array of shape (n,)
        Vector.
    overwrite : bool
        Allow the matrix to be overwritten.

    Returns
    -------
    updated : array of shape (n, n)
        ``a + factor * outer(v, v)``.
    """
    if not isinstance(a, np.ndarray):
        return a + factor * v[:, None] * v[None, :]
    # In place, and on the transpose, which is the same matrix in the order that BLAS takes.
    updated = np.array(a, dtype=np.float64, order="C", copy=None if overwrite else True)
    dger(factor, v, v, a=updated.T, overwrite_a=True)
    return updated


def add_to_diagonal(a: Any, value: float) -> Any:
    """Add a number to the diagonal.

    Parameters
    ----------
    a : array of shape (n, n)
        Matrix.
    value : float
        Number.

    Returns
    -------
    sum : array of shape (n, n)
        New matrix.
    """
    if not isinstance(a, np.ndarray):
        return a + value * namespace(a).eye(a.shape[0], dtype=a.dtype)
    added = a.copy()
    added.flat[:: a.shape[0] + 1] += value
    return added


def diagonal(a: Any) -> Any:
    """Take the diagonal.

    Parameters
    ----------
    a : array of shape (n, n)
        Matrix.

    Returns
    -------
    diagonal : array of shape (n,)
        A copy or a view.
    """
    return namespace(a).linalg.diagonal(a)


def factor_positive(a: Any) -> Any:
    """Factorise a symmetric, positive definite matrix.

    Parameters
    ----------
    a : array of shape (n, n)
        Matrix, which may be overwritten.

    Returns
    -------
    factor : array of shape (n, n)
        Lower triangular; what stands above the diagonal has no meaning.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite, or only by rounding.
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
    """Solve equations whose matrix was factorised.

    Parameters
    ----------
    factor : array of shape (n, n)
        What `factor_positive` returned.
    b : array of shape (n, n_right)
        Right-hand sides.

    Returns
    -------
    solution : array of shape (n, n_right)
        The solution.

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
    """Decompose into eigenvalues and eigenvectors.

    Parameters
    ----------
    a : array of shape (n, n)
        Symmetric matrix, which may be overwritten.

    Returns
    -------
    values : array of shape (n,)
        Eigenvalues, rising.
    vectors : array of shape (n, n)
        Eigenvectors in columns.
    """
    if isinstance(a, np.ndarray):
        return scipy.linalg.eigh(a, overwrite_a=True, check_finite=False, driver="evd")
    values, vectors = namespace(a).linalg.eigh(a)
    return values, vectors
