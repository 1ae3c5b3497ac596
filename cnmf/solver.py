"""The loop around the updates: which to call, when a step is taken back, when to stop."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from cnmf.objective import Objective, penalties
from cocktailparty.backend import is_cupy, namespace

# The stopping rule is asked only so often, as scikit-learn does: asking makes a GPU wait.
CHECK_EVERY = 10

# A rise of the cost by less, relative to its terms, may be rounding.
RISE = {"float64": 1e-12, "float32": 1e-6}

Callback = Callable[[int, Any, Any, Any], bool | None]


class Solution(NamedTuple):
    """A factorisation.

    Attributes
    ----------
    activations : array of shape (..., n_frames, n_components)
        Columns of norm 1.
    components : array of shape (..., n_components, n_freqs)
        Components.
    costs : array of shape (n_iter, ...)
        Cost after each iteration, in float64.
    n_iter : int
        Number of iterations.
    """

    activations: Any
    components: Any
    costs: Any
    n_iter: int


def updates_for(x: Any) -> ModuleType:
    """Choose the updates for a kind of array.

    Parameters
    ----------
    x : array
        NumPy, CuPy or any other array.

    Returns
    -------
    module
        `cnmf.updates.fused_numba`, `cnmf.updates.fused_cupy` or `cnmf.updates.formula`.
    """
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
) -> Solution:
    """Lower the cost step by step.

    An iteration moves the activations, then the components. If it raises the cost, which happens
    only with penalties much larger than the divergence, the next step of the activations finds
    out: the iteration is taken back, moves the components alone, and the activations go on with
    a shorter step. A batch of mixtures goes on until all of them have converged.

    Parameters
    ----------
    x : array of shape (..., n_frames, n_freqs)
        Spectrogram.
    activations : array of shape (..., n_frames, n_components)
        Initial values, positive, columns of norm 1.
    components : array of shape (..., n_components, n_freqs)
        Initial values, positive.
    objective : Objective
        Divergence and weights.
    max_iter : int
        Number of iterations at most.
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
    progress : bool
        Show a progress bar.
    updates : module, optional
        Implementation of the updates; None for the one that fits to the arrays.

    Returns
    -------
    solution : Solution
        Activations, components, costs, number of iterations.
    """
    updates = updates or updates_for(x)
    xp = namespace(x, activations, components)
    slack = RISE["float64" if x.dtype == xp.float64 else "float32"]
    weights = objective.sparsity_activations, objective.sparsity_components, objective.contrast
    penalised = any(weight is not None for weight in weights)
    # Templates that nothing changes need no step of their own.
    frozen = fixed_components is not None and not penalised and bool(xp.all(fixed_components))
    damping = xp.ones(x.shape[:-2], dtype=x.dtype)
    costs: list[Any] = []
    kept = activations, components
    with updates.prepared() as means, tqdm(total=max_iter, disable=not progress, unit="it") as bar:
        for iteration in range(max_iter + 1):
            stepped, norms, value = updates.update_activations(
                x, activations, components, objective, damping, fixed_activations, means
            )
            scaled = components * norms[..., :, None]
            cost = value
            if iteration == 0:
                start = value
            if penalised:
                cost = cost + penalties(activations, components, objective)
            if penalised and iteration > 0:
                before = costs[-1]
                accepted = cost <= before + slack * (xp.abs(before) + start)
                damping = xp.where(accepted, xp.minimum(damping * 1.25, 1), damping / 2)
                # Asking makes a GPU wait.
                if is_cupy(x) or not bool(xp.all(accepted)):
                    cost, accepted = xp.where(accepted, cost, before), accepted[..., None, None]
                    activations = xp.where(accepted, activations, kept[0])
                    components = xp.where(accepted, components, kept[1])
                    stepped = xp.where(accepted, stepped, activations)
                    scaled = xp.where(accepted, scaled, components)
            kept = activations, components
            costs.append(cost)
            if iteration > 0 and (iteration % CHECK_EVERY == 0 or iteration == max_iter):
                bar.update(iteration - bar.n)
                if callback is not None and callback(iteration, cost, activations, components):
                    break
                gain = costs[max(iteration - CHECK_EVERY, 0)] - cost
                if tol > 0 and iteration % CHECK_EVERY == 0 and bool(xp.all(gain < tol * start)):
                    break
            if iteration == max_iter:
                break
            activations = stepped
            if frozen:
                components = xp.maximum(scaled, objective.floor)
            else:
                components = updates.update_components(
                    x, activations, scaled, objective, fixed_components, means
                )
    return Solution(activations, components, xp.stack(costs[1:]), len(costs) - 1)
