"""Loop around the updates: which to call, when a step is taken back, when to stop."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from cnmf.extrapolation import Path
from cnmf.objective import Objective, penalties
from cocktailparty.backend import is_cupy, namespace

# The stopping rule is checked only this often, as in scikit-learn: checking makes a GPU wait. The
# factors that it may leave, as the last ones, come from plain steps: those keep the loudness.
CHECK_EVERY = 10

Callback = Callable[[int, Any, Any, Any], bool | None]


class Solution(NamedTuple):
    """A factorisation of one or more mixtures.

    `activations` (..., n_frames, n_components) have columns of norm 1, `components` the shape
    (..., n_components, n_freqs); `costs` (n_iter, ...) are those after each of `n_iter` iterations,
    in float64.
    """

    activations: Any
    components: Any
    costs: Any
    n_iter: int


def updates_for(x: Any) -> ModuleType:
    """Choose the module of `cnmf.updates` for a kind of array: NumPy, CuPy or any other."""
    name = "formula"
    if is_cupy(x):
        name = "fused_cupy"
    elif isinstance(x, np.ndarray):
        name = "fused_numba"
    return import_module(f"cnmf.updates.{name}")


def solve(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    max_iter: int = 200,
    tol: float = 1e-4,
    fixed_activations: Any = None,
    fixed_components: Any = None,
    callback: Callback | None = None,
    progress: bool = False,
    updates: ModuleType | None = None,
    extrapolation: bool = True,
) -> Solution:
    """Lower the cost step by step.

    An iteration moves the activations, then the components, and goes on in the direction in which
    it moved both (`cnmf.extrapolation`). If that raises the cost, the next step of the activations
    finds out: it is taken back, and the iteration moves the components alone. The cost after each
    iteration is that of the factors that are left then. A batch of mixtures goes on until all of
    them have converged; each is extrapolated, and goes back, by itself.

    Parameters
    ----------
    x : array of shape (..., n_frames, n_freqs)
        Spectrogram.
    activations : array of shape (..., n_frames, n_components)
        Initial values, positive, columns of norm 1.
    components : array of shape (..., n_components, n_freqs)
        Initial values, positive.
    tol : float
        Stops when 10 iterations together lower the cost by less than `tol` times the divergence
        at the start; 0 never stops early.
    fixed_activations : array of bool, shape (..., n_frames, n_components), optional
        Activations that keep their value, up to the norm of their column.
    fixed_components : array of bool, shape (..., n_components, n_freqs), optional
        Components that keep their value, up to one gain for each component.
    callback : callable, optional
        Called every 10 iterations with the number of iterations, the cost, activations and
        components; stops if it returns True.
    updates : module, optional
        Implementation of the updates; None for the one that fits to the arrays.
    extrapolation : bool
        Whether to go beyond the plain steps, which takes a third of the iterations or less. Only
        for a beta from 1 to 2 and components that are not all fixed; plain steps otherwise.
    """
    updates = updates or updates_for(x)
    xp = namespace(x, activations, components)
    weights = objective.sparsity_activations, objective.sparsity_components, objective.contrast
    penalised = any(weight is not None for weight in weights)
    # Templates that nothing changes need no step of their own.
    frozen = fixed_components is not None and not penalised and bool(xp.all(fixed_components))
    # What stands for 0: of the largest activation before they were scaled, or at the floor.
    eps, floor = xp.finfo(x.dtype).eps, objective.floor
    zeros = (
        _zeros(fixed_activations, activations, eps, eps / x.shape[-2] ** 0.5),
        _zeros(fixed_components, components, floor, floor),
    )
    # Then frames are independent of each other, which a common momentum would change.
    path = Path(
        updates, objective, (activations, components), penalised, extrapolation and not frozen
    )
    candidate = path.candidate
    costs: list[Any] = []
    with (
        updates.workspace() as workspace,
        tqdm(total=max_iter, disable=not progress, unit="it") as bar,
    ):
        for iteration in range(max_iter + 1):
            stepped, norms, value = updates.update_activations(
                x, *candidate, objective, path.damping, fixed_activations, workspace
            )
            cost = value + penalties(*candidate, objective) if penalised else value
            costs.append(path.judge(value, cost))
            if iteration > 0 and (iteration % CHECK_EVERY == 0 or iteration == max_iter):
                bar.update(iteration - bar.n)
                if callback is not None and callback(iteration, costs[-1], *path.iterate):
                    break
                gain = costs[max(iteration - CHECK_EVERY, 0)] - costs[-1]
                small = gain < tol * path.start
                if tol > 0 and iteration % CHECK_EVERY == 0 and bool(xp.all(small)):
                    break
            if iteration == max_iter:
                break
            stepped, scaled = path.resume((stepped, candidate[1] * norms[..., :, None]))
            stepped = zeros[0](stepped)
            if frozen:
                scaled = xp.maximum(scaled, objective.floor)
            else:
                scaled = updates.update_components(
                    x, stepped, scaled, objective, fixed_components, workspace
                )
            scaled = zeros[1](scaled)
            rest = (iteration + 1) % CHECK_EVERY == 0 or iteration + 1 == max_iter
            candidate = path.advance((stepped, scaled), rest)
    activations, components = path.iterate
    return Solution(activations, components, xp.stack(costs[1:]), len(costs) - 1)


def _zeros(fixed: Any, start: Any, largest: Any, floor: Any) -> Callable[[Any], Any]:
    """Keep what is fixed at 0 there: at the floor, gains that come and go would only lift it."""
    if fixed is None:
        return lambda factor: factor
    xp = namespace(start)
    floor = xp.asarray(floor, dtype=start.dtype)
    mask = fixed & (start <= xp.asarray(largest, dtype=start.dtype))
    return lambda factor: xp.where(mask, floor, factor)
