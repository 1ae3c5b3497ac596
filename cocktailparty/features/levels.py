"""Functions of an envelope that a brain may follow, with nothing to learn except their scale."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.signal import lfilter

# Knees of the hinges, as quantiles; and the time constant of adaptation in seconds.
_QUANTILES = (0.25, 0.5, 0.75)
_SLOW = 0.25
# Silence as a quantile, and what is added to a level before its logarithm is taken, as a fraction
# of the mean level.
_SILENCE, _FLOOR = 0.01, 0.1


def broadband(stimuli: np.ndarray, target: int | None) -> np.ndarray:
    """Envelope of each stimulus, float32 (n_stimuli, n_times).

    `stimuli` are bands, (n_stimuli, n_times, n_bands). `target` is the index of the band that is
    the envelope; None takes the mean of the bands.
    """
    chosen = stimuli.mean(axis=2) if target is None else stimuli[:, :, target]
    return np.asarray(chosen, dtype=np.float32)


@dataclass
class EnvelopeFeatures:
    """The envelope, the same above several levels, its logarithm, onsets, and its recent mean.

    Any function of the loudness of the moment is nearly a weighted sum of the first ones, and what
    predicts a weighted sum with a ridge model is the same sum of what predicts each of them.
    Onsets are those of the envelope and of its logarithm [1]_, [2]_. The bands follow where there
    are several.

    `sfreq` is in hertz, `target` as for `broadband`; `knees` are the levels above which the
    envelope is a feature, `silence` the level of silence, `floor` what is added to the level above
    it before taking the logarithm; `mean` and `scale`, (n_features,), standardise the features as
    in training.

    References
    ----------
    .. [1] Oganian & Chang (2019), "A speech envelope landmark for syllable encoding in human
       superior temporal gyrus", Science Advances 5(11), https://doi.org/10.1126/sciadv.aay6279.
    .. [2] Daube, Ince & Gross (2019), "Simple acoustic features can explain phoneme-based
       predictions of cortical responses to speech", Current Biology 29(12),
       https://doi.org/10.1016/j.cub.2019.04.067.
    """

    sfreq: float
    target: int | None
    knees: np.ndarray
    silence: float
    floor: float
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, stimuli: list[np.ndarray], sfreq: float, target: int | None) -> Self:
        """Measure levels and scales on training stimuli, each (n_stimuli, n_times, n_bands)."""
        envelopes = np.concatenate([broadband(s, target).ravel() for s in stimuli])
        knees = np.unique(np.quantile(envelopes, _QUANTILES).astype(np.float32))
        silence = float(np.quantile(envelopes, _SILENCE))
        floor = _FLOOR * float(envelopes.mean() - silence)
        none = np.zeros(1, np.float32)
        levels = cls(sfreq, target, knees, silence, floor, none, none + 1)
        raw = np.concatenate([levels(s).reshape(-1, levels(s).shape[-1]) for s in stimuli])
        scale = raw.std(axis=0)
        levels.mean, levels.scale = raw.mean(axis=0), np.where(scale > 0, scale, 1)
        return levels

    def __call__(self, stimuli: Any) -> np.ndarray:
        """Compute the features, float32 (n_stimuli, n_times, n_features), the envelope first.

        `stimuli` are bands, (n_stimuli, n_times, n_bands).
        """
        x = broadband(stimuli, self.target)
        decay = np.exp(-1 / (_SLOW * self.sfreq))
        start = decay * x[:, :1]
        slow, _ = lfilter([1 - decay], [1, -decay], x, axis=1, zi=start)
        features = [x, *(np.maximum(x - knee, 0) for knee in self.knees)]
        # Filtered envelopes have values below silence.
        logarithm = np.log(np.maximum(x - self.silence, 0) + self.floor)
        features += [logarithm, slow, _rises(x), _rises(logarithm)]
        if stimuli.shape[2] > 1:
            features += list(np.moveaxis(stimuli, 2, 0))
        stacked = np.stack(features, axis=-1).astype(np.float32)
        return np.asarray((stacked - self.mean) / self.scale, dtype=np.float32)


def _rises(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(np.diff(x, axis=1, prepend=x[:, :1]), 0))
