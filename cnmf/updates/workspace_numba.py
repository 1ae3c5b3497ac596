"""Thread pool and reusable buffers of the Numba kernels."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import get_num_threads
from numba.extending import intrinsic

from cnmf.updates.products_numba import aligned
from cocktailparty.blas import one_blas_thread

# Not every threading layer of Numba can be called by two threads at once.
_IN_TURN = Lock()

# A forked process has to make do with one thread: OpenMP ends a child that uses its threads.
_FORKED: list[bool] = []
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=lambda: _FORKED.append(True))


@dataclass(frozen=True)
class Workspace:
    """Threads that share the work, and buffers that are allocated once and not in every step.

    `n_threads` is the number of threads; `buffers` holds what `buffer` has made.
    """

    n_threads: int = 1
    buffers: dict[Any, Any] = field(default_factory=dict)

    def buffer(self, what: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """Give a buffer in whole vectors, the same each time; what is in it is left from before.

        `what` says what it is for, and `shape` is padded as by `aligned`. It is zero the first
        time, and always in the padding unless somebody fills it.
        """
        key = what, shape, np.dtype(dtype)
        if key not in self.buffers:
            self.buffers[key] = aligned(shape, dtype)
        return self.buffers[key]

    def padded_copy(self, what: str, matrix: Any) -> Any:
        """Copy a matrix (n, m) into whole vectors (n, at least m), padded with zeros and read-only.

        Kernels are compiled for read-only, contiguous arrays alone.
        """
        copy = self.buffer(what, matrix.shape, matrix.dtype)[: len(matrix)]
        copy[:, : matrix.shape[1]] = matrix
        return read_only(copy)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Take the threads between which the updates share their work, as a `Workspace`.

    As many as Numba uses (`numba.set_num_threads`, the variable NUMBA_NUM_THREADS), each with BLAS
    to itself; one in a forked process.
    """
    with one_blas_thread():
        yield Workspace(1 if _FORKED else get_num_threads())


@intrinsic
def take_next(typing_context, counter):  # type: ignore[no-untyped-def]
    """Count one up and give the number before, whichever thread comes first."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(counter)(context, builder, arguments[0])
        one = ir.Constant(context.get_value_type(counter.dtype), 1)
        return builder.atomic_rmw("add", array.data, one, "monotonic")

    return counter.dtype(counter), generate


def run_parts(
    parallel: Any, kernel: Any, edges: Any, owned: tuple[Any, ...], *arguments: Any
) -> None:
    """Call a kernel for all parts, on all threads.

    `parallel` is called for all parts, or `kernel` for each in turn: a single thread does not wake
    the others, which takes long on a busy machine. `edges` (n_parts + 1,) are the limits of the
    parts, and `owned` arrays (n_threads, ...) of which each thread has one item for itself; both
    kernels also get the other arguments.
    """
    if len(owned[0]) > 1:
        with _IN_TURN:
            parallel(np.zeros(1, np.int64), edges, *owned, *arguments)
        return
    for part, frames in enumerate(pairwise(edges)):
        kernel((part, *frames), *(memory[0] for memory in owned), *arguments)


def read_only(x: Any) -> Any:
    """View any matrix as read-only, in C order: kernels are compiled for that alone.

    Copied only if it is in another order.
    """
    x = np.ascontiguousarray(x).view()
    x.flags.writeable = False
    return x
