"""Fused updates for NumPy: a tile of frames is read once and stays in a cache.

Nothing of the size of the spectrogram is allocated. Frames are divided into parts whose number does
not depend on the number of threads, so that the order of additions, and with it every bit of the
result, does not either. For the shapes see `cnmf.updates.formula`; without a workspace there is a
single thread.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

from cnmf.objective import Objective
from cnmf.updates.compare_numba import FAST, compare
from cnmf.updates.formula import step_exponent
from cnmf.updates.products_numba import ROWS, multiply
from cnmf.updates.workspace_numba import Workspace, read_only, run_parts, take_next, workspace

__all__ = ["extrapolate", "update_activations", "update_components", "workspace"]

# Bytes of a tile. Smaller ones stay in a second-level cache but read the components more often:
# up to a tenth slower.
TILE = 2**20

# Threads take parts, at most this many, each of at least this many multiplications.
N_PARTS, SMALLEST_PART = 16, 2**20


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _step(a, products, up, down, exponent, out, squares):  # type: ignore[no-untyped-def]
    """Multiply activations by their quotients, and sum the squares of the outcome."""
    falling, rising, slope = products
    least, zero = a.dtype.type(np.finfo(a.dtype).eps), a.dtype.type(0)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            above = falling[i, k] + max(slope[i, k], zero) + up[k] * a[i, k]
            below = rising[i, k] + max(-slope[i, k], zero) + down[k] * a[i, k]
            out[i, k] = max(above / below, least)
        if exponent != 1:
            for k in range(a.shape[1]):
                out[i, k] = out[i, k] ** exponent
        for k in range(a.shape[1]):
            out[i, k] *= a[i, k]
            squares[k] += out[i, k] * out[i, k]


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _activation_part(  # type: ignore[no-untyped-def]
    frames, fields, products, x, a, w, turned, beta, guide, coupling, up, down, rising, exponent,
    out, squares, values,
):  # fmt: skip
    """Take the step of one part of the frames; the columns are not of norm 1 yet."""
    part, start, stop = frames
    n_freqs = x.shape[1]
    # Loops, not assignments of slices: their checks of shapes take longer to compile than all else.
    for i in range(products.shape[1]):
        for k in range(len(rising)):
            products[1, i, k] = rising[k]
    for first in range(start, stop, fields.shape[1]):
        last = min(first + fields.shape[1], stop)
        n = last - first
        multiply(a[first:last], w, fields[0], False)
        values[part] += compare(x[first:last], fields[0], fields[-1], beta, True)
        multiply(fields[0, :n, :n_freqs], turned, products[0], False)
        if beta != 1:
            multiply(fields[1, :n, :n_freqs], turned, products[1], False)
            for i in range(products.shape[1]):
                for k in range(len(rising)):
                    products[1, i, k] += rising[k]
        if guide.shape[1] > 0:
            multiply(guide[first:last], coupling, products[2], False)
        _step(a[first:last], products, up, down, exponent, out[first:last], squares[part])


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _component_part(frames, fields, x, a, w, beta, sums, masses):  # type: ignore[no-untyped-def]
    """Sum over one part of the frames what the step of the components takes."""
    part, start, stop = frames
    for first in range(start, stop, fields.shape[1]):
        last = min(first + fields.shape[1], stop)
        multiply(a[first:last], w, fields[0], False)
        compare(x[first:last], fields[0], fields[-1], beta, False)
        for i in range(first, last):
            for k in range(a.shape[1]):
                masses[part, k] += a[i, k]
        for j in range(len(fields)):
            ratios = fields[j, : last - first]
            multiply(a[first:last].T, ratios, sums[part, j], first > start)


@njit(parallel=True, nogil=True, cache=True)
def _activation_parts(  # type: ignore[no-untyped-def]
    taken, edges, fields, products, x, a, w, turned, beta, guide, coupling, up, down, rising,
    exponent, out, squares, values,
):  # fmt: skip
    """Take the steps of all parts; a thread takes the next one when it has finished one."""
    for thread in prange(len(fields)):
        part = take_next(taken)
        while part < len(edges) - 1:
            _activation_part(
                (part, edges[part], edges[part + 1]), fields[thread], products[thread], x, a, w,
                turned, beta, guide, coupling, up, down, rising, exponent, out, squares, values,
            )  # fmt: skip
            part = take_next(taken)


@njit(parallel=True, nogil=True, cache=True)
def _component_parts(  # type: ignore[no-untyped-def]
    taken, edges, fields, x, a, w, beta, sums, masses
):
    """Sum over all parts."""
    for thread in prange(len(fields)):
        part = take_next(taken)
        while part < len(edges) - 1:
            frames = part, edges[part], edges[part + 1]
            _component_part(frames, fields[thread], x, a, w, beta, sums, masses)
            part = take_next(taken)


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _normalise(a, norms, floor):  # type: ignore[no-untyped-def]
    """Divide columns by their norms, in place."""
    inverse = a.dtype.type(1) / norms
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            a[i, k] = max(a[i, k] * inverse[k], floor)


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _go_on(p, z, q, stride, momentum, out, squares):  # type: ignore[no-untyped-def]
    """Extrapolate one factor, and sum the squares of its columns."""
    one = p.dtype.type(1)
    more, less, farther, nearer = one + stride, one - stride, one + momentum, one - momentum
    for i in range(p.shape[0]):
        for k in range(p.shape[1]):
            a, b, c = p[i, k], z[i, k], q[i, k]
            further = a * ((more * a + less * b) / (less * a + more * b))
            out[i, k] = further * ((farther * a + nearer * c) / (nearer * a + farther * c))
        for k in range(p.shape[1]):
            squares[k] += out[i, k] * out[i, k]


def _divided(x: Any, n_components: int, beta: float, workspace: Workspace) -> tuple[Any, Any]:
    """Edges of the parts of the frames, and a tile for each thread.

    How the frames are divided does not depend on the number of threads, and neither does the order
    of additions.
    """
    n_parts = min(N_PARTS, len(x), 1 + x.size * n_components // SMALLEST_PART)
    edges = np.arange(n_parts + 1) * len(x) // n_parts
    n_rows = min(max(TILE // x[0].nbytes // ROWS, 1) * ROWS, -(-len(x) // n_parts))
    shape = min(n_parts, workspace.n_threads), 1 if beta == 1 else 2, n_rows, x.shape[1]
    return edges, workspace.buffer("tiles", shape, x.dtype)


def update_activations(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    damping: Any,
    fixed: Any = None,
    workspace: Workspace | None = None,
) -> tuple[Any, Any, Any]:
    """Take one step with the activations; see `cnmf.updates.formula.update_activations`."""
    if x.ndim > 2:
        return _each(
            update_activations, x, activations, components, objective, damping, fixed, workspace
        )
    workspace = workspace or Workspace()
    up = down = np.zeros(len(components), x.dtype)
    rising = np.zeros_like(up)
    if objective.beta == 1:
        rising = rising + components.sum(axis=1)
    if objective.sparsity_activations is not None:
        up = up + objective.sparsity_activations[0] * activations.sum(axis=0)
        rising = rising + objective.sparsity_activations[0]
    if objective.sparsity_components is not None:
        down = down + objective.sparsity_components[0] * components.sum(axis=1)
    guide, coupling = np.zeros((len(x), 0), x.dtype), np.zeros((0, len(components)), x.dtype)
    if objective.guide is not None:
        similarity = objective.guide.T @ activations
        coupling = 2 * objective.contrast * objective.pairing.T * similarity
        radial = np.sum(coupling * similarity, axis=0)
        up, down = up + np.maximum(-radial, 0), down + np.maximum(radial, 0)
        guide = objective.guide
    exponent = x.dtype.type(step_exponent(objective.beta) * damping)
    edges, fields = _divided(x, len(components), objective.beta, workspace)
    products = workspace.buffer(
        "products", (len(fields), 3, fields.shape[2], len(components)), x.dtype
    )
    if objective.guide is None:
        products[:, 2] = 0
    stepped, n_parts = np.empty_like(activations, order="C"), len(edges) - 1
    squares, values = np.zeros((n_parts, len(components))), np.zeros(n_parts)
    w, turned = (
        workspace.padded_copy("w", components),
        workspace.padded_copy("turned", components.T),
    )
    matrices = read_only(x), read_only(activations), w, turned
    guidance = objective.beta, read_only(guide), workspace.padded_copy("coupling", coupling)
    step = up, down, rising, exponent, stepped, squares, values
    kernels, own = (_activation_parts, _activation_part), (fields, products)
    run_parts(*kernels, edges, own, *matrices, *guidance, *step)
    if fixed is not None:
        stepped[fixed] = activations[fixed]
        squares = stepped**2
    norms = np.sqrt(squares.sum(axis=0)).astype(x.dtype)
    floor = x.dtype.type(np.finfo(x.dtype).eps / len(x) ** 0.5)
    _normalise(stepped, norms, floor)
    return stepped, norms, values.sum()


def update_components(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    fixed: Any = None,
    workspace: Workspace | None = None,
) -> Any:
    """Take one step with the components; see `cnmf.updates.formula.update_components`."""
    if x.ndim > 2:
        return _each(update_components, x, activations, components, objective, fixed, workspace)
    workspace = workspace or Workspace()
    edges, fields = _divided(x, len(components), objective.beta, workspace)
    n_parts, (n_components, n_freqs) = len(edges) - 1, components.shape
    sums = workspace.buffer("sums", (n_parts, fields.shape[1], n_components, n_freqs), x.dtype)
    masses = np.zeros((n_parts, n_components))
    matrices = read_only(x), read_only(activations), workspace.padded_copy("w", components)
    kernels, totals = (_component_parts, _component_part), (sums, masses)
    run_parts(*kernels, edges, (fields,), *matrices, objective.beta, *totals)
    falling, *others = sums[:, :, :n_components, :n_freqs].sum(axis=0)
    rising = others[0] if others else masses.sum(axis=0).astype(x.dtype)[:, None]
    if objective.sparsity_components is not None:
        rising = rising + objective.sparsity_components
    stepped = components * (falling / rising) ** step_exponent(objective.beta)
    if fixed is not None:
        stepped = np.where(fixed, components, stepped)
    return np.maximum(stepped, objective.floor, order="C")


def extrapolate(
    plain: tuple[Any, Any],
    start: tuple[Any, Any],
    before: tuple[Any, Any],
    stride: Any,
    momentum: Any,
    objective: Objective,
) -> tuple[Any, Any]:
    """Go beyond a plain iteration; see `cnmf.updates.formula.extrapolate`."""
    if plain[0].ndim > 2:
        activations, components = _each(
            extrapolate, plain, start, before, stride, momentum, objective
        )
        return activations, components
    dtype, found = plain[0].dtype, []
    stride, momentum = dtype.type(stride), dtype.type(momentum)
    for factors in zip(plain, start, before, strict=True):
        p, z, q = (read_only(factor) for factor in factors)
        out, squares = np.empty_like(p), np.zeros(p.shape[1])
        _go_on(p, z, q, stride, momentum, out, squares)
        found.append((out, squares))
    (activations, squares), (components, _) = found
    norms = np.sqrt(squares).astype(dtype)
    _normalise(activations, norms, dtype.type(np.finfo(dtype).eps / len(activations) ** 0.5))
    components *= norms[:, None]
    return activations, np.maximum(components, objective.floor, out=components)


def _each(update: Callable[..., Any], *arguments: Any) -> Any:
    """Update one mixture of a batch after the other."""

    def part(argument: Any, i: int) -> Any:
        if isinstance(argument, Objective):
            # All mixtures share one pairing.
            fields = {k: part(v, i) for k, v in vars(argument).items() if k != "pairing"}
            return Objective(**fields, pairing=argument.pairing)
        if isinstance(argument, tuple):
            return tuple(part(value, i) for value in argument)
        return argument[i] if isinstance(argument, np.ndarray) else argument

    first = arguments[0]
    n_mixtures = len(first[0] if isinstance(first, tuple) else first)
    results = [update(*(part(argument, i) for argument in arguments)) for i in range(n_mixtures)]
    if not isinstance(results[0], tuple):
        return np.stack(results)
    return tuple(np.stack(parts) for parts in zip(*results, strict=True))
