"""Jobs that share data: computed here, in processes of this machine, or on a Dask cluster.

Results come as they are ready. A job whose worker died is computed again.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import ExitStack
from typing import Any

# A job that takes its worker down this many times is not started again.
_ATTEMPTS = 3
#: Seconds to wait for the scheduler of a cluster, and for a first worker.
PATIENCE = 30.0


class WorkersLostError(OSError):
    """Workers died again and again, or a cluster cannot be reached."""


class LocalJobs:
    """Run jobs in processes of this machine; `n_jobs` as in joblib, 1 for this one alone.

    Every job gets `shared` as its first argument. `width` is the number of jobs to hand over at a
    time that leaves no process idle for long.
    """

    def __init__(self, shared: Any, n_jobs: int = 1) -> None:
        from joblib import effective_n_jobs

        self._shared, self._n_jobs = shared, n_jobs
        n_workers = effective_n_jobs(n_jobs)
        # One after the other, each trial learns from the one before.
        self.width = 1 if n_workers == 1 else 2 * n_workers
        self._stack, self._parallel = ExitStack(), None

    def __enter__(self) -> "LocalJobs":
        """Start no process yet."""
        return self

    def __exit__(self, *details: Any) -> None:
        """Let go of the data that were laid out for the processes."""
        self._stack.close()

    def run(self, function: Callable[[Any, Any], Any], jobs: Sequence[Any]) -> Iterator[tuple]:
        """Compute ``function(shared, job)`` for every job; yield its index and the result.

        The function must be importable, so that another process finds it. WorkersLostError says
        that processes die again and again.
        """
        from joblib import delayed

        open_jobs, losses = dict(enumerate(jobs)), 0
        while open_jobs:
            try:
                yielded = self._started()(
                    delayed(_numbered)(function, self._shared, job, i)
                    for i, job in list(open_jobs.items())
                )
                for i, result in yielded:
                    del open_jobs[i]
                    losses = 0
                    yield i, result
            except BrokenExecutor as error:
                self._stack.close()
                self._parallel = None
                losses += 1
                if losses >= _ATTEMPTS:
                    raise WorkersLostError(
                        f"worker processes died {losses} times in a row, out of memory? Finished "
                        f"trials are kept; take fewer workers ({error})"
                    ) from error

    def _started(self) -> Any:
        from joblib import Parallel

        # One Parallel for many calls: the data are laid out in shared memory once.
        if self._parallel is None:
            parallel = Parallel(n_jobs=self._n_jobs, return_as="generator_unordered", batch_size=1)
            self._parallel = self._stack.enter_context(parallel)
        return self._parallel


class DaskJobs:
    """Run jobs on the workers of a Dask cluster, given the address of its scheduler.

    Every job gets `shared` as its first argument; `width` jobs at a time leave no worker idle for
    long. Joblib's own Dask backend is not used: it waits forever for a job that took down its
    worker too often, and data that it scattered are lost with the workers that held them. Here the
    data are the result of a task, which the scheduler has computed again wherever they are missing.
    """

    def __init__(self, shared: Any, address: str) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise ImportError(
                "a cluster needs Dask, which is not installed: pip install 'cocktailparty[search]'"
            ) from error
        timeout = PATIENCE
        try:
            self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError) as error:
            raise WorkersLostError(
                f"no Dask scheduler answers at {address!r} within {timeout:g} s: {error}"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=timeout)
        except OSError as error:
            self._client.close()
            raise WorkersLostError(
                f"the Dask cluster at {address!r} has no worker after {timeout:g} s"
            ) from error
        self.width = 2 * sum(self._client.nthreads().values())
        with warnings.catch_warnings():
            # The scheduler keeps the data on purpose: it outlives the workers.
            warnings.filterwarnings("ignore", message="Sending large graph")
            self._shared = self._client.submit(_itself, shared, pure=False)

    def __enter__(self) -> "DaskJobs":
        """Stay connected."""
        return self

    def __exit__(self, *details: Any) -> None:
        """Leave the cluster, which forgets what is not finished."""
        self._client.close()

    def run(self, function: Callable[[Any, Any], Any], jobs: Sequence[Any]) -> Iterator[tuple]:
        """Compute ``function(shared, job)`` for every job; yield its index and the result.

        The function must be importable on the workers. WorkersLostError says that a job takes down
        its workers again and again, or that the scheduler is gone.
        """
        from distributed import KilledWorker, as_completed

        def submit(i: int) -> Any:
            return self._client.submit(function, self._shared, jobs[i], pure=False)

        numbers = {submit(i): i for i in range(len(jobs))}
        losses = dict.fromkeys(range(len(jobs)), 0)
        pending = as_completed(list(numbers), loop=self._client.loop)
        for future in pending:
            i = numbers.pop(future)
            try:
                result = future.result()
            except (KilledWorker, CancelledError, OSError) as error:
                losses[i] += 1
                if losses[i] >= _ATTEMPTS:
                    raise WorkersLostError(
                        "a job lost its Dask workers again and again. Finished trials are kept; "
                        f"the same search goes on from there ({error})"
                    ) from error
                again = submit(i)
                numbers[again] = i
                pending.add(again)
            else:
                yield i, result


def _numbered(function: Callable, shared: Any, job: Any, i: int) -> tuple[int, Any]:
    return i, function(shared, job)


def _itself(shared: Any) -> Any:
    return shared
