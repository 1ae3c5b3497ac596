"""Results that the folds of one command share.

Folds train on nearly the same trials, and several decoders on the same ones: what depends on a
single trial is computed once, while `reusing` is open. Nothing is kept beyond that.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import ref

import numpy as np

__all__ = ["KEPT_BYTES", "reused", "reusing"]

#: Up to this many bytes of results are kept; what comes later is computed every time.
KEPT_BYTES = 2**28

Result = TypeVar("Result")


class _Results:
    """Results by the place in memory that they were computed from, as long as that is in use."""

    def __init__(self) -> None:
        self.by_key: dict[Hashable, tuple[Any, list[ref[np.ndarray]]]] = {}
        self.free = KEPT_BYTES

    def keep(self, key: Hashable, arrays: Sequence[np.ndarray], result: Any, n_bytes: int) -> None:
        """Keep a result until the memory of one of its arrays is freed, to be used for others."""
        if n_bytes > self.free:
            return

        def forget(_: ref[np.ndarray]) -> None:
            if self.by_key.pop(key, None) is not None:
                self.free += n_bytes

        self.free -= n_bytes
        self.by_key[key] = (result, [ref(_owner(a), forget) for a in arrays])


_results: ContextVar[_Results | None] = ContextVar("results", default=None)


@contextmanager
def reusing() -> Iterator[None]:
    """Let `reused` keep results until the block ends; nothing may write to their arrays so long.

    Blocks inside others share the results of the outermost. Other threads and processes have
    results of their own.
    """
    if _results.get() is not None:
        yield
        return
    results = _Results()
    token = _results.set(results)
    try:
        yield
    finally:
        _results.reset(token)
        results.by_key.clear()


def reused(
    arrays: Sequence[Any], settings: Hashable, n_bytes: int, make: Callable[[], Result]
) -> Result:
    """Compute a result once for the same memory and settings.

    Parameters
    ----------
    arrays : sequence of arrays
        What the result is computed from. They are compared by where they lie in memory, not by
        content, and results go when that memory is freed; those of arrays that are not NumPy's are
        never kept.
    settings : hashable
        All else that the result depends on, the name of the computation included.
    n_bytes : int
        Size of the result.
    make : callable
        Computes the result, which nobody may change.

    Returns
    -------
    result : object
        The result, of this or of an earlier call.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(4.0)
    >>> with reusing():
    ...     first = reused([x], "sum", 8, x.sum)
    ...     second = reused([x[:]], "sum", 8, x.sum)
    >>> first is second
    True
    """
    results = _results.get()
    if results is None or not all(isinstance(a, np.ndarray) for a in arrays):
        return make()
    key = (settings, *(_place(a) for a in arrays))
    if key in results.by_key:
        return results.by_key[key][0]
    result = make()
    results.keep(key, arrays, result, n_bytes)
    return result


def _place(a: np.ndarray) -> Hashable:
    return a.__array_interface__["data"][0], a.shape, a.strides, a.dtype.str


def _owner(a: np.ndarray) -> np.ndarray:
    """Array that holds the memory that another one looks at."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a
