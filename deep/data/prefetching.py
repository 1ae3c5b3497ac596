"""Preparation of the next batches while the device computes."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    load: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Yield results of a function in order, computed in one thread at most `ahead` items ahead.

    `ahead` bounds the memory; what `load` raises is raised here.

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
