import threading

import pytest

from deep.prefetching import prefetched


def test_results_come_in_order_and_are_made_ahead_but_not_too_far():
    started, third = [], threading.Event()

    def load(i):
        started.append(i)
        if i == 2:
            third.set()
        return i * i

    results = prefetched(load, range(10), ahead=2)
    assert next(results) == 0
    assert third.wait(5)  # while nobody asks for it
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


def test_what_nobody_wants_any_more_is_not_begun():
    started, release = [], threading.Event()

    def load(i):
        started.append(i)
        return release.wait(5) if i == 1 else i

    results = prefetched(load, range(9), ahead=2)
    assert next(results) == 0
    threading.Timer(0.1, release.set).start()
    results.close()
    assert 2 not in started


def test_the_thread_ends_when_nobody_wants_more():
    before = threading.active_count()
    results = prefetched(abs, range(100))
    next(results)
    assert threading.active_count() == before + 1
    results.close()
    assert threading.active_count() == before
