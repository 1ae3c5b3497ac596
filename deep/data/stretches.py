"""Training trials cut so that parts of them can be held out without holding out a sound twice."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# So many parts are wanted, of which one is held out at a time.
N_PARTS = 5


class Stretch(NamedTuple):
    """A piece of a trial.

    Attributes
    ----------
    trial : int
        Index of the trial.
    start, stop : int
        First sample, and first one after the end.
    part : int
        Number of the part of the data that it belongs to.
    """

    trial: int
    start: int
    stop: int
    part: int


def cut(
    lengths: Sequence[int], places: Sequence[tuple[int, int]], shortest: int, n_parts: int = N_PARTS
) -> list[Stretch]:
    """Cut trials into stretches of several parts, of which no two share a sound.

    Where there are enough sounds, whole sounds make up a part, and trials stay whole. Otherwise
    the time axis of each sound is cut at the same moments for all trials in which it plays.

    Parameters
    ----------
    lengths : sequence of int
        Lengths of the trials in samples.
    places : sequence of (int, int)
        Which sound is attended in each and where that begins, see
        `cocktailparty.model_selection.SoundIndex.places`.
    shortest : int
        No stretch is cut shorter than this; what is left over is dropped.
    n_parts : int
        Number of parts, as far as the sounds can be cut into so many.

    Returns
    -------
    stretches : list of Stretch
        In the order of the trials.

    Examples
    --------
    Two trials with one sound, of which the second begins a bit later:

    >>> for stretch in cut([100, 90], [(0, 0), (0, 10)], shortest=30, n_parts=2):
    ...     print(*stretch)
    0 0 50 1
    0 50 100 0
    1 0 40 1
    1 40 90 0
    """
    spans: dict[int, tuple[int, int]] = {}
    for n, (sound, offset) in zip(lengths, places, strict=True):
        first, last = spans.get(sound, (offset, offset + n))
        spans[sound] = (min(first, offset), max(last, offset + n))
    n_pieces = -(-n_parts // len(spans))
    bounds: dict[int, np.ndarray] = {}
    for sound, (first, last) in spans.items():
        own = max(min(n_pieces, (last - first) // max(shortest, 1)), 1)
        bounds[sound] = np.linspace(first, last, own + 1).round().astype(int)
    pieces: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for i, (n, (sound, offset)) in enumerate(zip(lengths, places, strict=True)):
        for k, (first, last) in enumerate(zip(bounds[sound], bounds[sound][1:], strict=False)):
            start, stop = max(int(first) - offset, 0), min(int(last) - offset, n)
            if stop - start >= min(shortest, n):
                pieces.setdefault((sound, k), []).append((i, start, stop))
    # The longest go first, each to the part that has least: parts of about one size.
    weights = np.zeros(min(n_parts, len(pieces)))
    found = []
    size = {key: sum(stop - start for _, start, stop in own) for key, own in pieces.items()}
    for key in sorted(pieces, key=lambda key: (-size[key], key)):
        part = int(np.argmin(weights))
        weights[part] += size[key]
        found += [Stretch(*piece, part) for piece in pieces[key]]
    return sorted(found)
