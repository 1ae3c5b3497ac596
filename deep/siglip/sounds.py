"""Which stretches of which trials are the same sound, found by content."""

from collections.abc import Sequence

import numpy as np

from cocktailparty.model_selection.same_sound import SoundIndex


def sound_places(stimuli: Sequence[np.ndarray], sfreq: float) -> list[tuple[int, int]]:
    """Find stimuli that are one sound, or parts of it.

    The features are compared, so that names of stories need not be trusted, see
    `cocktailparty.model_selection.SoundIndex`. Stimuli that have nothing in common are parts of one
    sound if a third one ties them together.

    Parameters
    ----------
    stimuli : sequence of ndarray, each of shape (n_times, n_features)
        Stimuli.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    places : list of (int, int)
        For each the number of its sound, and the sample of that sound at which it begins, counted
        from the beginning of the first stimulus with this sound.

    Examples
    --------
    >>> speech = np.random.default_rng(0).random((640, 1))
    >>> other = np.random.default_rng(1).random((640, 1))
    >>> sound_places([speech, other, 2 * speech[100:500]], sfreq=64)
    [(0, 0), (1, 0), (0, 100)]
    """
    # Copies are common, such as one book for many listeners, and are compared once.
    contents = [(stimulus.shape, stimulus.tobytes()) for stimulus in stimuli]
    different = dict(zip(reversed(contents), reversed(stimuli), strict=True))
    order = {content: k for k, content in enumerate(dict.fromkeys(contents))}
    sounds = [different[content] for content in order]
    places = _joined(len(sounds), SoundIndex(sfreq).delays(sounds, sounds))
    return [places[order[content]] for content in contents]


def _joined(n: int, delays: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Sound and place of each, where delays tie some of them together."""
    tied: dict[int, list[tuple[int, float]]] = {k: [] for k in range(n)}
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
    return [(places[k][0], round(places[k][1])) for k in range(n)]
