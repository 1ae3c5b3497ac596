"""A decoder that looks at one channel, some time after the sound, and nothing else."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cocktailparty.decoding import ReconstructionMixin
from cocktailparty.trials import attended_labels, check_trials


class OneChannelDecoder(ReconstructionMixin, BaseEstimator):
    """Take the EEG of the best channel, a fixed delay later, for the stimulus."""

    def __init__(self, delay=0.1):
        self.delay = delay

    def fit(self, trials, attended=None):
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        products = np.zeros(trials[0].n_channels)
        for trial, label in zip(trials, labels, strict=True):
            stimulus = trial.stimuli[label].mean(axis=1)
            products += self._later(trial).T @ (stimulus - stimulus.mean())
        self.channel_ = int(np.abs(products).argmax())
        self.sign_ = float(np.sign(products[self.channel_]))
        self.n_channels_ = trials[0].n_channels
        self.sfreq_ = trials[0].sfreq
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    def reconstruct(self, trials):
        check_is_fitted(self)
        trials = check_trials(trials, sfreq=self.sfreq_)
        if trials[0].n_channels != self.n_channels_:
            raise ValueError(
                f"trials have {trials[0].n_channels} channels, those of training had "
                f"{self.n_channels_}"
            )
        reconstructions = []
        for trial in trials:
            followed = self.sign_ * self._later(trial)[:, [self.channel_]]
            reconstructions.append(np.repeat(followed, trial.n_features, axis=1))
        return reconstructions

    def _later(self, trial):
        """EEG(t + delay), zero past the end."""
        delay = round(self.delay * trial.sfreq)
        return np.pad(trial.eeg[delay:], ((0, delay), (0, 0)))
