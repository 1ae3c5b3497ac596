"""Preparing the next batches while the device computes."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    load: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Apply a function in a thread, a few items ahead of their use.

    Parameters
    ----------
    load : callable
        Called in one thread, with one item after the other; what it raises is raised here.
    items : iterable
        Its arguments.
    ahead : int
        How many results may wait, which bounds the memory.

    Yields
    ------
    result : object
        Results in the order of the items.

    Examples
    --------
    >>> list(prefetched(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(load, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
