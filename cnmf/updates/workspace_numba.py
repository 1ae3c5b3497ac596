"""Threads of the fused updates, and the memory that they keep from step to step."""

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

# A process that was forked has to do with one thread: OpenMP ends a child that uses its threads.
_FORKED: list[bool] = []
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=lambda: _FORKED.append(True))


@dataclass(frozen=True)
class Workspace:
    """Threads that share the work, and memory that is asked for once and not in every step.

    Attributes
    ----------
    n_threads : int
        Number of threads.
    buffers : dict
        What `buffer` has made.
    """

    n_threads: int = 1
    buffers: dict[Any, Any] = field(default_factory=dict)

    def buffer(self, what: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """Give memory in whole vectors, the same each time; what is in it is left from before.

        Parameters
        ----------
        what : str
            What it is for.
        shape : tuple of int
            Shape, to be padded as `aligned` does.
        dtype : dtype
            Of the numbers.

        Returns
        -------
        ndarray
            Memory; zero the first time, and in the padding always unless somebody fills it.
        """
        key = what, shape, np.dtype(dtype)
        if key not in self.buffers:
            self.buffers[key] = aligned(shape, dtype)
        return self.buffers[key]

    def padded_copy(self, what: str, matrix: Any) -> Any:
        """Copy a matrix into whole vectors, read-only: kernels are compiled for that alone.

        Parameters
        ----------
        what : str
            What it is.
        matrix : ndarray of shape (n, m)
            In any order.

        Returns
        -------
        ndarray of shape (n, at least m)
            Copy, padded with zeros.
        """
        copy = self.buffer(what, matrix.shape, matrix.dtype)[: len(matrix)]
        copy[:, : matrix.shape[1]] = matrix
        return read_only(copy)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Take the threads that the updates share their work between.

    As many as Numba uses (`numba.set_num_threads`, the variable NUMBA_NUM_THREADS), each with BLAS
    to itself; one in a forked process.

    Yields
    ------
    workspace : Workspace
        To be handed to the updates.
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

    One thread alone does not wake the others: on a machine that is busy that takes long.

    Parameters
    ----------
    parallel, kernel : callable
        For all parts, and for one.
    edges : ndarray of int, shape (n_parts + 1,)
        Where the parts begin and end.
    owned : tuple of ndarray of shape (n_threads, ...)
        Memory of which each thread has one item for itself.
    *arguments : object
        What both are called with beside.
    """
    if len(owned[0]) > 1:
        with _IN_TURN:
            parallel(np.zeros(1, np.int64), edges, *owned, *arguments)
        return
    for part, frames in enumerate(pairwise(edges)):
        kernel((part, *frames), *(memory[0] for memory in owned), *arguments)


def read_only(x: Any) -> Any:
    """Give a read-only view: kernels are compiled for that alone, whatever users give.

    Parameters
    ----------
    x : ndarray
        Any matrix.

    Returns
    -------
    ndarray
        In C order; copied only if it was not.
    """
    x = np.ascontiguousarray(x).view()
    x.flags.writeable = False
    return x
