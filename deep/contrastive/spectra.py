"""Spectra of the clips that a classifier was trained on: what tells it from other surroundings."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls

# Groups that are drawn for a threshold, and by how much it is above the farthest of them: other
# voices of the same classes are somewhat farther.
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
        Which class each is of.
    """

    spectra: np.ndarray
    classes: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """Mean spectrum of each class.

        Returns
        -------
        means : ndarray of shape (n_classes, n_mels)
            In decibels.
        """
        return np.stack([self.spectra[self.classes == c].mean(0) for c in np.unique(self.classes)])

    @property
    def spread(self) -> np.ndarray:
        """How much clips differ in each band.

        Returns
        -------
        spread : ndarray of shape (n_mels,)
            Standard deviation in decibels, not less than a thousandth.
        """
        return np.asarray(np.maximum(self.spectra.std(0), 1e-3))

    def distance(self, spectra: np.ndarray) -> float:
        """Distance of the mean of some clips from the nearest mixture of classes.

        Parameters
        ----------
        spectra : ndarray of shape (n_clips, n_mels)
            Mean levels of clips.

        Returns
        -------
        distance : float
            Root mean square over bands, in standard deviations of single clips. A mixture of any
            shares is near: how often classes come does not count.
        """
        spread = self.spread
        classes, mean = self.means / spread, spectra.mean(0) / spread
        ones = np.full((1, len(classes)), _SUM_WEIGHT * len(mean))
        shares = nnls(np.concatenate([classes.T, ones]), np.append(mean, ones[0, 0]))[0]
        return float(np.sqrt(np.mean(np.square(mean - shares @ classes))))

    def threshold(self, n_clips: int, seed: int = 0) -> float:
        """Distance that so many clips of the training stay below, even those of one class.

        Parameters
        ----------
        n_clips : int
            Size of the group.
        seed : int
            Decides which groups are drawn.

        Returns
        -------
        threshold : float
            Largest distance of single-class groups, with a margin.
        """
        rng = np.random.default_rng(seed)
        present = np.unique(self.classes)
        distances = []
        for i in range(_N_GROUPS):
            of_class = np.flatnonzero(self.classes == present[i % len(present)])
            distances.append(self.distance(self.spectra[rng.choice(of_class, n_clips)]))
        return _MARGIN * float(np.max(distances))


def spectra_of(front: Any, state: Any, batch: dict[str, jax.Array]) -> jax.Array:
    """Mean level of each clip in each mel band, not more than 80 dB below its loudest.

    Parameters
    ----------
    front : LogMel
        Of the classifier.
    state : object
        None, as it has no state.
    batch : dict of str to jax.Array
        Clips ``x``.

    Returns
    -------
    spectra : jax.Array of shape (n_clips, n_mels)
        In decibels.
    """

    def one(x: jax.Array) -> jax.Array:
        levels = front(x)
        return jnp.maximum(levels, levels.max() - 80).mean(axis=0)

    return jax.vmap(one)(batch["x"])


def kept_of_classes(labels: np.ndarray) -> np.ndarray:
    """Choose the clips whose spectra are kept: the first of each class.

    Parameters
    ----------
    labels : ndarray of int, shape (n_clips,)
        Classes.

    Returns
    -------
    indices : ndarray of int
        At most `N_OF_CLASS` of each class.
    """
    chosen = [np.flatnonzero(labels == label)[:N_OF_CLASS] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))
