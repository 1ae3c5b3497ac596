"""Training trials cut so that folds of them can be held out without holding out a sound twice."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# So many folds are wanted, of which one is held out at a time.
N_FOLDS = 5


class TrialSegment(NamedTuple):
    """A piece of a trial.

    Attributes
    ----------
    trial : int
        Index of the trial.
    start, stop : int
        First sample, and first one after the end.
    fold : int
        Number of the fold of the data that it belongs to.
    """

    trial: int
    start: int
    stop: int
    fold: int


def cut(
    lengths: Sequence[int], places: Sequence[tuple[int, int]], shortest: int, n_folds: int = N_FOLDS
) -> list[TrialSegment]:
    """Cut trials into segments of several folds, of which no two share a sound.

    Where there are enough sounds, whole sounds make up a fold, and trials stay whole. Otherwise
    the time axis of each sound is cut at the same moments for all trials in which it plays.

    Parameters
    ----------
    lengths : sequence of int
        Lengths of the trials in samples.
    places : sequence of (int, int)
        Which sound is attended in each and where that begins, see
        `cocktailparty.model_selection.SoundIndex.places`.
    shortest : int
        No segment is cut shorter than this; what is left over is dropped.
    n_folds : int
        Number of folds, as far as the sounds can be cut into so many.

    Returns
    -------
    segments : list of TrialSegment
        In the order of the trials.

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
