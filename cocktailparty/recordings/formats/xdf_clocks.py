"""Times of samples in a stream of LSL: clocks brought together, jitter removed, losses found."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

# Clock offsets are measured every few seconds, to a fraction of a millisecond in a wired network;
# a smaller jump than this, in seconds, is taken as such noise.
_OFFSET_NOISE = 0.01
# Seconds over which the place of samples is compared before and after a suspected loss.
_NEIGHBOURHOOD = 1.0
# A line is fitted to segments that last this many seconds; shorter ones take the overall rate.
_FITTED = 10.0
# Stamps that are further from the line than this many standard deviations of the jitter are late.
_AWAY, _ROUNDS = 8.0, 5
# Offsets that a robust line is fitted to: its cost grows with the square of their number.
_MAX_OFFSETS = 1000


class Segment(NamedTuple):
    """Samples without a loss between them.

    `first` is their first sample and `stop` the one after the last, `start` the time of the first
    and `interval` the distance of two, in seconds.
    """

    first: int
    stop: int
    start: float
    interval: float


def synchronise(
    stamps: np.ndarray, times: Sequence[float], offsets: Sequence[float], interval: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Bring time stamps from the clock of the sender to that of the recorder.

    A robust line through the measured offsets follows the drift of the clocks. Where the offset
    jumps, as when the sender was restarted, each side has a line of its own. `stamps`,
    (n_samples,), are in seconds as they were recorded; `offsets` were measured at `times` by the
    clock of the sender, and have to be added; `interval` is the nominal distance of samples in
    seconds, 0 for events. Returns the stamps by the clock of the recorder and, as bool of the same
    shape, the samples near a jump whose moment cannot be told.
    """
    measured, values = np.asarray(times, dtype=float), np.asarray(offsets, dtype=float)
    unknown = np.zeros(len(stamps), dtype=bool)
    if not len(measured) or not len(stamps):
        return stamps.astype(float), unknown
    jumps = _offset_jumps(measured, values)
    bounds = [0]
    for i in jumps:
        first, last = _between(stamps, bounds[-1], measured[i], measured[i + 1])
        jump = values[i + 1] - values[i]
        place = _place_of_jump(stamps, first, last, jump, interval)
        if place is None:
            unknown[first:last] = True
            place = (first + last) // 2
        bounds.append(place)
    bounds.append(len(stamps))
    ends = [0, *(i + 1 for i in jumps), len(values)]
    corrected = np.empty(len(stamps))
    for k in range(len(bounds) - 1):
        segment = slice(bounds[k], bounds[k + 1])
        fitted = slice(ends[k], ends[k + 1])
        corrected[segment] = stamps[segment] + _line(
            measured[fitted], values[fitted], stamps[segment]
        )
    return corrected, unknown


def linear_segments(stamps: np.ndarray, interval: float) -> list[Segment]:
    """Divide samples where some were lost, and remove the jitter in each segment by a line.

    A loss is a step of the time stamps that lasts: late deliveries are followed by early ones, a
    loss is not. One line through all of a recording would spread a loss of some seconds over it.
    `stamps`, (n_samples,), are in seconds by one clock, `interval` is the nominal distance of
    samples in seconds.
    """
    n_near = max(2, round(_NEIGHBOURHOOD / interval))
    if len(stamps) > 2 * n_near:
        interval = float(np.median(stamps[n_near:] - stamps[:-n_near])) / n_near
    bounds = [0, *_losses(stamps, interval, n_near), len(stamps)]
    segments = []
    for first, stop in pairwise(bounds):
        start, slope = _regular(stamps[first:stop], interval)
        segments.append(Segment(first, stop, start, slope))
    return segments


def _regular(stamps: np.ndarray, interval: float) -> tuple[float, float]:
    """Time of the first sample, and seconds between samples, by the stamps that agree with most.

    Samples that waited, in a driver or on the way, have late stamps: however late, they say nothing
    about the clock.
    """
    index = np.arange(len(stamps))
    kept = np.ones(len(stamps), dtype=bool)
    for _ in range(_ROUNDS):
        slope = interval
        if len(stamps) * interval >= _FITTED:
            slope = float(np.polyfit(index[kept] - index.mean(), stamps[kept], 1)[0])
        places = stamps - slope * index
        start = float(np.mean(places[kept]))
        away = np.abs(places - np.median(places))
        agree = away <= max(_AWAY * 1.48 * float(np.median(away)), interval)
        if np.array_equal(agree, kept):
            break
        kept = agree
    return start, slope


def _offset_jumps(times: np.ndarray, offsets: np.ndarray) -> list[int]:
    """Find the measurements after which the offset jumps, and stays so."""
    steps = np.diff(offsets)
    if not len(steps):
        return []
    drift = np.median(steps)
    noise = 1.48 * np.median(np.abs(steps - drift))
    threshold = max(_OFFSET_NOISE, 10 * noise)
    jumps = []
    for i in np.flatnonzero((np.abs(steps - drift) > threshold) | (np.diff(times) < 0)):
        before, after = offsets[max(0, i - 4) : i + 1], offsets[i + 1 : i + 6]
        if len(offsets) > 3 and min(len(before), len(after)) < 2 and times[i + 1] > times[i]:
            continue  # a single deviating measurement at an end
        if abs(np.median(after) - np.median(before) - 5 * drift) > threshold:
            jumps.append(int(i))
    # Beside a jump, the medians of both sides see it, too.
    return [
        i for i in jumps if abs(steps[i]) >= max(abs(steps[j]) for j in jumps if abs(j - i) < 3)
    ]


def _between(stamps: np.ndarray, first: int, before: float, after: float) -> tuple[int, int]:
    """Find samples between two measurements; stamps fall where a clock was set back."""
    falls = first + 1 + np.flatnonzero(np.diff(stamps[first:]) < 0)
    if after < before and len(falls):
        return int(falls[0]), int(falls[0])
    start = first + int(np.searchsorted(stamps[first:], before))
    return start, max(start, first + int(np.searchsorted(stamps[first:], after)))


def _place_of_jump(
    stamps: np.ndarray, first: int, last: int, jump: float, interval: float
) -> int | None:
    """Find the sample before which the clock of the sender jumped, by its time stamps."""
    if first == last or not interval:
        return (first + last) // 2
    steps = np.diff(stamps[max(0, first - 1) : last + 1]) - interval
    likely = int(np.argmin(np.abs(steps + jump)))
    if abs(steps[likely] + jump) > 0.1 * abs(jump):
        # Samples were lost at the jump as well: stamps step by the time of the loss and by it.
        lost = np.where(steps + jump > 0, np.abs(steps), 0.0)
        likely = int(np.argmax(lost))
        if lost[likely] < max(1.5 * interval, 10 * float(np.median(np.abs(steps)))):
            return None
    return max(0, first - 1) + likely + 1


def _line(times: np.ndarray, offsets: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    from scipy.stats import theilslopes

    if len(times) < 3:
        return np.full(len(stamps), np.median(offsets))
    chosen = np.unique(np.linspace(0, len(times) - 1, _MAX_OFFSETS).round().astype(int))
    centre = times.mean()
    slope = float(theilslopes(offsets[chosen], times[chosen] - centre)[0])
    intercept = np.median(offsets - slope * (times - centre))
    line: np.ndarray = intercept + slope * (stamps - centre)
    return line


def _losses(stamps: np.ndarray, interval: float, n_near: int) -> list[int]:
    """Find the samples before which others were lost."""
    place = stamps - interval * np.arange(len(stamps))
    n_blocks = len(place) // n_near
    jitter = 0.0
    if n_blocks:
        blocks = place[: n_blocks * n_near].reshape(n_blocks, n_near)
        jitter = 1.48 * float(np.median(np.abs(blocks - np.median(blocks, axis=1)[:, None])))
    threshold = max(1.5 * interval, 4 * jitter)
    steps = np.diff(place)
    losses: list[int] = []
    for i in np.argsort(-np.abs(steps)):
        if abs(steps[i]) <= threshold:
            break
        edges = sorted([0, *losses, len(place)])
        left = max(edge for edge in edges if edge <= i)
        right = min(edge for edge in edges if edge > i)
        before = place[max(left, i + 1 - n_near) : i + 1]
        after = place[i + 1 : min(right, i + 1 + n_near)]
        # A few late samples next to an end or another loss may look like one.
        sparse = min(len(before), len(after)) < n_near // 4
        if abs(np.median(after) - np.median(before)) > threshold * (4 if sparse else 1):
            losses.append(int(i) + 1)
    return sorted(losses)
