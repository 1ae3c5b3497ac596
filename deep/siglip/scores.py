"""Scores of decision windows, and outputs of a whole trial from those of its segments."""

from collections.abc import Sequence

import numpy as np

from cocktailparty.similarity import unit_vectors


def segment_starts(n_times: int, n_segment: int, step: int) -> list[int]:
    """First samples of segments that cover a trial, the last of which ends where the trial does.

    All arguments count samples; the trial is at least one segment long.

    Examples
    --------
    >>> segment_starts(10, 4, 4)
    [0, 4, 6]
    """
    last = n_times - n_segment
    return [*range(0, last, step), last]


def crossfaded(segments: np.ndarray, starts: Sequence[int], n_times: int) -> np.ndarray:
    """Blend overlapping segments, (n_segments, n_segment), into a whole, (n_times,).

    It is a mean in which middles weigh more than ends; `starts` are from `segment_starts`.

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
    """First samples of decision windows; an incomplete last one is left out.

    All arguments count samples.

    Examples
    --------
    >>> window_starts(10, 4, 4)
    [0, 4]
    """
    return list(range(0, n_times - n_window + 1, hop))


def similarities(
    eeg: np.ndarray, sounds: np.ndarray, n_window: int, starts: Sequence[int]
) -> np.ndarray:
    """Similarity of EEG and sounds in windows, each feature of the embeddings without its mean.

    The embeddings have shapes (n_times, n_features) and (n_stimuli, n_times, n_features). Scores of
    shape (n_windows, n_stimuli) lie between -1 and 1, with 0 where a window is silent; with one
    feature they are Pearson correlations.

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
    """Average the scores of segments, (n_segments, n_stimuli), over each window they belong to.

    `owners`, (n_segments,), is the window of each; every one of the `n_windows` has a segment.

    Examples
    --------
    >>> averaged(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), 2).tolist()
    [[0.5], [5.0]]
    """
    total = np.zeros((n_windows, scores.shape[1]))
    np.add.at(total, owners, scores)
    return total / np.bincount(owners, minlength=n_windows)[:, None]
