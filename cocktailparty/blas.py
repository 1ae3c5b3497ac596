"""BLAS on one thread, except for factorisations that are large enough to gain from more.

OpenBLAS splits a matrix among threads that wait for each other without sleeping. Where another
program wants one of the cores, all of them wait for the one that lost its turn: a Cholesky factor
of 256 unknowns then takes a hundred times longer on two threads than on one, and a comparison of
decoders minutes instead of half a minute. `benchmarks/speed/blas_threads.py` measures it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

#: Unknowns above which a Cholesky factor gets all threads of BLAS. Below, two threads took up to
#: 980 times longer than one where other programs kept both cores busy; here they took 2.2 times as
#: long at worst, and can at best halve the time of free cores. Eigendecompositions never gain.
WIDE_FROM = 4096


class BlasThreads:
    """Number of threads of all BLAS libraries in this process, requested by several callers.

    The number belongs to the process, not to one of its threads. So callers are counted
    (`n_narrow` that ask for one thread, `n_wide` for all): the first takes the threads away, the
    last gives back as many as there were, in whatever order they come and go.
    """

    def __init__(self) -> None:
        self.n_narrow = self.n_wide = 0
        self._lock = Lock()
        self._process = os.getpid()
        self._libraries: list[Any] | None = None
        # Threads of each library before they were taken away; empty where they were not.
        self._before: list[int] = []

    @contextmanager
    def counted(self, narrow: int, wide: int) -> Iterator[None]:
        """Count a caller while it is inside, 1 for what it asks for and 0 for the other.

        BLAS has one thread if somebody asks for `narrow` and nobody for `wide`.
        """
        process = self._process
        self._count(narrow, wide)
        try:
            yield
        finally:
            # A caller that came in before the process was forked is not counted in the child.
            if process == self._process:
                self._count(-narrow, -wide)

    def _count(self, narrow: int, wide: int) -> None:
        with self._lock:
            self.n_narrow += narrow
            self.n_wide += wide
            limited = self.n_narrow > 0 and self.n_wide == 0
            if limited and not self._before:
                self._before = [library.get_num_threads() or 1 for library in self.libraries()]
                for library in self.libraries():
                    library.set_num_threads(1)
            elif not limited and self._before:
                for library, number in zip(self.libraries(), self._before, strict=True):
                    library.set_num_threads(number)
                self._before = []

    def libraries(self) -> list[Any]:
        """List the BLAS libraries of NumPy and SciPy, as controllers of threadpoolctl.

        Looked up once: a search through all that is loaded takes milliseconds.
        """
        if self._libraries is None:
            import numpy.linalg  # noqa: F401
            import scipy.linalg  # noqa: F401
            from threadpoolctl import ThreadpoolController

            controllers = ThreadpoolController().select(user_api="blas")
            self._libraries = list(controllers.lib_controllers)
        return self._libraries

    def forked(self) -> None:
        """Start anew in a forked process, where the callers of its parent will never leave."""
        self._lock, self._process = Lock(), os.getpid()
        self.n_narrow = self.n_wide = 0
        self._count(0, 0)


_THREADS = BlasThreads()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_THREADS.forked)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Give BLAS one thread, except for factorisations of `WIDE_FROM` unknowns and more.

    For whole fits and predictions: entering it takes microseconds, and within another it only
    counts. All threads of the process are affected; the former number comes back when the last
    caller has left. Also a decorator.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.ones((2, 2)) @ np.ones((2, 2))
    """
    with _THREADS.counted(1, 0):
        yield


@contextmanager
def factorising(n: int) -> Iterator[None]:
    """Give BLAS its threads back while a matrix of `n` unknowns is factorised by Cholesky's method.

    Nothing changes below `WIDE_FROM`, nor outside of `one_blas_thread`, where BLAS has its threads
    anyway.
    """
    if n < WIDE_FROM:
        yield
    else:
        with _THREADS.counted(0, 1):
            yield
