"""Attention decoding without labels: the decoder labels the data that it is trained on."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, repeat
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import ReconstructionMixin
from cocktailparty.trial import Trial
from cocktailparty.trial_means import without_mean
from cocktailparty.trials import check_trials
from linear_aad.haufe import patterns
from linear_aad.lagged.leave_one_out import correlation
from linear_aad.lagged.moments import LaggedMoments, Moments, filter_lagged, lags_in_samples
from linear_aad.lagged.penalties import Penalty, check_penalty, is_penalty
from linear_aad.lagged.shrinkage import ledoit_wolf_penalty
from linear_aad.lagged.systems import ridge
from linear_aad.relabelling import first_labels, relabel, segment_models, segment_tests
from linear_aad.trf import BackwardTRF


class AdaptiveDecoder(ReconstructionMixin, BaseEstimator):
    r"""Reconstruct the attended stimulus with a decoder that learns without attended labels.

    The covariance of the EEG needs no labels; only its covariance with the attended stimulus does.
    Each segment k is given the stimulus that correlates best with its reconstruction by the ridge
    model of all *other* segments with their present labels, and so on in turn until no label
    changes:

    .. math:: \ell_k = \arg\max_s \; \mathrm{corr}\Big(X_k \,(X^T X + \alpha I)^{-1}
              \sum_{j \ne k} X_j^T s_{j, \ell_j},\; s_{k, s}\Big)

    A segment has no say in its own label: that would favour the label that it happens to have.
    Which of several stimuli is called attended is settled by the strength of the responses alone:
    of several random starts, the one with the largest sum of correlations of left-out segments is
    taken. If another sound drives the EEG more than the attended one, that sound is followed. A
    trial with a single stimulus leaves no choice, and counts as labelled.

    Parameters
    ----------
    regressor : BackwardTRF
        Template whose lags, rate and penalty are used; it is not fitted. Its `alpha` has to be
        "ledoit-wolf", which is recommended, or a single number: there are no labels to choose with.
        It must not have bands, average models or go without a constant.
    initial : estimator, optional
        Fitted linear decoder of the same channels, features and lags that gives the first labels,
        such as an `AttentionDecoder` of other subjects. None to start from random labels.
    initial_weight : float
        Share of the initial weights, from 0 to 1, in a mixture with those that are learnt.
    segment : float
        Seconds over which attention is taken to stay with one stimulus; trials are cut into equal
        segments of about this length.
    n_init : int
        Number of random starts; ignored if there is an initial decoder.
    max_iter : int
        Largest number of passes over the segments.
    forgetting : float
        Seconds after which `partial_fit` has reduced the weight of data to 1/e; may be infinite.
    random_state : int, RandomState or None
        Source of the random starts.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_segments,)
        Stimulus chosen for each segment of the last `fit` or `partial_fit`.
    n_iter_ : int
        Number of passes of the chosen start, the last of which changes nothing.
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights.
    intercept_ : ndarray of shape (n_features,)
        Constants.
    alpha_ : float
        Absolute penalty. That of "ledoit-wolf" is computed by `fit`; as it hardly depends on the
        amount of data, `partial_fit` only keeps it in proportion to the variance of the EEG.
    patterns_ : ndarray of shape (n_features, n_channels, n_lags)
        What the weights respond to, see `BackwardTRF`.
    lags_ : ndarray of int, shape (n_lags,)
        Lags in samples.
    moments_ : Moments
        Sums over the segments with the chosen stimuli, which `partial_fit` carries on.
    stimulus_sum_ : ndarray of shape (n_features,)
        Sum of the chosen stimuli with their means, carried on likewise.
    classes_ : ndarray of int
        Indices of the stimuli.

    References
    ----------
    Geirnaert, S., Francart, T., & Bertrand, A. (2021). Unsupervised self-adaptive auditory
    attention decoding. IEEE Journal of Biomedical and Health Informatics, 25(10), 3955-3966.
    https://doi.org/10.1109/JBHI.2021.3075631

    Yao, Y., Geirnaert, S., Tuytelaars, T., & Bertrand, A. (2025). Efficient solutions for
    mitigating initialization bias in unsupervised self-adaptive auditory attention decoding.
    https://doi.org/10.48550/arXiv.2509.14764

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=12, n_channels=8, snr=-22, random_state=0).trials
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha="ledoit-wolf")
    >>> unlabelled = [trial.replace(attended=None) for trial in trials]
    >>> decoder = AdaptiveDecoder(trf, random_state=0).fit(unlabelled)
    >>> decoder.score(trials) > 0.9
    True
    """

    def __init__(
        self,
        regressor: Any,
        initial: Any = None,
        initial_weight: float = 0.0,
        segment: float = 60.0,
        n_init: int = 10,
        max_iter: int = 100,
        forgetting: float = 600.0,
        random_state: Any = None,
    ) -> None:
        self.regressor = regressor
        self.initial = initial
        self.initial_weight = initial_weight
        self.segment = segment
        self.n_init = n_init
        self.max_iter = max_iter
        self.forgetting = forgetting
        self.random_state = random_state

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "AdaptiveDecoder":
        """Learn from trials whose attended stimulus is unknown.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials; their labels are not looked at.
        attended : object
            Ignored, for compatibility with scikit-learn.

        Returns
        -------
        self : AdaptiveDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a parameter is invalid, the trials do not fit together, to the regressor or to the
            initial decoder, there are fewer than two segments, or no trial has two stimuli to
            choose from.
        """
        lags, penalty = self._checked()
        trials = _with_stimuli(trials, self.regressor.sfreq)
        n_channels, n_features = trials[0].n_channels, trials[0].n_features
        start = self._initial_weights((n_features, n_channels, len(lags)), lags)
        if all(trial.n_stimuli == 1 for trial in trials):
            raise ValueError(
                "every trial has a single stimulus, so that there is nothing to find out without "
                "labels: take AttentionDecoder with the same regressor"
            )
        segments = [cut for trial in trials for cut in _segments(trial, self.segment)]
        if len(segments) < 2:
            raise ValueError(
                f"segment={self.segment:g} s leaves {len(segments)} segment(s), at least 2 are "
                "needed: give more trials or shorten the segments"
            )
        moments = [self._all_stimuli(segment, lags) for segment in segments]
        eeg = LaggedMoments.sum(_chosen(m, 0, 0) for m in moments).dense()
        if self._shrinks:
            signals = (self._signal(segment.eeg) for segment in segments)
            self.alpha_ = ledoit_wolf_penalty(eeg, signals, lags)
        else:
            self.alpha_ = penalty.absolute(self.regressor.alpha, eeg, len(trials))
        tests = segment_tests(moments, n_features)
        xx = eeg.centred()[0]
        if self.initial is None:
            rng = check_random_state(self.random_state)
            starts = [
                np.array([rng.randint(len(test)) for test in tests]) for _ in range(self.n_init)
            ]
        else:
            starts = [first_labels(tests, start, xx)]
        models = segment_models(eeg, moments, self.alpha_, penalty, n_features)
        models = [(1 - self.initial_weight) * model for model in models]
        fixed = self.initial_weight * start
        runs = [relabel(labels, models, tests, fixed, xx, self.max_iter) for labels in starts]
        self.labels_, self.n_iter_, settled, _ = max(runs, key=lambda run: run.objective)
        if not settled:
            warnings.warn(
                f"labels still changed after {self.max_iter} passes: raise max_iter",
                ConvergenceWarning,
                stacklevel=2,
            )
        chosen = LaggedMoments.sum(map(_chosen, moments, self.labels_, repeat(n_features)))
        self.moments_ = replace(eeg, y=chosen.y, xy=chosen.xy, yy=chosen.yy)
        self.stimulus_sum_ = sum(map(_stimulus_sum, segments, self.labels_))
        self.n_trials_, self.lags_ = len(trials), lags
        self.n_features_in_ = n_channels
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        self._solve(start, penalty, (n_features, n_channels, len(lags)))
        return self

    @one_blas_thread()
    def partial_fit(self, trials: Any, attended: Any = None) -> "AdaptiveDecoder":
        """Follow responses that drift: decide each segment, then learn from it.

        Each segment is labelled by the present decoder, before it changes anything. Then all that
        was learnt before is reduced according to `forgetting`, the segment is added, and the
        weights are solved for anew. The first call on a decoder that is not fitted is `fit`.

        Parameters
        ----------
        trials : sequence of Trial
            Trials in the order of recording; their labels are not looked at.
        attended : object
            Ignored.

        Returns
        -------
        self : AdaptiveDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a parameter is invalid, or the trials do not fit to those before.
        """
        if not hasattr(self, "moments_"):
            return self.fit(trials)
        _, penalty = self._checked()
        trials = self._familiar(_with_stimuli(trials, self.regressor.sfreq))
        shape = self.coef_.shape
        start = self._initial_weights(shape, self.lags_)
        labels = []
        for segment in (cut for trial in trials for cut in _segments(trial, self.segment)):
            candidates = self._all_stimuli(segment, self.lags_).dense()
            weights = np.tile(self.coef_.reshape(shape[0], -1).T, len(segment.stimuli))
            scores = correlation(candidates, weights).reshape(-1, shape[0]).mean(axis=1)
            labels.append(int(scores.argmax()))
            kept = np.exp(-segment.duration / self.forgetting)
            new = _chosen(candidates, labels[-1], shape[0])
            pairs = zip(self.moments_.parts, new.parts, strict=True)
            before = self.moments_
            self.moments_ = Moments(*(kept * old + added for old, added in pairs))
            if self.regressor.remove_mean:
                self.stimulus_sum_ = kept * self.stimulus_sum_ + _stimulus_sum(segment, labels[-1])
            if self._shrinks:
                self.alpha_ *= _variance(self.moments_) / _variance(before)
            else:
                alpha = self.regressor.alpha
                self.alpha_ = penalty.absolute(alpha, self.moments_, self.n_trials_)
            self._solve(start, penalty, shape)
        self.labels_ = np.array(labels)
        return self

    @one_blas_thread()
    def reconstruct(self, trials: Any) -> list[np.ndarray]:
        """Reconstruct the attended stimulus from EEG alone.

        Parameters
        ----------
        trials : sequence of Trial
            Trials; their stimuli are not looked at.

        Returns
        -------
        reconstructions : list of ndarray of shape (n_times, n_features)
            One for each trial.

        Raises
        ------
        ValueError
            If the trials do not fit to those of `fit`.
        """
        check_is_fitted(self)
        trials = self._familiar(check_trials(trials, self.regressor.sfreq))
        weights = self.coef_.transpose(1, 2, 0)
        return [
            filter_lagged(self._signal(trial.eeg), weights.astype(trial.eeg.dtype), self.lags_)
            + self.intercept_.astype(trial.eeg.dtype)
            for trial in trials
        ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

    @property
    def sfreq(self) -> float:
        """Sampling rate in hertz."""
        return float(self.regressor.sfreq)

    def _signal(self, x: np.ndarray) -> np.ndarray:
        """Signal of a segment as lags are made of it."""
        return without_mean(x) if self.regressor.remove_mean else x

    def _all_stimuli(self, trial: Trial, lags: np.ndarray) -> LaggedMoments:
        """Moments with the features of all stimuli, one stimulus after the other, as targets."""
        targets = trial.stimuli.transpose(1, 0, 2).reshape(trial.n_times, -1)
        return LaggedMoments.of(self._signal(trial.eeg), self._signal(targets), lags)

    @property
    def _shrinks(self) -> bool:
        return isinstance(self.regressor.alpha, str)

    def _checked(self) -> tuple[np.ndarray, Penalty]:
        """Lags in samples and what is penalised, after a look at every parameter."""
        trf = self.regressor
        if not isinstance(trf, BackwardTRF):
            raise ValueError(f"regressor must be a BackwardTRF, got {trf!r}")
        lags = lags_in_samples(trf.tmin, trf.tmax, trf.sfreq)
        check_penalty(trf.penalty, trf.alpha_convention, len(lags))
        if not (trf.alpha == "ledoit-wolf" if self._shrinks else is_penalty(trf.alpha)):
            raise ValueError(
                f"alpha of the regressor must be 'ledoit-wolf' or a single number >= 0, got "
                f"{trf.alpha!r}: there are no labels to choose among several with"
            )
        plain: dict[str, Any] = {
            "lags": None,
            "bands": None,
            "averaging": "covariances",
            "fit_intercept": True,
        }
        if self._shrinks:
            plain["penalty"] = "ridge"
        for name, value in plain.items():
            if not np.array_equal(getattr(trf, name), value):
                raise ValueError(
                    f"{name}={getattr(trf, name)!r} of the regressor does not go with "
                    f"AdaptiveDecoder and alpha={trf.alpha!r}: leave it at {value!r}"
                )
        if not 0 <= self.initial_weight <= 1 or (self.initial is None and self.initial_weight > 0):
            raise ValueError(
                "initial_weight must lie between 0 and 1, and be 0 without an initial decoder, "
                f"got {self.initial_weight!r}"
            )
        for name in ("segment", "forgetting", "n_init", "max_iter"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        return lags, Penalty(trf.penalty, trf.alpha_convention, trf.sfreq, len(lags))

    def _initial_weights(self, shape: tuple[int, ...], lags: np.ndarray) -> np.ndarray:
        """Weights of the initial decoder, (n_features, n_channels * n_lags); zero without one."""
        if self.initial is None:
            return np.zeros((shape[0], shape[1] * shape[2]))
        model = getattr(self.initial, "regressor_", self.initial)
        if not hasattr(model, "coef_"):
            raise ValueError(f"initial must be a fitted linear decoder, got {self.initial!r}")
        if model.coef_.shape != shape or not np.array_equal(model.lags_, lags):
            raise ValueError(
                f"initial has weights of shape {model.coef_.shape} at lags {model.lags_[0]} to "
                f"{model.lags_[-1]}, expected {shape} at lags {lags[0]} to {lags[-1]}: fit it with "
                "the same channels, features and lags"
            )
        return np.reshape(model.coef_, (shape[0], -1))

    def _familiar(self, trials: list[Trial]) -> list[Trial]:
        n_features, n_channels, _ = self.coef_.shape
        for what, fitted in (("n_channels", n_channels), ("n_features", n_features)):
            came = getattr(trials[0], what)
            if came != fitted:
                raise ValueError(f"trials have {what}={came}, the decoder was fitted to {fitted}")
        return trials

    def _solve(self, start: np.ndarray, penalty: Penalty, shape: tuple[int, ...]) -> None:
        """Weights, constants and patterns from the sums."""
        moments = self.moments_
        weights = ridge(moments, [self.alpha_], penalty)[0]
        weights = (1 - self.initial_weight) * weights + self.initial_weight * start.T
        products = moments.centred()[0] @ weights
        level = self.stimulus_sum_ if self.regressor.remove_mean else moments.y
        self.intercept_ = (level - moments.x @ weights) / moments.n
        self.coef_ = weights.T.reshape(shape)
        self.patterns_ = patterns(products, weights).T.reshape(shape)


def _with_stimuli(trials: Any, sfreq: float) -> list[Trial]:
    trials = check_trials(trials, sfreq)
    empty = [i for i, trial in enumerate(trials) if trial.n_stimuli == 0]
    if empty:
        raise ValueError(f"trials {empty} have no stimuli to learn from: leave them out")
    return trials


def _segments(trial: Trial, duration: float) -> Iterator[Trial]:
    """Cut a trial into equal parts of about the given length."""
    n_segments = max(1, round(trial.duration / duration))
    edges = np.linspace(0, trial.n_times, n_segments + 1).round() / trial.sfreq
    return (trial.crop(start, stop) for start, stop in pairwise(edges))


def _chosen(m: Any, stimulus: int, n_features: int) -> Any:
    """Moments with the features of one stimulus as targets."""
    mine = slice(stimulus * n_features, (stimulus + 1) * n_features)
    return replace(m, y=m.y[mine], xy=m.xy[:, mine], yy=m.yy[mine])


def _stimulus_sum(trial: Trial, stimulus: int) -> np.ndarray:
    return np.asarray(trial.stimuli[stimulus]).sum(axis=0, dtype=np.float64)


def _variance(moments: Moments) -> float:
    """Mean variance of the lagged EEG."""
    return Penalty(convention="relative").absolute(1.0, moments, 1) / moments.n
