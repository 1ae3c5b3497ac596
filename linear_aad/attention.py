"""Decide which sound is attended: reconstruct, correlate, choose."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from cocktailparty.decoder import ReconstructionMixin
from cocktailparty.trials import attended_labels, check_trials


class AttentionDecoder(ReconstructionMixin, BaseEstimator):
    """Decode attention with a regressor that reconstructs the attended stimulus from EEG.

    The regressor is trained on the attended stimuli alone. A trial is decoded by correlating its
    reconstruction with every stimulus; the largest correlation wins.

    Parameters
    ----------
    regressor : estimator
        Takes a list of EEG arrays (n_times, n_channels) and a list of stimulus arrays
        (n_times, n_features), such as `BackwardTRF`.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor.
    classes_ : ndarray of int
        Indices of the stimuli.

    References
    ----------
    O'Sullivan, J. A., et al. (2015). Attentional selection in a cocktail party environment can be
    decoded from single-trial EEG. Cerebral Cortex, 25(7), 1697-1706.
    https://doi.org/10.1093/cercor/bht355

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, random_state=0).trials
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
    >>> decoder = AttentionDecoder(trf).fit(trials[:6])
    >>> decoder.window_scores(trials[6], window=30).shape
    (2, 2)
    >>> decoder.predict(trials[6:]).shape
    (2,)
    """

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, trials: Any, attended: Any = None) -> "AttentionDecoder":
        """Train the regressor on the attended stimuli.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : AttentionDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a label is missing, or the trials do not fit together or to the regressor.
        """
        trials = check_trials(trials, sfreq=getattr(self.regressor, "sfreq", None))
        labels = attended_labels(trials, attended)
        self.regressor_ = clone(self.regressor).fit(
            [trial.eeg for trial in trials],
            [trial.stimuli[label] for trial, label in zip(trials, labels, strict=True)],
        )
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    def reconstruct(self, trials: Any) -> list[Any]:
        """Reconstruct the attended stimulus from EEG alone.

        Parameters
        ----------
        trials : sequence of Trial
            Trials; their stimuli are not looked at.

        Returns
        -------
        reconstructions : list of arrays of shape (n_times, n_features)
            One for each trial.

        Raises
        ------
        ValueError
            If the trials do not fit to the regressor.
        """
        check_is_fitted(self)
        trials = check_trials(trials, sfreq=getattr(self.regressor, "sfreq", None))
        return self.regressor_.predict([trial.eeg for trial in trials])
