import os
import subprocess
import sys
import threading
import time
from itertools import count
from types import SimpleNamespace

import pytest

from cocktailparty.search import StudyInUseError, search
from cocktailparty.search import claims as claims_module
from cocktailparty.search.claims import Claim, claimed
from cocktailparty.search.studies import _opened, quiet_optuna
from tests.cocktailparty.search.tiny import Skilled, by_skill, some_trials

STARTED, GO_ON = threading.Event(), threading.Event()


class Waiting(Skilled):
    """Trains when it is told to."""

    def fit(self, trials, attended=None):
        STARTED.set()
        GO_ON.wait()
        return super().fit(trials, attended)


def wait_for_start_of(thread):
    while not STARTED.wait(0.1):
        assert thread.is_alive()


@pytest.fixture
def open_again(tmp_path):
    """Open the same study once more, as another process would."""
    with quiet_optuna() as optuna:

        def opened():
            return _opened(optuna, f"sqlite:///{tmp_path / 'study.db'}", "s")

        yield opened


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(claims_module, "BEAT", 0.05)
    monkeypatch.setattr(claims_module, "SILENCE", 2.0)


def claims_in(study):
    return [v for k, v in study.user_attrs.items() if k.startswith("search ") and v]


def elsewhere(**changes):
    """Claim of a process of another machine."""
    entry = {"machine": "there", "host": "there", "pid": 1, "started": "", "beat": 1}
    return {**entry, "working": True, **changes}


def test_a_second_search_is_refused_while_the_first_one_runs(tmp_path):
    STARTED.clear(), GO_ON.clear()
    common = {"n_trials": 3, "cv": "trial", "out": tmp_path}
    found = []
    first = threading.Thread(
        target=lambda: found.append(search(Waiting(), some_trials()[:4], by_skill, **common))
    )
    first.start()
    wait_for_start_of(first)
    try:
        with pytest.raises(StudyInUseError, match=rf"searched by process {os.getpid()} on"):
            search(Waiting(), some_trials()[:4], by_skill, **common)
        # Not what belongs to another search either.
        with pytest.raises(StudyInUseError, match="choose another folder or name"):
            search(Skilled(), some_trials()[:4], by_skill, **common)
    finally:
        GO_ON.set()
        first.join()
    assert set(found[0].table["state"]) <= {"complete", "stopped early"}
    assert found[0].table["trial"].tolist() == [0, 1, 2]
    assert not claims_in(found[0].study)
    # Afterwards the study is free.
    again = search(Waiting(), some_trials()[:4], by_skill, **{**common, "n_trials": 4})
    assert len(again.table) == 4


def test_another_name_is_another_study(tmp_path):
    STARTED.clear(), GO_ON.clear()
    common = {"n_trials": 1, "cv": "trial", "storage": f"sqlite:///{tmp_path / 'all.db'}"}
    first = threading.Thread(
        target=lambda: search(Waiting(), some_trials()[:4], by_skill, name="a", **common)
    )
    first.start()
    wait_for_start_of(first)
    try:
        other = search(Skilled(), some_trials()[:4], by_skill, name="b", **common)
        assert len(other.table) == 1
    finally:
        GO_ON.set()
        first.join()


def test_errors_leave_no_claim(open_again):
    with pytest.raises(KeyError), claimed(open_again()):
        raise KeyError
    assert not claims_in(open_again())


def while_waiting(monkeypatch, act):
    """Let this happen where a claim would sleep before it looks again."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: act())
    monkeypatch.setattr(claims_module, "time", clock)


def test_a_search_that_was_killed_is_followed_at_once(open_again, monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    killed = Claim(open_again())
    killed._entry["pid"] = ended.pid
    killed._write(working=True)
    reused = Claim(open_again())
    reused._entry["started"] = "another process had this number"
    reused._write(working=True)
    assert len(claims_in(open_again())) == 2
    while_waiting(monkeypatch, lambda: pytest.fail("it waits"))
    with claimed(open_again()):
        (own,) = claims_in(open_again())
        assert own["pid"] == os.getpid()


@pytest.mark.usefixtures("quick")
def test_a_silent_search_of_another_machine_is_followed_after_a_while(open_again):
    open_again().set_user_attr("search x", elsewhere())
    start = time.monotonic()
    with claimed(open_again()):
        assert time.monotonic() - start > 2.0
        assert len(claims_in(open_again())) == 1


@pytest.mark.parametrize("working", [True, False])
def test_one_that_shows_life_is_not(open_again, monkeypatch, working):
    # Its token comes first, so that it goes on even if it has only begun.
    study, beats = open_again(), count(1)

    def live():
        study.set_user_attr("search !", elsewhere(working=working, beat=next(beats)))

    live()
    while_waiting(monkeypatch, live)
    with pytest.raises(StudyInUseError, match="process 1 on there"), claimed(open_again()):
        pass


@pytest.mark.usefixtures("quick")
def test_of_two_that_start_at_once_one_goes_on(open_again):
    for _ in range(3):
        barrier, inside, refused = threading.Barrier(2), [], []
        over = threading.Event()

        def start(study, barrier=barrier, inside=inside, refused=refused, over=over):
            barrier.wait()
            try:
                with claimed(study):
                    inside.append(study)
                    over.wait(60)
            except StudyInUseError as error:
                refused.append(error)
                over.set()

        threads = [threading.Thread(target=start, args=(open_again(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(inside) == len(refused) == 1


@pytest.mark.usefixtures("quick")
def test_a_search_that_was_taken_for_dead_stops(open_again):
    with claimed(open_again()) as claim:
        claim.check()
        open_again().set_user_attr("search x", elsewhere(working=False))
        time.sleep(0.3)
        claim.check()  # one that only begins will give way
        open_again().set_user_attr("search x", elsewhere())
        end = time.monotonic() + 20
        while not claim._lost and time.monotonic() < end:
            time.sleep(0.05)
        with pytest.raises(StudyInUseError, match="process 1 on there"):
            claim.check()
