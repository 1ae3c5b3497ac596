import numpy as np
import pytest

from cocktailparty.recordings.formats.xdf_clocks import linear_segments, synchronise

INTERVAL = 1 / 100


def test_offsets_of_drifting_clocks_are_followed(rng):
    stamps = 1000 + INTERVAL * np.arange(6000)
    times = np.arange(1000, 1060, 5.0)
    offsets = 3 + 1e-4 * (times - 1000) + rng.normal(scale=1e-5, size=len(times))
    found, unknown = synchronise(stamps, times, offsets, INTERVAL)
    np.testing.assert_allclose(found, stamps + 3 + 1e-4 * (stamps - 1000), atol=1e-4)
    assert not unknown.any()


def test_one_wild_offset_moves_nothing():
    stamps, times = INTERVAL * np.arange(6000), np.arange(0, 60, 5.0)
    offsets = np.full(len(times), 2.0)
    offsets[6] += 0.5
    np.testing.assert_allclose(synchronise(stamps, times, offsets, INTERVAL)[0], stamps + 2)


def test_a_sender_that_was_restarted_has_two_lines():
    true = INTERVAL * np.arange(6000)
    late = np.arange(6000) >= 3217
    times = np.arange(0, 60, 5.0)
    times, offsets = times - 7.0 * (times > 32.17), np.where(times > 32.17, 7.0, 0.0)
    found, unknown = synchronise(true - 7.0 * late, times, offsets, INTERVAL)
    np.testing.assert_allclose(found[~unknown], true[~unknown], atol=1e-9)
    assert unknown.sum() < 10


def test_without_offsets_stamps_stay():
    found, unknown = synchronise(np.arange(5), [], [])
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert not unknown.any()


@pytest.mark.parametrize("lost", [2, 20, 300])
def test_a_loss_is_a_hole_and_jitter_is_none(rng, lost):
    true = INTERVAL * np.concatenate([np.arange(2500), np.arange(2500 + lost, 6000)])
    jitter = rng.normal(scale=0.05 * INTERVAL, size=len(true))
    found = linear_segments(true + jitter, INTERVAL)
    assert [(part.first, part.stop) for part in found] == [(0, 2500), (2500, len(true))]
    for part in found:
        placed = part.start + part.interval * np.arange(part.stop - part.first)
        np.testing.assert_allclose(placed, true[part.first : part.stop], atol=0.02 * INTERVAL)


def test_samples_that_waited_are_no_loss(rng):
    true = INTERVAL * np.arange(6000)
    stamps = true + rng.normal(scale=0.05 * INTERVAL, size=len(true))
    stamps[3000:3040] = true[3039]
    (found,) = linear_segments(stamps, INTERVAL)
    placed = found.start + found.interval * np.arange(6000)
    np.testing.assert_allclose(placed, true, atol=0.1 * INTERVAL)
