"""Conjugate gradients for many systems side by side."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cocktailparty.backend import namespace, to_numpy


def conjugate_gradients(
    apply: Callable[[Any, np.ndarray], Any],
    precondition: Callable[[Any, np.ndarray], Any],
    right: Any,
    start: Any = None,
    tol: float = 1e-11,
    max_iter: int = 30,
) -> tuple[Any, np.ndarray]:
    """Solve many symmetric positive systems side by side.

    `apply` takes rows and the indices of their systems, and multiplies each row by the matrix of
    its system; `precondition` does so with an approximate inverse, symmetric and positive. `right`,
    `start` (zeros if None) and the solutions have the shape (n_systems, n_unknowns); `tol` is the
    wanted size of the preconditioned residual relative to that of the right-hand side. Gives the
    best solutions, and for each system whether it reached the tolerance within `max_iter` steps.
    """
    xp = namespace(right)
    active = np.arange(right.shape[0])
    finished, order = [], []

    def inner(a: Any, b: Any) -> np.ndarray:
        return to_numpy(xp.sum(a * b, axis=1))

    def keep(rows: Any, places: np.ndarray) -> Any:
        return xp.take(rows, xp.asarray(places), axis=0)

    x, residual = xp.zeros_like(right), right
    direction = precondition(residual, active)
    rho = inner(residual, direction)
    goal = tol**2 * rho
    if start is not None:
        x, residual = start, right - apply(start, active)
        direction = precondition(residual, active)
        rho = inner(residual, direction)
    converged = np.zeros(len(active), dtype=bool)
    for n_steps in range(max_iter + 1):
        done = rho <= goal
        if done.any():  # what has converged costs nothing any more
            finished.append(keep(x, np.flatnonzero(done)))
            order.append(active[done])
            converged[active[done]] = True
            left = np.flatnonzero(~done)
            active, goal, rho = active[left], goal[left], rho[left]
            x, residual, direction = keep(x, left), keep(residual, left), keep(direction, left)
        if not len(active) or n_steps == max_iter:
            break
        image = apply(direction, active)
        curvature = inner(direction, image)
        step = xp.asarray((rho / np.where(curvature > 0, curvature, np.inf))[:, None])
        x = x + step * direction
        residual = residual - step * image
        z = precondition(residual, active)
        previous, rho = rho, inner(residual, z)
        direction = z + xp.asarray((rho / previous)[:, None]) * direction
    solutions = xp.concat([*finished, x])
    places = np.argsort(np.concatenate([*order, active]))
    return keep(solutions, places), converged
