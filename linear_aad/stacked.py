"""Stacking in closed form: ridge models of several features, weighed by logistic regression."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.features.levels import EnvelopeFeatures
from cocktailparty.metrics import decidable_windows, window_scores, window_sweep
from cocktailparty.model_selection.splits import match_mismatch
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_channels, check_trials
from cocktailparty.validation import check_rate
from linear_aad.trf import BackwardTRF


class StackedTRF(AttentionDecoderMixin, BaseEstimator):
    r"""Decode attention from several features of the envelope, without iterative training.

    Of every stimulus, features are computed that a brain may follow: the envelope, the same above
    several levels, its logarithm, its recent mean, and the onsets of envelope and logarithm. A
    ridge model reconstructs each feature of the attended stimulus from EEG. The score of a
    stimulus is a weighted sum of the correlations of reconstructed and true features,

    .. math:: \sum_f w_f \, r_f .

    The weights come from logistic regression on correlations of training trials that the ridge
    models had not seen (stacking [1]_). All steps have a unique solution, so that there is no seed.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag of the EEG behind the sound, in seconds.
    sfreq : float
        Sampling rate in hertz.
    alpha : float or sequence of float
        Penalty, relative to the mean diagonal; of several, each feature gets the best, by
        leave-one-trial-out.
    target : int, optional
        Index of the feature that is the broadband envelope; None for the mean of all.
    window : float
        Length in seconds of the windows in which the correlations of training are computed.
        Trials that are shorter count as one window.
    n_splits : int
        Number of folds of training trials, story by story where there are several, in which each is
        reconstructed without having been seen.
    C : float
        Inverse penalty of the logistic regression, for correlations over their spread.

    Attributes
    ----------
    ridge_ : BackwardTRF
        Models of all features, from all training trials.
    features_ : EnvelopeFeatures
        Features and their thresholds, as learnt from the attended stimuli.
    weights_ : ndarray of shape (n_features,)
        Weight of the correlation of each feature.
    classes_ : ndarray of int
        Indices of the stimuli.

    See Also
    --------
    AttentionDecoder : One regressor, whose correlation decides.

    References
    ----------
    .. [1] Wolpert, D. H. (1992). Stacked generalization. Neural Networks, 5(2), 241-259.
       https://doi.org/10.1016/S0893-6080(05)80023-1

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, random_state=0).trials
    >>> stack = StackedTRF(tmax=0.25, alpha=1e-2).fit(trials[:6])
    >>> stack.window_scores(trials[6], window=30).shape
    (2, 2)
    >>> stack.predict(trials[6:]).shape
    (2,)
    """

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: float | Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2),
        *,
        target: int | None = None,
        window: float = 5.0,
        n_splits: int = 5,
        C: float = 1.0,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.target = target
        self.window = window
        self.n_splits = n_splits
        self.C = C

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "StackedTRF":
        """Solve the ridge models and weigh them.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials; one with a single stimulus is weighed by match-mismatch.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : StackedTRF
            Fitted.

        Raises
        ------
        ValueError
            If a label is missing, the trials do not fit together, or there are too few of them to
            leave some out.
        """
        check_rate(self.sfreq, "sfreq")
        trials = check_trials(trials, sfreq=self.sfreq)
        labels = attended_labels(trials, attended)
        if not self.window > 0 or not self.C > 0:
            raise ValueError(
                f"window and C must be positive numbers, got window={self.window!r}, C={self.C!r}"
            )
        groups = self._groups(trials)
        stimuli = [np.asarray(trial.stimuli) for trial in trials]
        attended_stimuli = [s[k : k + 1] for s, k in zip(stimuli, labels, strict=True)]
        self.features_ = EnvelopeFeatures.of(attended_stimuli, self.sfreq, self.target)
        eeg = [trial.eeg for trial in trials]
        targets = [self.features_(s)[0] for s in attended_stimuli]

        differences = []
        for train, test in GroupKFold(min(self.n_splits, len(set(groups)))).split(
            eeg, None, groups
        ):
            model = self._regressor(len(train))
            model.fit([eeg[i] for i in train], [targets[i] for i in train])
            for i in test:
                trial = trials[i].replace(attended=int(labels[i]))
                window = min(self.window, trial.duration / (1 if trial.n_stimuli > 1 else 2))
                differences.append(self._differences(model, trial, window))
        self.weights_ = self._weigh(np.concatenate(differences))
        self.ridge_ = self._regressor(len(trials)).fit(eeg, targets)
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    @one_blas_thread()
    def window_scores(self, trial: Trial, window: float = 5.0, hop: float | None = None) -> Any:
        """Weigh the correlations of all features in every decision window.

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
            Weighted sums; their differences are log odds at the `window` of the training.
        """
        pairs = self._pairs(trial)
        scores = [
            window_scores(predicted, true, trial.sfreq, window, hop) for predicted, true in pairs
        ]
        return np.stack(scores, axis=-1) @ self.weights_

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, Any]:
        """Weigh the correlations for several window lengths, reconstructing once.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to array of shape (n_windows, n_stimuli)
            As `window_scores` gives; no rows for a window longer than the trial.
        """
        windows = list(windows)
        sweeps = [window_sweep(*pair, trial.sfreq, windows) for pair in self._pairs(trial)]
        return {w: np.stack([r[w] for r in sweeps], axis=-1) @ self.weights_ for w in windows}

    def _groups(self, trials: list[Trial]) -> list[str]:
        """Name what is left out together: stories, or single trials if there are no two stories."""
        stories = [trial.story for trial in trials]
        if all(stories) and len(set(stories)) > 1:
            return stories
        if len(trials) < 2:
            raise ValueError(
                "StackedTRF weighs its features on trials that are left out, which takes at least "
                f"2 training trials, got {len(trials)}"
            )
        return [str(i) for i in range(len(trials))]

    def _regressor(self, n_trials: int) -> BackwardTRF:
        several = np.ndim(self.alpha) > 0 and len(np.asarray(self.alpha)) > 1
        if several and n_trials < 2:
            raise ValueError(
                f"alpha={self.alpha!r} is chosen by leaving out training trials, but while others "
                "are left out to weigh the features only one remains: give one alpha or more trials"
            )
        return BackwardTRF(
            self.tmin,
            self.tmax,
            self.sfreq,
            alpha=self.alpha,
            alpha_convention="relative",
            alpha_per_output=several,
        )

    def _pairs(
        self, trial: Trial, model: BackwardTRF | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reconstruction (n_times,) and true features (n_stimuli, n_times), feature by feature."""
        if model is None:
            check_is_fitted(self)
            check_trials([trial], sfreq=self.sfreq)
            model = self.ridge_
            check_channels([trial], model.n_features_in_)
        reconstruction = np.asarray(model.predict([trial.eeg])[0])
        features = self.features_(np.asarray(trial.stimuli))
        return zip(reconstruction.T, np.moveaxis(features, 2, 0), strict=True)

    def _differences(self, model: BackwardTRF, trial: Trial, window: float) -> np.ndarray:
        """Correlations with the attended stimulus minus those with each other one, in rows."""
        pair = match_mismatch(trial, window) if trial.n_stimuli == 1 else trial
        scores = [window_scores(*each, pair.sfreq, window) for each in self._pairs(pair, model)]
        r = np.stack(scores, axis=-1)
        # Nothing is learnt from windows in which nothing can be decided.
        r = r[decidable_windows(pair.stimuli, pair.sfreq, window)]
        assert pair.attended is not None
        others = np.delete(r, pair.attended, axis=1)
        return (r[:, pair.attended, None, :] - others).reshape(-1, r.shape[2])

    def _weigh(self, differences: np.ndarray) -> np.ndarray:
        spread = np.sqrt(np.mean(differences**2, axis=0))
        x = differences / np.where(spread > 0, spread, 1.0)
        # Every pair enters in both orders: there is no constant, which side is which is arbitrary.
        logistic = LogisticRegression(C=self.C, fit_intercept=False)
        logistic.fit(np.concatenate([x, -x]), np.repeat([1, 0], len(x)))
        return np.asarray(logistic.coef_[0] / np.where(spread > 0, spread, 1.0))
