"""Results that the folds of one command share.

Folds train on nearly the same trials, and several decoders on the same ones: what depends on a
single trial is computed once, while `reusing` is open. Nothing is kept beyond that.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

__all__ = ["KEPT_BYTES", "reused", "reusing"]

#: Up to this many bytes of results are kept; what comes later is computed every time.
KEPT_BYTES = 2**28

Result = TypeVar("Result")


class _Results:
    """Results by the memory that they were computed from, which they keep alive."""

    def __init__(self) -> None:
        self.by_key: dict[Hashable, tuple[Sequence[np.ndarray], Any]] = {}
        self.free = KEPT_BYTES


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
    token = _results.set(_Results())
    try:
        yield
    finally:
        _results.reset(token)


def reused(
    arrays: Sequence[Any], settings: Hashable, n_bytes: int, make: Callable[[], Result]
) -> Result:
    """Compute a result once for the same memory and settings.

    Parameters
    ----------
    arrays : sequence of arrays
        What the result is computed from. They are compared by where they lie in memory, not by
        content; results of arrays that are not NumPy's are never kept.
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
        return results.by_key[key][1]
    result = make()
    if n_bytes <= results.free:
        results.free -= n_bytes
        # With the arrays: as long as they live, no other array can lie in their place.
        results.by_key[key] = (arrays, result)
    return result


def _place(a: np.ndarray) -> Hashable:
    return a.__array_interface__["data"][0], a.shape, a.strides, a.dtype.str
