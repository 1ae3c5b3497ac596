"""Attention over time: a hidden Markov model on the scores of any decoder."""

import logging
import warnings
from collections.abc import Iterable
from math import gcd
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from cocktailparty.backend import to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.attention_filter import AttentionFilter, AttentionState, Posterior
from cocktailparty.decoding.base import AttentionDecoderMixin, ReconstructionMixin
from cocktailparty.decoding.excerpts import ExcerptScorer
from cocktailparty.decoding.markov import fixed_lag_smoother, forward_filter, transition_matrix
from cocktailparty.decoding.pipeline import as_decoder
from cocktailparty.decoding.score_model import AttentionTrack, ScoreModel, credible_interval
from cocktailparty.evaluation.shift_test import shifted
from cocktailparty.metrics import decidable_windows, window_scores
from cocktailparty.metrics.decisions import check_scores
from cocktailparty.model_selection.policy import Split
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials

logger = logging.getLogger(__name__)

# Gains over the credible interval at which former models compute probabilities.
_N_GAINS = 9
# Sounds of left-out trials are shifted by multiples of a fifth of the trial, of at least 2 s.
_N_SHIFTS = 5
_MIN_SHIFT = 2.0


class AttentionTracker(AttentionDecoderMixin, BaseEstimator):
    r"""Track attention that may switch, with the scores of a decoder in short windows.

    The attended stimulus is the state of a hidden Markov chain that leaves a state after `dwell`
    seconds on average, for any of the others with equal probability, or that stays. Scores of short
    windows are poor, but they add up. The difference between the score of the attended stimulus and
    that of any other is taken as Gaussian with mean m and variance v, and scores are alike in all
    other respects, so that a score :math:`z_k` of stimulus k has the log-likelihood

    .. math:: \log p(z \mid k) = \frac{2 m}{v} \, z_k + \mathrm{const.}

    A new trial has a mean m of its own. Its logarithm is Gaussian about that of training, with a
    standard deviation of 0.5 (4 dB) plus the uncertainty of training; or m is 0, because the
    trial follows none of its sounds. The trial itself, by the differences and the level of its
    scores, decides how much each of these possibilities counts, see
    `cocktailparty.decoding.score_model.ScoreModel`. Forward filter and fixed-lag smoother are exact
    for each. Windows in which all stimuli are silent are no evidence, and nothing is learnt from
    them.

    Parameters
    ----------
    decoder : estimator
        Attention decoder with `window_scores`, such as `AttentionDecoder`; it is cloned.
    window : float
        Length of the windows in seconds; they lie side by side.
    dwell : float
        Mean time between switches of attention in seconds.
    lag : float
        How long after a window its estimate is made, in seconds, rounded to whole windows. 0
        filters; more smooths, and is right more often but later.
    cv : {"trial", "story", "subject"} or scikit-learn splitter
        How the training trials are split to learn the observation model from scores of trials
        that the decoder was not trained on, see `cocktailparty.model_selection.folds`.
    steady : float
        Probability, before anything is heard, that attention does not switch in a trial at all.
    none : float
        Probability, before anything is heard, that a trial follows none of its sounds.
    absent : float
        Share of the time in which a listener who follows a sound otherwise follows none: day-dreams
        or loose electrodes, for `dwell` seconds on average. With 0 nobody comes and goes.

    Attributes
    ----------
    decoder_ : estimator
        The decoder, fitted on all training trials.
    difference_ : float
        Mean m of the attended minus the unattended scores of a window.
    variance_ : float
        Variance v of that difference.
    gain_ : float
        Log-likelihood per unit of score, 2 m / v; 0 if the decoder told nothing. v counts as no
        less than a millionth of the square of m.
    interval_ : ndarray of shape (2,)
        Credible interval of m that holds 95 % of its posterior probability, see Notes. If it
        starts below 0, the decoder may as well be guessing.
    score_model_ : cocktailparty.decoding.score_model.ScoreModel
        Distributions of the scores of attended, unattended and (shifted) unrelated sounds.
    n_windows_ : int
        Number of left-out windows with sound that the observation model was learnt from.
    classes_ : ndarray of int
        Indices of the stimuli.

    Notes
    -----
    Windows of one trial have more in common with each other than with those of the next: the
    decoder that was trained without it, the sounds, the state of the listener. So n windows tell
    less about m than n independent ones would, and its interval comes from the spread of the means
    of K trials that were left out (all segments of one count once), or of K listeners if there are
    several:

    .. math:: m \pm t_{K - 1} \, s, \qquad
              s^2 = \frac{K}{K - 1} \sum_k \Big(\frac{n_k}{n} (m_k - m)\Big)^2

    with the 97.5 % quantile of Student's t. For units of equal size this is the posterior of m
    under a flat prior of m and of the logarithm of the spread. That of v is left out: it is known
    much better.

    References
    ----------
    Miran, S., et al. (2018). Real-time tracking of selective auditory attention from M/EEG: a
    Bayesian filtering approach. Frontiers in Neuroscience, 12, 262.
    https://doi.org/10.3389/fnins.2018.00262

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, snr=-22, random_state=0).trials
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
    >>> tracker = AttentionTracker(AttentionDecoder(trf), dwell=30).fit(trials[:6])
    >>> track = tracker.track(trials[6])
    >>> track.probability.shape
    (60, 2)
    >>> bool((track.decision[10:] == trials[6].attended).mean() > 0.9)
    True
    """

    def __init__(
        self,
        decoder: Any,
        window: float = 1.0,
        dwell: float = 60.0,
        lag: float = 0.0,
        cv: Any = "trial",
        steady: float = 0.9,
        none: float = 0.25,
        absent: float = 0.0,
    ) -> None:
        self.decoder = decoder
        self.window = window
        self.dwell = dwell
        self.lag = lag
        self.cv = cv
        self.steady = steady
        self.none = none
        self.absent = absent

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "AttentionTracker":
        """Train the decoder, and learn how its scores are distributed.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials in each of which attention stays with one of at least two stimuli.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : AttentionTracker
            Fitted.

        Raises
        ------
        ValueError
            If a parameter is invalid, a label is missing, trials have a single stimulus, they
            cannot be split, a score is NaN, or windows of a single trial or listener are left out.
        """
        self._check_parameters()
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        trials = [t.replace(attended=int(k)) for t, k in zip(trials, labels, strict=True)]
        alone = [i for i, trial in enumerate(trials) if trial.n_stimuli < 2]
        if alone:
            raise ValueError(f"trials {alone} have a single stimulus, at least 2 are needed")
        unfitted = as_decoder(self.decoder)
        several = len({trial.subject for trial in trials}) > 1
        units: dict[Any, list[np.ndarray]] = {}
        held_out: list[tuple[np.ndarray, int, list[np.ndarray]]] = []
        folds = Split.of(self.cv).folds(trials)
        for number, fold in enumerate(folds, start=1):
            logger.info(
                "left out to learn the confidence: %s (%d of %d)", fold.name, number, len(folds)
            )
            decoder = clone(unfitted).fit(fold.train)
            for trial, label in zip(fold.test, attended_labels(fold.test), strict=True):
                scores, heard = self._observed(decoder, trial)
                if not heard.any():
                    continue
                scores = scores[heard]
                others = np.delete(scores, label, axis=1)
                held_out.append((scores, int(label), self._unrelated(decoder, trial)))
                unit = trial.subject if several else trial.origin or len(units)
                units.setdefault(unit, []).append(scores[:, [label]] - others)
        differences = [
            np.concatenate([d.ravel() for d in contrasts]) for contrasts in units.values()
        ]
        if len(differences) < 2:
            how_many = "a single" if differences else "no"
            raise ValueError(
                f"cv={self.cv!r} leaves out {how_many} {'listener' if several else 'trial'} with "
                "sound, from which nothing is learnt about the spread between them: choose another "
                "cv"
            )
        pooled = np.concatenate(differences)
        self.n_windows_ = sum(len(d) for contrasts in units.values() for d in contrasts)
        self.difference_ = float(pooled.mean())
        self.variance_ = float(pooled.var())
        self.interval_ = credible_interval(
            [d.sum() for d in differences], [len(d) for d in differences]
        )
        held_out_scores, held_out_labels, unrelated = (
            list(column) for column in zip(*held_out, strict=True)
        )
        self.score_model_ = ScoreModel.of(
            held_out_scores, held_out_labels, unrelated, self.interval_
        )
        # A decoder that is worse than chance on held-out trials has nothing to say.
        self.gain_ = self._gain(self.difference_)
        logger.info("training on all %d trials", len(trials))
        self.decoder_ = clone(unfitted).fit(trials)
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    @one_blas_thread()
    def track(self, trial: Trial, so_far: bool = False) -> AttentionTrack:
        """Estimate what was attended, window by window.

        Parameters
        ----------
        trial : Trial
            Trial in which attention may switch; its label is not looked at.
        so_far : bool
            Judge each moment by what was heard until then alone, as `step` does while the sounds
            play; also how well the trial follows its sounds, and whether a stimulus is silent.
            Otherwise the whole trial tells that.

        Returns
        -------
        track : AttentionTrack
            Posterior probabilities with their range, and decisions.

        Raises
        ------
        ValueError
            If a parameter is invalid, or the trial does not fit to the decoder.
        """
        check_is_fitted(self)
        self._check_parameters()
        n_lagging = round(self.lag / self.window)
        if so_far:
            posterior = self._heard_so_far(trial)
        else:
            scores, heard = self._observed(self.decoder_, trial)
            if hasattr(self, "score_model_"):
                posterior = self.score_model_.posterior(
                    scores, heard, self.window, self._chains, self.none, n_lagging, self.absent
                )
            else:
                posterior = self._former(scores, n_lagging)
        ends = np.arange(1, len(posterior.probability) + 1)
        step = round(self.window * trial.sfreq) / trial.sfreq
        return AttentionTrack(
            step * ends,
            step * np.minimum(ends + n_lagging, ends[-1]),
            posterior.probability,
            posterior.lower,
            posterior.upper,
            posterior.probability.argmax(axis=1),
            posterior.none,
        )

    def step(
        self, evidence: Any, state: AttentionState | None = None, share: float = 1.0
    ) -> tuple[Posterior, AttentionState]:
        """Take in one window while the sounds play.

        Windows lie side by side; ``track(trial, so_far=True)`` takes the same steps.

        Parameters
        ----------
        evidence : array-like of shape (n_stimuli,)
            Scores of the decoder in the window; all NaN for a window without data or without sound,
            which is no evidence.
        state : AttentionState, optional
            What the last step returned; None for the first window.
        share : float
            Share of the window in which there were data. A part of a window tells less.

        Returns
        -------
        posterior : Posterior
            Probability that each stimulus is attended with its range, each (n_stimuli,), and the
            probability that `none` is.
        state : AttentionState
            For the next step.

        Raises
        ------
        ValueError
            If some scores are NaN and others are not, the share is none, or the tracker smooths
            (`lag`) or was saved by a version that did not learn distributions of scores.

        Examples
        --------
        >>> from cocktailparty.datasets import simulate_two_talkers
        >>> from linear_aad import AttentionDecoder, BackwardTRF
        >>> trials = simulate_two_talkers(n_trials=6, n_channels=8, snr=-20, random_state=0).trials
        >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
        >>> tracker = AttentionTracker(AttentionDecoder(trf)).fit(trials)
        >>> posterior, state = tracker.step([0.4, 0.0])
        >>> posterior, state = tracker.step([0.3, 0.1], state)
        >>> bool(posterior.probability[0] > 0.5)
        True
        """
        scores = np.asarray(evidence, dtype=float)
        missing = np.isnan(scores)
        if scores.ndim != 1 or missing.any() != missing.all():
            raise ValueError(f"evidence must hold a score for each sound or only NaN, got {scores}")
        if not 0 < share <= 1:
            raise ValueError(f"share must lie above 0 and not above 1, got {share!r}")
        steps = self._filter(len(scores))
        state = steps.step(
            steps.start() if state is None else state, None if missing.any() else scores, share
        )
        return steps.so_far(state), state

    def _filter(self, n_stimuli: int) -> AttentionFilter:
        """Filter that goes on from window to window."""
        check_is_fitted(self)
        self._check_parameters()
        if self.lag:
            raise ValueError(f"lag={self.lag:g} s waits for what comes later: set it to 0")
        if not hasattr(self, "score_model_"):
            raise ValueError(
                "this model was saved by a version that did not learn how scores are distributed: "
                "train it again"
            )
        parameters = (self.window, self._chains, self.none, self.absent)
        return AttentionFilter(self.score_model_, n_stimuli, *parameters)

    def _heard_so_far(self, trial: Trial) -> Posterior:
        """Posterior of all windows, each from what was heard until its end."""
        steps = self._filter(trial.n_stimuli)
        scorer, state = ExcerptScorer.of(self.decoder_, trial, self.window), steps.start()
        found = []
        for scores in scorer.of_trial(trial):
            state = steps.step(state, scores)
            found.append(steps.so_far(state))
        return Posterior(*(np.array(values) for values in zip(*found, strict=True)))

    @property
    def _chains(self) -> list[tuple[float, float]]:
        return [(self.dwell, 1 - self.steady), (np.inf, self.steady)]

    @one_blas_thread()
    def window_scores(
        self, trial: Trial, window: float = 5.0, hop: float | None = None
    ) -> np.ndarray:
        """Compute the posterior at the end of every decision window from its scores alone.

        Each decision window starts without an opinion, so that the tracker can be compared with
        other decoders at the same window length, and with the gain of training: what a trial is
        like cannot be told from a window. `track` uses the whole trial instead.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        window : float
            Length of a decision window in seconds; its last part that does not fill a window of
            the tracker is not used.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.

        Returns
        -------
        scores : ndarray of shape (n_windows, n_stimuli)
            Logarithms of the posterior probabilities; all equal where all stimuli are silent.

        Raises
        ------
        ValueError
            If the window is longer than the trial or shorter than those of the tracker, or a score
            of the decoder is NaN.
        """
        return self._posterior(trial, window, window if hop is None else hop, {})

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, np.ndarray]:
        """Compute the posterior for several window lengths, calling the decoder once.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to ndarray of shape (n_windows, n_stimuli)
            As `window_scores` gives; no rows for a window longer than the trial.

        Raises
        ------
        ValueError
            If a window is shorter than those of the tracker, or a score of the decoder is NaN.
        """
        known: dict[int, np.ndarray] = {}
        return {
            window: self._posterior(trial, window, window, known)
            if round(window * trial.sfreq) <= trial.n_times
            else np.empty((0, trial.n_stimuli))
            for window in windows
        }

    def _posterior(
        self, trial: Trial, window: float, hop: float, known: dict[int, np.ndarray]
    ) -> np.ndarray:
        """Logarithms (n_windows, n_stimuli); scores of the decoder are kept in `known`, by hop."""
        check_is_fitted(self)
        self._check_parameters()
        rate = trial.sfreq
        n = round(window * rate) if np.isfinite(window) else 0
        n_inner, n_hop = round(self.window * rate), round(hop * rate)
        if not (n_inner <= n <= trial.n_times and n_hop > 0):
            raise ValueError(
                f"window={window:g} s with hop={hop:g} s: the window must lie between "
                f"window={self.window:g} s of the tracker and the {trial.duration:g} s of the "
                "trial, and the hop be a sample or more"
            )
        # Scored once in the whole trial, at every sample where a window of the tracker starts.
        step = gcd(n_hop, n_inner)
        if step not in known:
            known[step], _ = self._observed(self.decoder_, trial, step / rate)
        starts = np.arange(0, trial.n_times - n + 1, n_hop)
        inner = np.arange(0, n - n_inner + 1, n_inner)
        evidence = self.gain_ * known[step][(starts + inner[:, None]) // step]
        return forward_filter(evidence, self._transition(trial.n_stimuli))[-1]

    def _observed(
        self, decoder: Any, trial: Trial, hop: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores of a decoder, 0 where all stimuli are silent; and the windows where they are not.

        A decoder may have its own opinion of a silent window, from EEG alone or from what is
        before and after; there is nothing that it could be right about.
        """
        scores = to_numpy(decoder.window_scores(trial, self.window, hop))
        heard = decidable_windows(trial.stimuli, trial.sfreq, self.window, hop)
        check_scores(scores[heard], f"{type(decoder).__name__}, {trial.label}")
        return np.where(heard[:, None], scores, 0.0), heard

    def _unrelated(self, decoder: Any, trial: Trial) -> list[np.ndarray]:
        """Scores with the sounds from another time of the same trial; none if it is too short."""
        if trial.duration < _N_SHIFTS * _MIN_SHIFT:
            return []
        shifts = [round(k * trial.n_times / _N_SHIFTS) for k in range(1, _N_SHIFTS)]
        versions = [trial.replace(stimuli=shifted(trial.stimuli, by)) for by in shifts]
        if isinstance(decoder, ReconstructionMixin):
            # Each sound is scored by itself, so that one reconstruction serves all.
            reconstruction = decoder.reconstruct([trial])[0]
            all_scores = [
                window_scores(reconstruction, t.stimuli, t.sfreq, self.window) for t in versions
            ]
        else:
            all_scores = [decoder.window_scores(t, self.window) for t in versions]
        kept_scores = []
        for version, scores in zip(versions, all_scores, strict=True):
            heard = decidable_windows(version.stimuli, version.sfreq, self.window)
            heard_scores = to_numpy(scores)[heard]
            check_scores(
                heard_scores, f"{type(decoder).__name__}, {trial.label}, sounds shifted in time"
            )
            kept_scores.append(heard_scores)
        return kept_scores

    def _former(self, scores: np.ndarray, n_lagging: int) -> Posterior:
        """Posterior of models that know of no distribution but that of the difference."""
        warnings.warn(
            "this model was saved by a version that did not learn what scores are like where no "
            "sound is followed: its confidence is too high there. Train it again",
            stacklevel=3,
        )
        low, high = self.interval_
        gains = [self.gain_, *map(self._gain, np.linspace(low, high, _N_GAINS))]
        evidence = np.multiply.outer(gains, scores).swapaxes(0, 1)
        transition = self._transition(scores.shape[1])
        filtered = forward_filter(evidence, transition)
        probability = np.exp(fixed_lag_smoother(filtered, evidence, transition, n_lagging))
        bounds = probability.min(axis=1), probability.max(axis=1)
        return Posterior(probability[:, 0], *bounds, np.full(len(scores), np.nan))

    def _gain(self, difference: float) -> float:
        """Log-likelihood per unit of score for a mean difference of the scores."""
        if difference <= 0:
            return 0.0
        return float(2 * difference / max(self.variance_, 1e-6 * difference**2))

    def _transition(self, n_stimuli: int) -> np.ndarray:
        return transition_matrix(n_stimuli, self.window, self.dwell)

    def _check_parameters(self) -> None:
        for name in ("window", "dwell"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("steady", "none", "absent"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be a probability below 1, got {getattr(self, name)!r}"
                )
        if not (np.isfinite(self.lag) and self.lag >= 0):
            raise ValueError(f"lag must be a number of seconds >= 0, got {self.lag!r}")
