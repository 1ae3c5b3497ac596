"""Spectra of a classifier's training clips, which tell them from other surroundings."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls

# Groups that are drawn for a threshold, and its margin above the farthest of them: other voices of
# the same classes are somewhat farther.
_N_GROUPS = 60
_MARGIN = 1.25
# Makes the shares of a mixture sum to one.
_SUM_WEIGHT = 100.0
# A class has no more clips than this in memory and model files.
N_OF_CLASS = 50


@dataclass(frozen=True)
class SpectraOfClasses:
    """Mean spectra of the clips that a classifier was trained on, by class.

    Attributes
    ----------
    spectra : ndarray of shape (n_clips, n_mels)
        Mean levels of single clips in decibels.
    classes : ndarray of int, shape (n_clips,)
        Class of each.
    """

    spectra: np.ndarray
    classes: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """Mean spectrum of each class, (n_classes, n_mels), in decibels."""
        return np.stack([self.spectra[self.classes == c].mean(0) for c in np.unique(self.classes)])

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of clips in each band, (n_mels,), in decibels; at least 0.001."""
        return np.asarray(np.maximum(self.spectra.std(0), 1e-3))

    def distance(self, spectra: np.ndarray) -> float:
        """Distance of the mean of clips, (n_clips, n_mels), from the nearest mixture of classes.

        The root mean square over bands, in standard deviations of single clips. A mixture of any
        shares is near: how often classes come does not count.
        """
        spread = self.spread
        classes, mean = self.means / spread, spectra.mean(0) / spread
        ones = np.full((1, len(classes)), _SUM_WEIGHT * len(mean))
        shares = nnls(np.concatenate([classes.T, ones]), np.append(mean, ones[0, 0]))[0]
        return float(np.sqrt(np.mean(np.square(mean - shares @ classes))))

    def threshold(self, n_clips: int, seed: int = 0) -> float:
        """Distance that this many training clips stay below, even those of one class.

        The largest distance of groups of a single class, drawn by `seed`, with a margin.
        """
        rng = np.random.default_rng(seed)
        present = np.unique(self.classes)
        distances = []
        for i in range(_N_GROUPS):
            of_class = np.flatnonzero(self.classes == present[i % len(present)])
            distances.append(self.distance(self.spectra[rng.choice(of_class, n_clips)]))
        return _MARGIN * float(np.max(distances))


def spectra_of(front: Any, state: Any, batch: dict[str, jax.Array]) -> jax.Array:
    """Mean level of clips ``x`` in mel bands, (n_clips, n_mels), in decibels.

    Levels are at most 80 dB below the loudest of the clip. `front` is that of the classifier, which
    has no state.
    """

    def one(x: jax.Array) -> jax.Array:
        levels = front(x)
        return jnp.maximum(levels, levels.max() - 80).mean(axis=0)

    return jax.vmap(one)(batch["x"])


def kept_of_classes(labels: np.ndarray) -> np.ndarray:
    """Choose the first clips of each class, at most `N_OF_CLASS`, whose spectra are kept."""
    chosen = [np.flatnonzero(labels == label)[:N_OF_CLASS] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))
