import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from cocktailparty.search import search
from cocktailparty.search.jobs import LocalJobs, WorkersLostError
from tests.cocktailparty.search.tiny import by_skill, slow, some_trials

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
    """Address of a scheduler, its two workers, and a function that starts another one."""
    pytest.importorskip("distributed", reason="Dask missing: pip install 'cocktailparty[search]'")
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

    contact = tmp_path / "scheduler.json"
    start(
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(contact),
    )
    options = ["--no-dashboard", "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1"]
    workers = [start("worker", "--scheduler-file", str(contact), *options) for _ in range(2)]
    deadline = time.monotonic() + 60
    while not contact.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield json.loads(contact.read_text())["address"], workers
    for process in started:
        process.kill()
        process.wait()


def n_folds_so_far(study):
    """Count folds in the study's file, without waiting for its writer."""
    try:
        with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as database:
            (count,) = database.execute("SELECT count(*) FROM trial_intermediate_values").fetchone()
    except sqlite3.Error:
        return 0
    return count


def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(cluster, tmp_path):
    address, workers = cluster
    out = tmp_path / "out"
    before = []

    def kill_one():
        deadline = time.monotonic() + 30
        while n_folds_so_far(out / "study.db") < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        before.append(n_folds_so_far(out / "study.db"))
        workers[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    result = search(
        slow(64), some_trials(), by_skill, n_trials=6, min_folds=99, dask=address, out=out
    )
    killer.join()
    assert workers[0].wait(10) == -signal.SIGKILL
    assert workers[1].poll() is None
    table = result.table
    assert list(table["state"]) == ["complete"] * 6
    assert set(table["n_folds"]) == {5}
    # It was killed in the middle.
    assert 4 <= before[0] < 6 * 5
