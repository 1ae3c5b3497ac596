import numpy as np
import pytest

from cocktailparty.live.buffer import Grid, SteadyClock


@pytest.mark.parametrize("ppm", [0, 50, -1000])
def test_a_clock_that_is_off_is_followed_for_half_an_hour(ppm):
    rate, true = 128, 128 * (1 + ppm * 1e-6)
    rng = np.random.default_rng(0)
    times = 5000 + np.arange(round(1800 * rate)) / true
    jittered = times + rng.uniform(-0.002, 0.002, len(times))
    kept, gaps, found = SteadyClock(rate).push(jittered)
    assert kept.all()
    assert not gaps.any()
    assert np.abs(found - times)[128:].max() <= 0.003
    assert (np.diff(found) > 0).all()


def test_exact_stamps_stay_exact_in_pieces_of_any_size():
    times = 700.25 + np.arange(1000) / 512
    whole = SteadyClock(512).push(times)[2]
    np.testing.assert_allclose(whole, times, atol=1e-10)
    clock = SteadyClock(512)
    parts = [clock.push(part)[2] for part in np.split(times, [1, 7, 7, 600])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_clock_that_is_set_back_is_refused_until_it_has_caught_up():
    times = np.r_[100 + np.arange(1000) / 100, 109 + np.arange(1000) / 100]
    kept, gaps, found = SteadyClock(100).push(times)
    assert 1000 <= np.flatnonzero(~kept).min() < np.flatnonzero(~kept).max() < 1100
    assert (~kept).sum() > 95
    assert not gaps.any()
    np.testing.assert_allclose(found, times[kept], atol=0.02)


def test_a_grid_marks_what_is_lost_and_forgets():
    grid = Grid(1)
    grid.put(5, np.ones((3, 1)))
    grid.put(10, np.ones((2, 1)))
    grid.put(11, 2 * np.ones((3, 1)))
    rows, lost = grid.get(6, 14)
    np.testing.assert_array_equal(rows[:, 0], [1, 1, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(np.flatnonzero(lost), [2, 3])
    grid.forget(10)
    other = Grid(1)
    other.restore(grid.state())
    np.testing.assert_array_equal(other.get(10, 14)[0][:, 0], [1, 1, 2, 2])
    assert (other.first, other.stop) == (5, 14)
