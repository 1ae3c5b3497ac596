"""Functions of an envelope that a brain may follow, without anything to learn but their scale."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.signal import lfilter

# Knees of the hinges, as quantiles; and the time constant of adaptation in seconds.
_QUANTILES = (0.2, 0.4, 0.6, 0.8, 0.95)
_SLOW = 0.25


def broadband(stimuli: np.ndarray, target: int | None) -> np.ndarray:
    """Envelope that is reconstructed.

    Parameters
    ----------
    stimuli : ndarray of shape (n_stimuli, n_times, n_bands)
        Stimuli.
    target : int or None
        Index of the band that is the envelope; None for the mean of the bands.

    Returns
    -------
    envelope : ndarray of float32, shape (n_stimuli, n_times)
        One for each stimulus.
    """
    chosen = stimuli.mean(axis=2) if target is None else stimuli[:, :, target]
    return np.asarray(chosen, dtype=np.float32)


@dataclass
class EnvelopeFeatures:
    """The envelope, the same above several levels, its onsets and its loudness just before.

    Any function of the loudness of the moment is nearly a weighted sum of the hinges, and what
    predicts a weighted sum with a ridge model is the same sum of what predicts each of them. The
    bands follow where there are several.

    Attributes
    ----------
    sfreq : float
        Sampling rate in hertz.
    target : int or None
        As for `broadband`.
    knees : ndarray
        Levels of the hinges.
    mean, scale : ndarray of shape (n_features,)
        Of the features in training.
    """

    sfreq: float
    target: int | None
    knees: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, stimuli: list[np.ndarray], sfreq: float, target: int | None) -> Self:
        """Measure levels and scales.

        Parameters
        ----------
        stimuli : list of ndarray of shape (n_stimuli, n_times, n_bands)
            Attended stimuli of training.
        sfreq : float
            Sampling rate in hertz.
        target : int or None
            As for `broadband`.

        Returns
        -------
        features : EnvelopeFeatures
            Standardised for these.
        """
        envelopes = np.concatenate([broadband(s, target).ravel() for s in stimuli])
        knees = np.unique(np.quantile(envelopes, _QUANTILES).astype(np.float32))
        found = cls(sfreq, target, knees, np.zeros(1, np.float32), np.ones(1, np.float32))
        raw = np.concatenate([found(s).reshape(-1, found(s).shape[-1]) for s in stimuli])
        scale = raw.std(axis=0)
        found.mean, found.scale = raw.mean(axis=0), np.where(scale > 0, scale, 1)
        return found

    def __call__(self, stimuli: Any) -> np.ndarray:
        """Compute the features.

        Parameters
        ----------
        stimuli : ndarray of shape (n_stimuli, n_times, n_bands)
            Stimuli.

        Returns
        -------
        features : ndarray of float32, shape (n_stimuli, n_times, n_features)
            The envelope first.
        """
        x = broadband(stimuli, self.target)
        decay = np.exp(-1 / (_SLOW * self.sfreq))
        start = decay * x[:, :1]
        slow, _ = lfilter([1 - decay], [1, -decay], x, axis=1, zi=start)
        parts = [x, *(np.maximum(x - knee, 0) for knee in self.knees)]
        rise = np.diff(x, axis=1, prepend=x[:, :1])
        parts += [np.maximum(rise, 0), slow, np.maximum(x - slow, 0)]
        if stimuli.shape[2] > 1:
            parts += list(np.moveaxis(stimuli, 2, 0))
        stacked = np.stack(parts, axis=-1).astype(np.float32)
        return np.asarray((stacked - self.mean) / self.scale, dtype=np.float32)
