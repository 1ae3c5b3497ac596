"""Attention decoding by reconstruction: the stimulus that correlates best is the attended one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import ReconstructionMixin
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_channels, check_trials


def _refits(decoder: "AttentionDecoder") -> bool:
    return hasattr(decoder.regressor, "fit_many")


def _knows_subjects(regressor: Any) -> bool:
    """Whether a regressor has to be told the subjects of its trials."""
    return has_fit_parameter(regressor, "subjects")


class AttentionDecoder(ReconstructionMixin, BaseEstimator):
    """Decode attention with a regressor that reconstructs the attended stimulus from EEG.

    The regressor is trained on the attended stimuli alone. A trial is decoded by correlating its
    reconstruction with every stimulus; the largest correlation wins.

    Parameters
    ----------
    regressor : estimator
        Takes a list of EEG arrays (n_times, n_channels) and a list of stimulus arrays
        (n_times, n_features), such as `BackwardTRF`. One that has `subjects` among the parameters
        of ``fit``, such as `PopulationTRF`, is told whose trials they are, and what is to be left
        out together: stories where there are several, otherwise trials.

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

    @one_blas_thread()
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
            **self._told(trials),
        )
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    @available_if(_refits)
    @one_blas_thread()
    def fit_many(self, trials: Any, versions: Sequence[Sequence[Any]]) -> list["AttentionDecoder"]:
        """Train a decoder on each of several versions of the stimuli, such as circular shifts.

        All are trained at little more than the cost of one. Only regressors that know how to do so
        (`BackwardTRF`) have this.

        Parameters
        ----------
        trials : sequence of Trial
            Labelled training trials; their stimuli are not looked at.
        versions : sequence of sequence of array, shape (n_stimuli, n_times, n_features)
            For each version the stimuli of each trial.

        Returns
        -------
        decoders : list of AttentionDecoder
            One for each version, as `fit` would train it. This one is not fitted.

        Raises
        ------
        ValueError
            If there is no version, a label is missing, or `fit` refuses a version.
        """
        trials = check_trials(trials, sfreq=getattr(self.regressor, "sfreq", None))
        labels = attended_labels(trials)
        outputs = [
            [stimuli[label, ...] for stimuli, label in zip(version, labels, strict=True)]
            for version in versions
        ]
        decoders = []
        for regressor in self.regressor.fit_many([trial.eeg for trial in trials], outputs):
            decoder = clone(self)
            decoder.regressor_ = regressor
            decoder.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
            decoders.append(decoder)
        return decoders

    @one_blas_thread()
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
        # In terms of trials: a regressor would call channels features.
        if hasattr(self.regressor_, "n_features_in_"):
            check_channels(trials, self.regressor_.n_features_in_)
        subjects = {}
        if _knows_subjects(self.regressor_):
            subjects["subjects"] = [trial.subject for trial in trials]
        return self.regressor_.predict([trial.eeg for trial in trials], **subjects)

    def _told(self, trials: list[Trial]) -> dict[str, Any]:
        """Tell a regressor that knows subjects about the training trials."""
        if not _knows_subjects(self.regressor):
            return {}
        stories = [trial.story for trial in trials]
        several = all(stories) and len(set(stories)) > 1
        return {
            "subjects": [trial.subject for trial in trials],
            "groups": stories if several else None,
        }
