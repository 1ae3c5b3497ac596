"""Probabilities of attention from the scores of any decoder, calibrated on left-out trials."""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.decoding.pipeline import as_decoder
from cocktailparty.model_selection.policy import Split
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials

# Slopes between which the likeliest is looked for, relative to the spread of the scores.
_LOWEST, _HIGHEST = 1e-4, 1e3


class CalibratedDecoder(AttentionDecoderMixin, BaseEstimator):
    r"""Give a decoder probabilities, for `predict_proba` and what is built on it.

    The probability of stimulus k is

    .. math:: p_k = \exp(b z_k) / \sum_j \exp(b z_j)

    with the scores :math:`z` of a whole trial and one slope b, which is the likeliest for trials
    that the decoder was not trained on: Platt's method without a constant, since the order of
    stimuli means nothing. A decoder that says nothing gets a slope of 0, and all stimuli are
    equally probable. Windows are scored as without calibration.

    Parameters
    ----------
    decoder : estimator
        Attention decoder; it is cloned.
    cv : {"trial", "story", "subject"}, scikit-learn splitter or Split
        How training trials are left out, see `cocktailparty.model_selection.Split`.

    Attributes
    ----------
    decoder_ : estimator
        Trained on all training trials.
    slope_ : float
        Slope b.
    classes_ : ndarray of int
        Numbers of the stimuli.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods. Advances in Large Margin Classifiers, 10(3), 61-74.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(
    ...     n_trials=8, n_channels=8, duration=20, snr=-25, random_state=0).trials
    >>> ridge = AttentionDecoder(BackwardTRF(tmax=0.25, alpha=0.01, alpha_convention="relative"))
    >>> CalibratedDecoder(ridge).fit(trials[:6]).predict_proba(trials[6:]).sum(axis=1).tolist()
    [1.0, 1.0]
    """

    def __init__(self, decoder: Any = None, cv: Any = "trial") -> None:
        self.decoder = decoder
        self.cv = cv

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "CalibratedDecoder":
        """Train the decoder, and learn the slope from left-out trials.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials with two or more stimuli.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : CalibratedDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a label is missing, a trial has a single stimulus, or trials cannot be split.
        """
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        trials = [t.replace(attended=int(k)) for t, k in zip(trials, labels, strict=True)]
        if min(trial.n_stimuli for trial in trials) < 2:
            raise ValueError("probabilities take trials with two or more stimuli")
        unfitted = as_decoder(self.decoder)
        scores, right = [], []
        for fold in Split.of(self.cv).folds(trials):
            scores.append(clone(unfitted).fit(fold.train).decision_function(fold.test))
            right.append(attended_labels(fold.test))
        self.slope_ = _likeliest(scores, right)
        self.decoder_ = clone(unfitted).fit(trials)
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    @one_blas_thread()
    def window_scores(self, trial: Trial, window: float = 5.0, hop: float | None = None) -> Any:
        """Score every stimulus in every decision window, without calibration.

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
        check_is_fitted(self)
        return self.decoder_.window_scores(trial, window, hop)

    def predict_proba(self, trials: Any) -> np.ndarray:
        """Compute how probable it is that each stimulus was attended in whole trials.

        Parameters
        ----------
        trials : sequence of Trial
            Trials to decode.

        Returns
        -------
        probabilities : ndarray of shape (n_trials, n_stimuli)
            They add up to 1; 0 where a trial has fewer stimuli than the others.

        Raises
        ------
        ValueError
            If a score is NaN.
        """
        return np.asarray(softmax(_times(self.slope_, self.decision_function(trials)), axis=1))


def _times(slope: float, scores: np.ndarray) -> np.ndarray:
    """Multiply scores; a stimulus that is not there stays impossible, also with a slope of 0."""
    return np.where(np.isfinite(scores), slope * np.where(np.isfinite(scores), scores, 0), -np.inf)


def _likeliest(scores: list[np.ndarray], right: list[np.ndarray]) -> float:
    """Slope with the largest likelihood of the attended stimuli of left-out trials, at least 0."""
    spread = float(np.std(np.concatenate([s[np.isfinite(s)] for s in scores])))
    if not spread:
        return 0.0

    def loss(exponent: float) -> float:
        slope = np.exp(exponent) / spread
        return -sum(
            float(log_softmax(_times(slope, s), axis=1)[np.arange(len(k)), k].sum())
            for s, k in zip(scores, right, strict=True)
        )

    bounds = np.log(_LOWEST), np.log(_HIGHEST)
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    silent = sum(float(np.log(np.isfinite(s).sum(axis=1)).sum()) for s in scores)  # of a slope of 0
    return float(np.exp(found.x) / spread) if found.fun < silent else 0.0
