"""Stacking in closed form: ridge models of several features, weighed by logistic regression."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

    Trials may have further streams, such as the band of 70 to 220 Hz with the waveform that a
    following response follows [2]_. Each has ridge models of its own at its own rate, and its
    correlations are weighed together with the others.

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
    streams : mapping of str to float, optional
        Streams of the trials to use besides, by name, and the last lag of each in seconds, such as
        ``{"following": 0.05}``. See `cocktailparty.preprocessing.preprocess`, which makes them.

    Attributes
    ----------
    ridge_ : BackwardTRF
        Models of all features, from all training trials.
    features_ : EnvelopeFeatures
        Features and their thresholds, as learnt from the attended stimuli.
    streams_ : dict of str to BackwardTRF
        Models of the streams.
    weights_ : ndarray of shape (n_features,)
        Weight of the correlation of each feature; those of the streams come last.
    classes_ : ndarray of int
        Indices of the stimuli.

    See Also
    --------
    AttentionDecoder : One regressor, whose correlation decides.

    References
    ----------
    .. [1] Wolpert, D. H. (1992). Stacked generalization. Neural Networks, 5(2), 241-259.
       https://doi.org/10.1016/S0893-6080(05)80023-1
    .. [2] Etard, O., et al. (2019). Decoding of selective attention to continuous speech from the
       human auditory brainstem response. NeuroImage, 200, 1-11.
       https://doi.org/10.1016/j.neuroimage.2019.06.029

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
        streams: Mapping[str, float] | None = None,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.target = target
        self.window = window
        self.n_splits = n_splits
        self.C = C
        self.streams = streams

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
        _check_streams(trials, self.streams or {})
        differences = []
        n_folds = min(self.n_splits, len(set(groups)))
        for train, test in GroupKFold(n_folds).split(trials, None, groups):
            models = self._models([trials[i] for i in train], labels[train])
            for i in test:
                trial = trials[i].replace(attended=int(labels[i]))
                window = min(self.window, trial.duration / (1 if trial.n_stimuli > 1 else 2))
                differences.append(self._differences(models, trial, window))
        self.weights_ = self._weigh(np.concatenate(differences))
        self.ridge_, *others = self._models(trials, labels)
        self.streams_ = dict(zip(self.streams or {}, others, strict=True))
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
        scores = self._correlations(trial, self._fitted(trial), window, hop)
        return scores @ self.weights_

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
        # Windows of whole samples of the trial are such of its streams, which are faster.
        lengths = {w: round(w * trial.sfreq) / trial.sfreq for w in windows}
        sweeps = [
            window_sweep(predicted, true, sfreq, lengths.values())
            for predicted, true, sfreq in self._pairs(trial, self._fitted(trial))
        ]
        return {
            w: np.stack([r[lengths[w]] for r in sweeps], axis=-1) @ self.weights_ for w in lengths
        }

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

    def _regressor(self, n_trials: int, tmin: float, tmax: float, sfreq: float) -> BackwardTRF:
        several = np.ndim(self.alpha) > 0 and len(np.asarray(self.alpha)) > 1
        if several and n_trials < 2:
            raise ValueError(
                f"alpha={self.alpha!r} is chosen by leaving out training trials, but while others "
                "are left out to weigh the features only one remains: give one alpha or more trials"
            )
        return BackwardTRF(
            tmin, tmax, sfreq, alpha=self.alpha, alpha_convention="relative",
            alpha_per_output=several,
        )  # fmt: skip

    def _models(self, trials: list[Trial], labels: np.ndarray) -> list[BackwardTRF]:
        """Solve the ridge models of the trials themselves and of each of their streams."""
        n = len(trials)
        models = [self._regressor(n, self.tmin, self.tmax, self.sfreq)]
        for name, tmax in (self.streams or {}).items():
            models.append(self._regressor(n, 0.0, tmax, trials[0].streams[name].sfreq))
        for k, model in enumerate(models):
            views = [self._views(trial)[k] for trial in trials]
            # Only the attended stimulus is looked at.
            targets = [
                features(view.stimuli[a : a + 1])[0]
                for (view, features), a in zip(views, labels.tolist(), strict=True)
            ]
            model.fit([view.eeg for view, _ in views], targets)
        return models

    def _fitted(self, trial: Trial) -> list[BackwardTRF]:
        """Models to decode a trial, which is checked."""
        check_is_fitted(self)
        check_trials([trial], sfreq=self.sfreq)
        _check_streams([trial], self.streams or {})
        models = [self.ridge_, *(self.streams_[name] for name in self.streams or {})]
        for (view, _), model in zip(self._views(trial), models, strict=True):
            check_channels([view], model.n_features_in_)
        return models

    def _views(self, trial: Trial) -> list[tuple[Trial, Callable[[Any], np.ndarray]]]:
        """List the trial and its streams, each with what makes features of its stimuli."""
        streams = [(trial.streams[name], np.asarray) for name in self.streams or {}]
        return [(trial, lambda s: self.features_(np.asarray(s))), *streams]

    def _pairs(
        self, trial: Trial, models: list[BackwardTRF]
    ) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Reconstruction (n_times,), true (n_stimuli, n_times) and rate, feature by feature."""
        for (view, make), model in zip(self._views(trial), models, strict=True):
            reconstruction = np.asarray(model.predict([view.eeg])[0])
            features = np.moveaxis(make(view.stimuli), 2, 0)
            for predicted, true in zip(reconstruction.T, features, strict=True):
                yield predicted, true, view.sfreq

    def _correlations(
        self, trial: Trial, models: list[BackwardTRF], window: float, hop: float | None = None
    ) -> np.ndarray:
        """Correlations of all features in windows, (n_windows, n_stimuli, n_features)."""
        # Windows of whole samples of the trial are such of its streams, which are faster.
        window = round(window * trial.sfreq) / trial.sfreq
        hop = hop if hop is None else max(round(hop * trial.sfreq), 1) / trial.sfreq
        scores = [window_scores(*pair, window, hop) for pair in self._pairs(trial, models)]
        return np.stack(scores, axis=-1)

    def _differences(self, models: list[BackwardTRF], trial: Trial, window: float) -> np.ndarray:
        """Correlations with the attended stimulus minus those with each other one, in rows."""
        pair = match_mismatch(trial, window) if trial.n_stimuli == 1 else trial
        r = self._correlations(pair, models, window)
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


def _check_streams(trials: list[Trial], streams: Mapping[str, float]) -> None:
    """Raise a ValueError if a trial lacks a stream, or has it at another rate than the first."""
    for trial in trials:
        missing = [name for name in streams if name not in trial.streams]
        if missing:
            raise ValueError(
                f"trial {trial.label!r} has streams {sorted(trial.streams)}, expected {missing}: "
                "preprocess(trials, streams=...) makes them"
            )
    for name in streams:
        check_trials([trial.streams[name] for trial in trials])
