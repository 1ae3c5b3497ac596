import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from cocktailparty.search import search
from cocktailparty.search.jobs import LocalJobs, WorkersLostError
from tests.cocktailparty.search.tiny import Skilled, by_skill, some_trials

ROOT = Path(__file__).parents[3]


def add(shared, job):
    return shared + job


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_job_gives_one_result(n_jobs):
    with LocalJobs(10, n_jobs) as runner:
        assert runner.width == (1 if n_jobs == 1 else 4)
        for jobs in ([1, 2, 3], [4], []):
            assert dict(runner.run(add, jobs)) == {i: 10 + job for i, job in enumerate(jobs)}


def test_jobs_that_always_kill_their_worker_are_given_up(monkeypatch):
    started = []

    def dead(calls):
        started.append(len(list(calls)))
        raise BrokenProcessPool("gone")

    monkeypatch.setattr(LocalJobs, "_started", lambda self: dead)
    with LocalJobs(0, 2) as runner, pytest.raises(WorkersLostError, match="died 3 times in a row"):
        list(runner.run(add, [1, 2]))
    assert started == [2, 2, 2]


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its two workers."""
    distributed = pytest.importorskip(
        "distributed", reason="Dask missing: pip install 'cocktailparty[search]'"
    )
    started = []
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DASK_CONFIG": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }

    def start(command, *arguments):
        run = [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments]
        log = (tmp_path / f"{command}-{len(started)}.log").open("w")
        with log:
            started.append(
                subprocess.Popen(run, stdout=log, stderr=log, env=environment, cwd=tmp_path)
            )
        return started[-1]

    contact = str(tmp_path / "scheduler.json")
    quiet = ["--host", "127.0.0.1", "--no-dashboard"]
    start("scheduler", "--port", "0", "--scheduler-file", contact, *quiet)
    options = ["--scheduler-file", contact, *quiet, "--no-nanny", "--nthreads", "1"]
    workers = [start("worker", *options) for _ in range(2)]
    # A busy machine may take minutes to start three programs.
    with distributed.Client(scheduler_file=contact, timeout=600, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=600)
        address = client.scheduler.address
    yield address, workers
    for process in started:
        process.kill()
        process.wait()


def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(cluster, tmp_path):
    address, workers = cluster
    mark = tmp_path / "died"
    # In the middle of the second of four trials.
    decoder = Skilled(dies_at=str(mark), dies_after=7)
    result = search(decoder, some_trials(), by_skill, n_trials=4, min_folds=99, dask=address)
    assert mark.exists()
    while all(worker.poll() is None for worker in workers):
        time.sleep(0.01)  # a connection ends before its process does
    assert sorted(worker.poll() or 0 for worker in workers) == [-signal.SIGKILL, 0]
    table = result.table
    assert list(table["state"]) == ["complete"] * 4
    assert set(table["n_folds"]) == {5}
    # The fold that was lost was computed again, and so perhaps were those that only it had.
    assert mark.with_suffix(".calls").stat().st_size > 4 * 5
