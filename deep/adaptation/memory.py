"""Memory of clips of a stream for gradients, balanced over the predicted classes."""

from typing import Any

import numpy as np


class ClipMemory:
    """Last `size` clips of a stream.

    If `balanced`, a full memory forgets the oldest clip of the most frequent predicted class, and
    not the oldest of all: no class displaces the others.
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
        """Keep waveforms, (n_clips, n_samples), and forget others.

        `source`, (n_clips, n_classes), are probabilities of the unadapted classifier, `classes`,
        (n_clips,), the predicted ones.
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
        """Draw waveforms for a step, (n, n_samples); all are different if there are enough."""
        chosen = rng.choice(len(self.clips), n, replace=n > len(self.clips))
        return np.stack([self.clips[i] for i in chosen])

    def arrays(self) -> dict[str, Any]:
        """All that is kept, for `restore`."""
        return {"clips": self.clips, "source": self.source, "classes": self.classes}

    def restore(self, arrays: dict[str, Any]) -> None:
        """Become a copy of another memory, from its `arrays`."""
        for name, kept in arrays.items():
            setattr(self, name, list(kept))


def collapsed(now: np.ndarray, source: np.ndarray, share: float) -> bool:
    """Whether predictions fell onto far fewer classes than those of the source.

    Both are probabilities of the same clips, (n_clips, n_classes); `share` is the smallest share of
    the effective number of classes that has to be left. A stream of a single class is no collapse,
    as it is that for both.

    Examples
    --------
    >>> collapsed(np.eye(4)[[0, 0, 0, 0]], np.eye(4), 0.5), collapsed(np.eye(4), np.eye(4), 0.5)
    (True, False)
    """
    return effective_classes(now) < share * effective_classes(source)


def effective_classes(probabilities: np.ndarray) -> float:
    """Effective number of predicted classes, from probabilities, (n_clips, n_classes).

    The exponential of the entropy of the mean prediction, between 1 and the number of classes.
    """
    mean = probabilities.mean(axis=0)
    return float(np.exp(-(mean * np.log(np.maximum(mean, 1e-30))).sum()))


def shared_information(views: np.ndarray) -> float:
    r"""Mutual information of the predicted classes of two views of a clip, in nats.

    It is large where predictions are sure, the same in both views, and of all classes: a figure of
    merit without labels [1]_. A classifier that collapses, or that is sure of what a small shift
    changes, has little of it. `views` are probabilities, (n_clips, n_views, n_classes), the first
    of which is compared with each other one.

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
