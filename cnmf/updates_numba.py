"""The updates of `cnmf.updates`, fused: a tile of frames is read once and stays in the cache.

Nothing of the size of the spectrogram is allocated. Frames are divided into parts whose number
does not depend on the number of threads, so that the order of additions, and with it every bit of
the result, does not either.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import config, njit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cnmf.compare_numba import FAST, compare
from cnmf.objective import Objective
from cnmf.updates import step_exponent

# A tile of so many frames, with as many numbers as frequencies each, fits into a second-level
# cache.
TILE = 256

# Threads take parts, at most so many, each of at least so many multiplications.
N_PARTS, SMALLEST_PART = 16, 2**20

Part = tuple[int, int, int]

N_THREADS: int = config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]


@contextmanager
def prepared() -> Iterator[ThreadPoolExecutor]:
    """Start the threads that the updates share their work between.

    As many as Numba would use (the variable NUMBA_NUM_THREADS), each with BLAS to itself.

    Yields
    ------
    pool : ThreadPoolExecutor
        To be handed to the updates.
    """
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(max(N_THREADS - 1, 1)) as pool,
    ):
        yield pool


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _model(x, a, w, fields, beta):  # type: ignore[no-untyped-def]
    """Compare a tile with its model."""
    n = len(x)
    np.dot(a, w, fields[0, :n])
    return compare(x, fields[0, :n], fields[-1, :n], beta)


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _step(a, products, up, down, exponent, out, squares):  # type: ignore[no-untyped-def]
    """Multiply activations by their quotients, and add up the squares of the outcome."""
    falling, rising, slope = products
    least, zero = a.dtype.type(np.finfo(a.dtype).eps), a.dtype.type(0)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            above = falling[i, k] + max(slope[i, k], zero) + up[k] * a[i, k]
            below = rising[i, k] + max(-slope[i, k], zero) + down[k] * a[i, k]
            quotient = max(above / below, least)
            if exponent != 1:
                quotient = quotient**exponent
            out[i, k] = a[i, k] * quotient
            squares[k] += out[i, k] * out[i, k]


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _activation_part(  # type: ignore[no-untyped-def]
    frames, fields, x, a, w, beta, guide, pull, up, down, rising, exponent, out, squares, values
):
    """Step of some frames; the columns are not of norm 1 yet."""
    part, start, stop = frames
    n_rows = fields.shape[1]
    products = np.zeros((3, n_rows, len(w)), x.dtype)
    products[1] += rising
    for first in range(start, stop, n_rows):
        last = min(first + n_rows, stop)
        n = last - first
        values[part] += _model(x[first:last], a[first:last], w, fields, beta)
        np.dot(fields[0, :n], w.T, products[0, :n])
        if beta != 1:
            np.dot(fields[1, :n], w.T, products[1, :n])
            products[1, :n] += rising
        if guide.shape[1] > 0:
            np.dot(guide[first:last], pull, products[2, :n])
        _step(a[first:last], products, up, down, exponent, out[first:last], squares[part])


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _component_part(frames, fields, x, a, w, beta, sums, values):  # type: ignore[no-untyped-def]
    """Add up over some frames what the step of the components takes, turned over: BLAS likes it."""
    part, start, stop = frames
    n_rows = fields.shape[1]
    product = np.empty(w.T.shape, x.dtype)
    for first in range(start, stop, n_rows):
        last = min(first + n_rows, stop)
        values[part] += _model(x[first:last], a[first:last], w, fields, beta)
        for j in range(len(fields)):
            np.dot(fields[j, : last - first].T, a[first:last], product)
            sums[part, j] += product


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def _normalise_part(frames, fields, a, norms, floor):  # type: ignore[no-untyped-def]
    """Divide columns by their norms, in place."""
    inverse = a.dtype.type(1) / norms
    for i in range(frames[1], frames[2]):
        for k in range(a.shape[1]):
            a[i, k] = max(a[i, k] * inverse[k], floor)


def _share(
    pool: ThreadPoolExecutor | None, parts: list[Part], fields: Any, kernel: Any, *arguments: Any
) -> None:
    """Call a kernel for every part, on all threads; each has a tile of its own in `fields`."""
    left = deque(parts)

    def work(own: Any) -> None:
        while left:
            try:
                frames = left.popleft()
            except IndexError:  # another thread was faster
                return
            kernel(frames, own, *arguments)

    helpers = [pool.submit(work, own) for own in fields[1:]] if pool is not None else []
    work(fields[0])
    for helper in helpers:
        if not helper.cancel():  # it has started
            helper.result()


def _locked(x: Any) -> Any:
    """Read-only view: kernels are compiled for that alone, whatever users give."""
    x = np.ascontiguousarray(x).view()
    x.flags.writeable = False
    return x


def _divided(x: Any, n_components: int, beta: float) -> tuple[list[Part], Any]:
    """Parts of the frames (number, start, stop), and a tile for each thread.

    How the frames are divided does not depend on the number of threads, and neither does the order
    of additions.
    """
    n_parts = min(N_PARTS, len(x), 1 + x.size * n_components // SMALLEST_PART)
    edges = [len(x) * i // n_parts for i in range(n_parts + 1)]
    parts = list(zip(range(n_parts), edges[:-1], edges[1:], strict=True))
    n_rows = min(TILE, -(-len(x) // n_parts))
    shape = min(n_parts, N_THREADS), 1 if beta == 1 else 2, n_rows, x.shape[1]
    return parts, np.empty(shape, x.dtype)


def update_activations(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    damping: Any,
    fixed: Any = None,
    means: Any = None,
) -> tuple[Any, Any, Any]:
    """Take one step with the activations; see `cnmf.updates.update_activations`.

    Parameters
    ----------
    x : ndarray of shape (..., n_frames, n_freqs)
        Spectrogram.
    activations : ndarray of shape (..., n_frames, n_components)
        Positive, columns of norm 1.
    components : ndarray of shape (..., n_components, n_freqs)
        Positive.
    objective : Objective
        Divergence and weights.
    damping : ndarray of shape (...)
        Length of the step.
    fixed : ndarray of bool, shape (..., n_frames, n_components), optional
        Entries that keep their value, up to the norm of their column.
    means : ThreadPoolExecutor, optional
        What `prepared` gave; None for a single thread.

    Returns
    -------
    activations : ndarray of shape (..., n_frames, n_components)
        Updated, columns of norm 1.
    norms : ndarray of shape (..., n_components)
        What the components have to be multiplied by, to make up for it.
    value : ndarray of shape (...)
        Divergence before the step, in float64.
    """
    if x.ndim > 2:
        return _each(
            update_activations, x, activations, components, objective, damping, fixed, means
        )
    up = down = np.zeros(len(components), x.dtype)
    rising = np.zeros_like(up)
    if objective.beta == 1:
        rising = rising + components.sum(axis=1)
    if objective.sparsity_activations is not None:
        up = up + objective.sparsity_activations[0] * activations.sum(axis=0)
        rising = rising + objective.sparsity_activations[0]
    if objective.sparsity_components is not None:
        down = down + objective.sparsity_components[0] * components.sum(axis=1)
    guide, pull = np.zeros((len(x), 0), x.dtype), np.zeros((0, len(components)), x.dtype)
    if objective.guide is not None:
        similarity = objective.guide.T @ activations
        pull = 2 * objective.contrast * objective.pairing.T * similarity
        along = np.sum(pull * similarity, axis=0)
        up, down = up + np.maximum(-along, 0), down + np.maximum(along, 0)
        guide = objective.guide
    exponent = x.dtype.type(step_exponent(objective.beta) * damping)
    parts, fields = _divided(x, len(components), objective.beta)
    stepped = np.empty_like(activations)
    squares, values = np.zeros((len(parts), len(components))), np.zeros(len(parts))
    step = up, down, rising, exponent, stepped, squares, values
    matrices = _locked(x), _locked(activations), _locked(components)
    _share(
        means,
        parts,
        fields,
        _activation_part,
        *matrices,
        objective.beta,
        _locked(guide),
        pull,
        *step,
    )
    if fixed is not None:
        stepped[fixed] = activations[fixed]
        squares = stepped**2
    norms = np.sqrt(squares.sum(axis=0)).astype(x.dtype)
    floor = x.dtype.type(np.finfo(x.dtype).eps / len(x) ** 0.5)
    _share(means, parts, fields, _normalise_part, stepped, norms, floor)
    return stepped, norms, values.sum()


def update_components(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    fixed: Any = None,
    means: Any = None,
) -> tuple[Any, Any]:
    """Take one step with the components; see `cnmf.updates.update_components`.

    Parameters
    ----------
    x : ndarray of shape (..., n_frames, n_freqs)
        Spectrogram.
    activations : ndarray of shape (..., n_frames, n_components)
        Positive, columns of norm 1.
    components : ndarray of shape (..., n_components, n_freqs)
        Positive.
    objective : Objective
        Divergence and weights.
    fixed : ndarray of bool, shape (..., n_components, n_freqs), optional
        Entries that keep their value.
    means : ThreadPoolExecutor, optional
        What `prepared` gave; None for a single thread.

    Returns
    -------
    components : ndarray of shape (..., n_components, n_freqs)
        Updated.
    value : ndarray of shape (...)
        Divergence before the step, in float64.
    """
    if x.ndim > 2:
        return _each(update_components, x, activations, components, objective, fixed, means)
    parts, fields = _divided(x, len(components), objective.beta)
    sums = np.zeros((len(parts), fields.shape[1], *components.T.shape), x.dtype)
    values = np.zeros(len(parts))
    matrices = _locked(x), _locked(activations), _locked(components)
    _share(means, parts, fields, _component_part, *matrices, objective.beta, sums, values)
    sums = np.swapaxes(sums.sum(axis=0), 1, 2)
    rising = activations.sum(axis=0)[:, None] if objective.beta == 1 else sums[1]
    if objective.sparsity_components is not None:
        rising = rising + objective.sparsity_components
    stepped = components * (sums[0] / rising) ** step_exponent(objective.beta)
    if fixed is not None:
        stepped = np.where(fixed, components, stepped)
    return np.maximum(stepped, objective.floor, order="C"), values.sum()


def _each(update: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """Update one mixture of a batch after the other."""

    def part(argument: Any, i: int) -> Any:
        if isinstance(argument, Objective):
            fields = {name: part(value, i) for name, value in vars(argument).items()}
            return Objective(**fields | {"pairing": argument.pairing})
        return argument[i] if isinstance(argument, np.ndarray) else argument

    n_mixtures = len(arguments[0])
    results = [update(*(part(argument, i) for argument in arguments)) for i in range(n_mixtures)]
    return tuple(np.stack(parts) for parts in zip(*results, strict=True))
