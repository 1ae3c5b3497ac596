"""Base classes of attention decoders, whatever they make of the EEG."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import fsum
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from cocktailparty.backend import to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.metrics import decidable_windows, decision_shares, window_scores, window_sweep
from cocktailparty.metrics.decisions import check_scores
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials


class AttentionDecoderMixin(ClassifierMixin, ABC):
    """Methods of attention decoders that follow from `window_scores`.

    A subclass scores the stimuli of one trial in decision windows; the sample of scikit-learn's
    tools is a trial, its label the index of the attended stimulus.
    """

    @abstractmethod
    def window_scores(self, trial: Trial, window: float = 5.0, hop: float | None = None) -> Any:
        """Score every stimulus in every decision window.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        window : float
            Length of a decision window in seconds.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.

        Returns
        -------
        scores : array of shape (n_windows, n_stimuli)
            Larger means more likely attended.
        """

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, Any]:
        """Score every stimulus for several window lengths.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to array of shape (n_windows, n_stimuli)
            No rows for a window longer than the trial.
        """
        return {
            window: self.window_scores(trial, window)
            if round(window * trial.sfreq) <= trial.n_times
            else np.empty((0, trial.n_stimuli))
            for window in windows
        }

    @one_blas_thread()
    def decision_function(self, trials: Any) -> np.ndarray:
        """Score every stimulus over whole trials.

        Parameters
        ----------
        trials : sequence of Trial
            Trials to decode.

        Returns
        -------
        scores : ndarray of shape (n_trials, n_stimuli)
            Larger means more likely attended; minus infinity where a trial has fewer stimuli than
            the others.

        Raises
        ------
        ValueError
            If a score is NaN.

        See Also
        --------
        cocktailparty.metrics.attention_roc_auc : A scorer for scikit-learn that takes these scores.
        """
        trials = check_trials(trials)
        scores = np.full((len(trials), max(trial.n_stimuli for trial in trials)), -np.inf)
        for i, (row, trial) in enumerate(zip(scores, trials, strict=True)):
            trial_scores = to_numpy(self.window_scores(trial, trial.duration)[0])
            check_scores(trial_scores, f"{type(self).__name__}, trials[{i}] ({trial.label})")
            row[: trial.n_stimuli] = trial_scores
        return scores

    @one_blas_thread()
    def predict(self, trials: Any) -> np.ndarray:
        """Choose the attended stimulus of each trial.

        Parameters
        ----------
        trials : sequence of Trial
            Trials to decode.

        Returns
        -------
        attended : ndarray of int, shape (n_trials,)
            Index of the stimulus with the largest score; the lowest of those that tie for it.

        Raises
        ------
        ValueError
            If a score is NaN.

        Notes
        -----
        A choice has to be made even where the scores say nothing. `score` counts such a tie as
        1 / n_stimuli instead. ``scoring="accuracy"`` of scikit-learn counts these predictions: if
        the attended stimulus is listed first, it takes ties for right decisions. Leave `scoring`
        at None, which uses `score`.
        """
        return np.argmax(self.decision_function(trials), axis=1)

    @one_blas_thread()
    def score(self, trials: Any, attended: Any = None) -> float:
        """Compute the share of trials in which the attended stimulus was chosen.

        A tie of k stimuli for the highest score counts 1/k if the attended one is among them, so
        that a decoder that says nothing gets 1 / n_stimuli, in whatever order the stimuli are
        listed (`cocktailparty.metrics.decision_shares`). Trials in which all stimuli are silent
        are left out: nothing can be decided there.

        Parameters
        ----------
        trials : sequence of Trial
            Trials to decode, of at least two stimuli each.
        attended : array-like of int, shape (n_trials,), optional
            True labels; None for those of the trials.

        Returns
        -------
        accuracy : float
            Between 0 and 1.

        Raises
        ------
        ValueError
            If a label is missing, a trial has a single stimulus, a score is NaN, or all stimuli of
            all trials are silent.
        """
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        alone = [i for i, trial in enumerate(trials) if trial.n_stimuli < 2]
        if alone:
            raise ValueError(
                f"trials {alone} have a single stimulus, so that there is nothing to choose: use "
                "cocktailparty.evaluation.compare, which tests them by match-mismatch"
            )
        shares = [
            decision_shares(scores[None, : trial.n_stimuli])[0, label]
            for trial, scores, label in zip(
                trials, self.decision_function(trials), labels, strict=True
            )
            if decidable_windows(trial.stimuli, trial.sfreq, trial.duration).all()
        ]
        if not shares:
            raise ValueError("all stimuli of all trials are silent: nothing can be decided")
        return fsum(shares) / len(shares)


class ReconstructionMixin(AttentionDecoderMixin):
    """Methods of attention decoders that reconstruct the attended stimulus.

    The scores are Pearson correlations of the reconstruction with each stimulus.
    """

    @abstractmethod
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
        """

    @one_blas_thread()
    def window_scores(self, trial: Trial, window: float = 5.0, hop: float | None = None) -> Any:
        """Correlate the reconstruction with every stimulus in every decision window.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        window : float
            Length of a decision window in seconds.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.

        Returns
        -------
        scores : array of shape (n_windows, n_stimuli)
            Pearson correlations.
        """
        reconstruction = self.reconstruct([trial])[0]
        return window_scores(reconstruction, trial.stimuli, trial.sfreq, window, hop)

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, Any]:
        """Score every stimulus for several window lengths, reconstructing once.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to array of shape (n_windows, n_stimuli)
            Pearson correlations; no rows for a window longer than the trial.
        """
        return window_sweep(self.reconstruct([trial])[0], trial.stimuli, trial.sfreq, windows)
