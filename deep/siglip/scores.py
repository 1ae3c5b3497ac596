"""From outputs for segments of a trial to those of the trial, and to scores of decision windows."""

from collections.abc import Sequence

import numpy as np

from cocktailparty.similarity import unit_vectors


def segment_starts(n_times: int, n_segment: int, step: int) -> list[int]:
    """Place segments so that they cover a trial.

    Parameters
    ----------
    n_times : int
        Length of the trial in samples, at least that of a segment.
    n_segment, step : int
        Length of a segment, and distance between them.

    Returns
    -------
    starts : list of int
        First samples; the last segment ends where the trial does.

    Examples
    --------
    >>> segment_starts(10, 4, 4)
    [0, 4, 6]
    """
    last = n_times - n_segment
    return [*range(0, last, step), last]


def crossfaded(segments: np.ndarray, starts: Sequence[int], n_times: int) -> np.ndarray:
    """Blend overlapping segments.

    Parameters
    ----------
    segments : ndarray of shape (n_segments, n_segment)
        Signals.
    starts : sequence of int
        First samples, see `segment_starts`.
    n_times : int
        Length of the whole.

    Returns
    -------
    whole : ndarray of shape (n_times,)
        Mean of the segments, whose middles weigh more than their ends.

    Examples
    --------
    >>> crossfaded(np.ones((3, 4)), [0, 4, 6], 10).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    n = segments.shape[1]
    weight = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    whole, total = np.zeros(n_times), np.zeros(n_times)
    for segment, start in zip(segments, starts, strict=True):
        whole[start : start + n] += weight * segment
        total[start : start + n] += weight
    return whole / total


def window_starts(n_times: int, n_window: int, hop: int) -> list[int]:
    """Place decision windows; a last one that is not complete is left out.

    Parameters
    ----------
    n_times, n_window, hop : int
        Lengths of the trial and of a window, and distance between them, in samples.

    Returns
    -------
    starts : list of int
        First samples.

    Examples
    --------
    >>> window_starts(10, 4, 4)
    [0, 4]
    """
    return list(range(0, n_times - n_window + 1, hop))


def similarities(
    eeg: np.ndarray, sounds: np.ndarray, n_window: int, starts: Sequence[int]
) -> np.ndarray:
    """Compare EEG and sounds in windows, each feature of the embeddings without its mean.

    Parameters
    ----------
    eeg : ndarray of shape (n_times, n_features)
        Embedding of the EEG.
    sounds : ndarray of shape (n_stimuli, n_times, n_features)
        Embeddings of the stimuli.
    n_window : int
        Length of a window in samples.
    starts : sequence of int
        First samples.

    Returns
    -------
    scores : ndarray of shape (n_windows, n_stimuli)
        Between -1 and 1; 0 where a window is silent. The Pearson correlation if there is one
        feature.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(10, 2))
    >>> similarities(x, np.stack([x, -x]), 5, [0, 5]).round(6).tolist()
    [[1.0, -1.0], [1.0, -1.0]]
    """
    scores = np.zeros((len(starts), len(sounds)))
    for row, start in zip(scores, starts, strict=True):
        e = eeg[start : start + n_window].astype(np.float64)
        a = sounds[:, start : start + n_window].astype(np.float64)
        e, a = unit_vectors(e, (0, 1), mean_axis=0), unit_vectors(a, (1, 2), mean_axis=1)
        row[:] = np.einsum("tf,stf->s", e, a)
    return scores


def averaged(scores: np.ndarray, owners: np.ndarray, n_windows: int) -> np.ndarray:
    """Average the scores of the segments of each window.

    Parameters
    ----------
    scores : ndarray of shape (n_segments, n_stimuli)
        Of segments.
    owners : ndarray of int, shape (n_segments,)
        Window to which each piece belongs.
    n_windows : int
        Number of windows, each with a segment at least.

    Returns
    -------
    scores : ndarray of shape (n_windows, n_stimuli)
        Of windows.

    Examples
    --------
    >>> averaged(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), 2).tolist()
    [[0.5], [5.0]]
    """
    total = np.zeros((n_windows, scores.shape[1]))
    np.add.at(total, owners, scores)
    return total / np.bincount(owners, minlength=n_windows)[:, None]
