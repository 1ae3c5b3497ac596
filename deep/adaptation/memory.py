"""A few clips of a stream that are kept for gradients, of all predicted classes alike."""

from typing import Any

import numpy as np


class ClipMemory:
    """Last clips of a stream, in which no predicted class displaces the others.

    Parameters
    ----------
    size : int
        Largest number of clips.
    balanced : bool
        Whether a full memory forgets the oldest clip of the most frequent predicted class, and
        not the oldest of all.
    """

    def __init__(self, size: int, balanced: bool) -> None:
        self.size, self.balanced = size, balanced
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.clips: list[np.ndarray] = []
        self.source: list[np.ndarray] = []
        self.classes: list[int] = []

    def __len__(self) -> int:
        return len(self.clips)

    def add(self, clips: np.ndarray, source: np.ndarray, classes: np.ndarray) -> None:
        """Keep clips, and forget others.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.
        source : ndarray of shape (n_clips, n_classes)
            Probabilities that the unadapted classifier gives.
        classes : ndarray of int, shape (n_clips,)
            Predicted classes.
        """
        for clip, row, label in zip(clips, source, classes, strict=True):
            if len(self.clips) == self.size:
                self._forget()
            self.clips.append(clip)
            self.source.append(row)
            self.classes.append(int(label))

    def _forget(self) -> None:
        oldest = 0
        if self.balanced:
            counts = np.bincount(self.classes)
            oldest = self.classes.index(int(counts.argmax()))
        for kept in (self.clips, self.source, self.classes):
            del kept[oldest]

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw clips for a step.

        Parameters
        ----------
        n : int
            How many; all are different if there are as many.
        rng : numpy.random.Generator
            Decides which.

        Returns
        -------
        clips : ndarray of shape (n, n_samples)
            Waveforms.
        """
        chosen = rng.choice(len(self.clips), n, replace=n > len(self.clips))
        return np.stack([self.clips[i] for i in chosen])

    def arrays(self) -> dict[str, Any]:
        """All that is kept, for a copy of the memory.

        Returns
        -------
        arrays : dict of str to list
            For `restore`.
        """
        return {"clips": self.clips, "source": self.source, "classes": self.classes}

    def restore(self, arrays: dict[str, Any]) -> None:
        """Become a copy of another memory.

        Parameters
        ----------
        arrays : dict
            From `arrays`.
        """
        for name, kept in arrays.items():
            setattr(self, name, list(kept))


def collapsed(now: np.ndarray, source: np.ndarray, share: float) -> bool:
    """Whether predictions fell onto far fewer classes than those of the source.

    Parameters
    ----------
    now, source : ndarray of shape (n_clips, n_classes)
        Probabilities of the same clips, adapted and not.
    share : float
        Smallest share of the effective number of classes that has to be left.

    Returns
    -------
    collapsed : bool
        A stream that is of one class is so for both, and no collapse.

    Examples
    --------
    >>> collapsed(np.eye(4)[[0, 0, 0, 0]], np.eye(4), 0.5), collapsed(np.eye(4), np.eye(4), 0.5)
    (True, False)
    """
    return effective_classes(now) < share * effective_classes(source)


def effective_classes(probabilities: np.ndarray) -> float:
    """Exponential of the entropy of the mean prediction.

    Parameters
    ----------
    probabilities : ndarray of shape (n_clips, n_classes)
        Predictions.

    Returns
    -------
    n : float
        Between 1 and the number of classes.
    """
    mean = probabilities.mean(axis=0)
    return float(np.exp(-(mean * np.log(np.maximum(mean, 1e-30))).sum()))


def shared_information(views: np.ndarray) -> float:
    r"""Mutual information of the classes that two views of a clip are predicted to be of.

    It is large where predictions are sure, the same in both views, and of all classes: a figure
    of merit without labels [1]_. A classifier that collapses, or that is sure of what a small
    shift changes, has little of it.

    Parameters
    ----------
    views : ndarray of shape (n_clips, n_views, n_classes)
        Probabilities; the first view is compared with each other one.

    Returns
    -------
    information : float
        In nats, between 0 and the logarithm of the number of classes.

    References
    ----------
    .. [1] Ji et al. (2019), "Invariant information clustering for unsupervised image
       classification and segmentation", ICCV, https://doi.org/10.1109/ICCV.2019.00996.

    Examples
    --------
    >>> sure = np.eye(4)[:, None].repeat(2, axis=1)
    >>> round(shared_information(sure), 4), round(shared_information(sure[:1]), 4)
    (1.3863, 0.0)
    """
    joint = np.einsum("nc,njd->cd", views[:, 0], views[:, 1:])
    joint = (joint + joint.T) / 2
    joint = joint / joint.sum()
    expected = np.outer(joint.sum(1), joint.sum(0))
    positive = joint > 1e-30
    return float((joint[positive] * np.log(joint[positive] / expected[positive])).sum())
