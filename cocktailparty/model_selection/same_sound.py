"""Index of features that tells where one sound occurs in another."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from cocktailparty.model_selection.excerpts import Track, search


class SoundIndex:
    r"""Finds sounds that occur in one another, feature by feature, and remembers what it found.

    Excerpts of the shorter sound are looked for in the longer one at any delay, scale and offset,
    by what is slow in them; what agrees is compared at delays of a fraction of a sample. A match
    of correlation r counts if chance makes it very improbable: if

    .. math:: \max(1 - r^2, 0.03)^{\nu / 2} < 10^{-10.5}

    where the degrees of freedom :math:`\nu` come from the segment y that matches,

    .. math:: \nu = 4 \frac{(\sum_t y_t^2)^2}{\sum_t y_t^4} \Big/ \sum_\tau \rho_\tau^2

    with :math:`\rho` its autocorrelation. Where that gives only seven tenths of the exponent, as
    a loud word outweighs the others, the whitened signals are asked, if r is at least 0.985
    there, with six tenths of their degrees of freedom. Few onsets, regular beats and tones have
    few degrees of freedom however long they last, since one looks like another. An excerpt that
    has too few is made longer until it has enough.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the features in hertz.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sound, other = rng.random((2, 640, 1))
    >>> SoundIndex(64).delays([sound], [other, 2 * sound[100:500] + 1])
    {(0, 1): 100.0}
    """

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        # Features with one content have one number. The arrays are kept, so that no other gets
        # the identity of one of them.
        self._numbers: dict[bytes, int] = {}
        self._tracks: list[Track] = []
        self._known: dict[int, tuple[np.ndarray, list[int]]] = {}
        self._compared = np.zeros((0, 0), dtype=bool)
        self._delays: list[dict[int, float]] = []

    def delays(
        self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]
    ) -> dict[tuple[int, int], float]:
        """Find which sounds of two lists have a part in common.

        Parameters
        ----------
        first, second : sequence of ndarray, each of shape (n_times, n_features)
            Sounds. The same features are compared, as many as both have.

        Returns
        -------
        delays : dict
            For each pair of indices with a part in common: the sample of the first at which the
            second begins, negative if it begins before.
        """
        rows, columns = self._numbered(first), self._numbered(second)
        delays_of_pairs: dict[tuple[int, int], float] = {}
        for k in range(max((len(numbers) for numbers in (*rows, *columns)), default=0)):
            first_places, second_places = _places(rows, k), _places(columns, k)
            self._compare(
                np.array(list(first_places), dtype=int), np.array(list(second_places), dtype=int)
            )
            for a, places in first_places.items():
                for b, delay in self._delays[a].items():
                    for j in second_places.get(b, ()):
                        for i in places:
                            delays_of_pairs.setdefault((i, j), delay)
        return dict(sorted(delays_of_pairs.items()))

    def places(self, sounds: Sequence[np.ndarray]) -> list[tuple[int, float]]:
        """Find sounds that are one, or parts of it.

        The features are compared, so that names of stories need not be trusted. Sounds that have
        nothing in common are parts of one if a third one ties them together.

        Parameters
        ----------
        sounds : sequence of ndarray, each of shape (n_times, n_features)
            Sounds.

        Returns
        -------
        places : list of (int, float)
            For each the number of the sound that it is a part of, and the sample of that at which
            it begins, counted from the beginning of the first part in the list.

        Examples
        --------
        >>> speech, other = np.random.default_rng(0).random((2, 640, 1))
        >>> SoundIndex(64).places([speech, other, 2 * speech[100:500]])
        [(0, 0.0), (1, 0.0), (0, 100.0)]
        """
        # Copies are one sound even where a regular beat is no evidence that others are.
        contents = [tuple(numbers) for numbers in self._numbered(sounds)]
        copies = dict(zip(reversed(contents), reversed(sounds), strict=True))
        order = {content: k for k, content in enumerate(dict.fromkeys(contents))}
        different = [copies[content] for content in order]
        joined = _joined(len(different), self.delays(different, different))
        return [joined[order[content]] for content in contents]

    def _numbered(self, sounds: Sequence[np.ndarray]) -> list[list[int]]:
        """Numbers of every feature of the sounds; equal ones are kept and compared once."""
        for sound in sounds:
            if id(sound) in self._known:
                continue
            numbers = []
            for feature in np.ascontiguousarray(sound.T, dtype=np.float64):
                content = blake2b(feature, digest_size=16).digest()
                numbers.append(self._numbers.setdefault(content, len(self._tracks)))
                if numbers[-1] == len(self._tracks):
                    self._tracks.append(Track(feature, self.sfreq))
                    self._delays.append({})
            self._known[id(sound)] = sound, numbers
        return [self._known[id(sound)][1] for sound in sounds]

    def _compare(self, first: np.ndarray, second: np.ndarray) -> None:
        """Compare what was not compared yet: excerpts of the shorter are sought in the longer."""
        n, n_before = len(self._tracks), len(self._compared)
        if n > n_before:
            n_new = max(n, 2 * n_before) - n_before
            self._compared = np.pad(self._compared, (0, n_new))
        unknown = ~self._compared[np.ix_(first, second)]
        if not unknown.any():
            return
        self._compared[np.ix_(first, second)] = self._compared[np.ix_(second, first)] = True
        # Of a pair whose sounds are in both lists, one order is enough.
        place = np.full(n, len(second))
        place[second] = np.arange(len(second))
        unknown &= ~(np.isin(second, first) & (place[first][:, None] < np.arange(len(second))))
        first_tracks, second_tracks = (
            [self._tracks[a] for a in numbers] for numbers in (first, second)
        )
        lengths = [
            np.array([len(track.signal) for track in tracks])
            for tracks in (first_tracks, second_tracks)
        ]
        longer = lengths[0][:, None] > lengths[1]
        for (i, j), delay in search(first_tracks, second_tracks, unknown & ~longer).items():
            self._keep(int(first[i]), int(second[j]), -delay)
        for (j, i), delay in search(second_tracks, first_tracks, (unknown & longer).T).items():
            self._keep(int(first[i]), int(second[j]), delay)

    def _keep(self, a: int, b: int, delay: float) -> None:
        self._delays[a][b], self._delays[b][a] = delay, -delay


def _places(rows: list[list[int]], feature: int) -> dict[int, list[int]]:
    """Sounds by the number of one of their features."""
    places: dict[int, list[int]] = {}
    for i, numbers in enumerate(rows):
        if feature < len(numbers):
            places.setdefault(numbers[feature], []).append(i)
    return places


def _joined(n: int, delays: dict[tuple[int, int], float]) -> list[tuple[int, float]]:
    """Sound and place of each, where delays tie some of them together."""
    tied: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for (i, j), delay in delays.items():
        tied[i].append((j, delay))
    places: dict[int, tuple[int, float]] = {}
    n_sounds = 0
    for k in range(n):
        if k in places:
            continue
        places[k], queue = (n_sounds, 0.0), [k]
        n_sounds += 1
        for i in queue:
            for j, delay in tied[i]:
                if j not in places:
                    places[j] = places[i][0], places[i][1] + delay
                    queue.append(j)
    return [places[k] for k in range(n)]
