import threading
from concurrent.futures import Future

import pytest

from deep.data.prefetching import prefetched


def test_results_come_in_order_and_are_made_ahead_but_not_too_far():
    started, third = [], threading.Event()

    def load(i):
        started.append(i)
        if i == 2:
            third.set()
        return i * i

    results = prefetched(load, range(10), ahead=2)
    assert next(results) == 0
    assert third.wait(60)  # while nobody asks for it
    assert max(started) <= 2
    assert list(results) == [i * i for i in range(1, 10)]


def test_errors_reach_the_user():
    def load(i):
        if i == 3:
            raise OSError("disk is gone")
        return i

    results = prefetched(load, range(9))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="disk is gone"):
        next(results)


def test_what_nobody_wants_any_more_is_not_begun(monkeypatch):
    begun, second, release = [], threading.Event(), threading.Event()
    called_off = []

    def load(i):
        begun.append(i)
        if i == 1:
            second.set()
            release.wait(60)
        return i

    def cancel(future):
        called_off.append(honest(future))
        if len(called_off) == 2:  # only now may the one that is at work come to its end
            release.set()
        return called_off[-1]

    honest = Future.cancel
    monkeypatch.setattr(Future, "cancel", cancel)
    results = prefetched(load, range(9), ahead=2)
    assert next(results) == 0
    assert second.wait(60)
    results.close()
    assert called_off == [False, True]
    assert begun == [0, 1]


def test_the_thread_ends_when_nobody_wants_more():
    # Threads of others may begin and end meanwhile.
    before = set(threading.enumerate())
    results = prefetched(abs, range(100))
    next(results)
    (own,) = (t for t in set(threading.enumerate()) - before if t.name.startswith("prefetch"))
    results.close()
    assert not own.is_alive()
