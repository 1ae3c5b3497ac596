"""Training trials cut into folds that share no sound, so that one can be held out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# This many folds are wanted, of which one is held out at a time.
N_FOLDS = 5


class TrialSegment(NamedTuple):
    """Samples `start` to `stop` (exclusive) of a trial, and the fold that they belong to."""

    trial: int
    start: int
    stop: int
    fold: int


def cut(
    lengths: Sequence[int], places: Sequence[tuple[int, int]], shortest: int, n_folds: int = N_FOLDS
) -> list[TrialSegment]:
    """Cut trials into segments of several folds, no two of which share sound.

    Where there are enough sounds, whole sounds make up a fold, and trials stay whole. Otherwise the
    time axis of each sound is cut at the same moments for all trials in which it plays.

    `lengths` are those of the trials in samples; `places` tell which sound is attended in each and
    where it begins, see `cocktailparty.model_selection.SoundIndex.places`. No segment is cut
    shorter than `shortest` samples; what is left over is dropped. There are `n_folds` folds if the
    sounds can be cut into this many. The segments are in the order of the trials.

    Examples
    --------
    Two trials with one sound, of which the second begins a bit later:

    >>> for segment in cut([100, 90], [(0, 0), (0, 10)], shortest=30, n_folds=2):
    ...     print(*segment)
    0 0 50 1
    0 50 100 0
    1 0 40 1
    1 40 90 0
    """
    spans: dict[int, tuple[int, int]] = {}
    for n, (sound, offset) in zip(lengths, places, strict=True):
        first, last = spans.get(sound, (offset, offset + n))
        spans[sound] = (min(first, offset), max(last, offset + n))
    n_wanted = -(-n_folds // len(spans))
    bounds: dict[int, np.ndarray] = {}
    for sound, (first, last) in spans.items():
        n_spans = max(min(n_wanted, (last - first) // max(shortest, 1)), 1)
        bounds[sound] = np.linspace(first, last, n_spans + 1).round().astype(int)
    spans_of: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for i, (n, (sound, offset)) in enumerate(zip(lengths, places, strict=True)):
        for k, (first, last) in enumerate(zip(bounds[sound], bounds[sound][1:], strict=False)):
            start, stop = max(int(first) - offset, 0), min(int(last) - offset, n)
            if stop - start >= min(shortest, n):
                spans_of.setdefault((sound, k), []).append((i, start, stop))
    # The longest go first, each to the fold that has least: folds of about one size.
    weights = np.zeros(min(n_folds, len(spans_of)))
    segments = []
    size = {key: sum(stop - start for _, start, stop in spans) for key, spans in spans_of.items()}
    for key in sorted(spans_of, key=lambda key: (-size[key], key)):
        fold = int(np.argmin(weights))
        weights[fold] += size[key]
        segments += [TrialSegment(*span, fold) for span in spans_of[key]]
    return sorted(segments)
