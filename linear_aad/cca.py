"""Canonical correlation analysis: EEG and stimulus filtered towards each other, then correlated."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.metrics import decidable_windows, window_sweep
from cocktailparty.metrics import window_scores as correlate_windows
from cocktailparty.model_selection.splits import match_mismatch
from cocktailparty.trial import Trial
from cocktailparty.trial_means import without_mean
from cocktailparty.trials import attended_labels, check_trials
from linear_aad.canonical import (
    COMBINATIONS,
    LaggedProducts,
    canonical_filters,
    combination,
)
from linear_aad.haufe import patterns
from linear_aad.lagged.moments import filter_lagged, lags_in_samples


class CCADecoder(AttentionDecoderMixin, BaseEstimator):
    r"""Decode attention by canonical correlation of EEG and stimulus.

    Pairs of filters, one on the EEG and one on the stimulus, are found so that their outputs
    correlate best when the stimulus is the attended one:

    .. math:: u_k(t) = \sum_{c, l} a_{k, c, l} \, x_c(t + l), \qquad
              v_k(t) = \sum_{f, m} b_{k, f, m} \, s_f(t - m)

    A stimulus has one correlation with the EEG for each pair; its score is their weighted sum. A
    positive EEG lag :math:`l` means that the brain answers later; a positive stimulus lag
    :math:`m` reaches into the past of the stimulus. Samples outside the trial count as zero.

    The weights of the components are trained on correlations of left-out training trials, in
    windows of `train_window`: the filters have not seen the trial whose correlations they give, as
    will be the case with new trials. The final filters are those of all training trials. Trials
    with a single stimulus count against the same sound half the trial later
    (`cocktailparty.model_selection.match_mismatch`).

    Parameters
    ----------
    tmin, tmax : float
        First and last lag of the EEG in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate of EEG and stimuli in hertz.
    stimulus_tmin, stimulus_tmax : float
        First and last lag of the stimulus in seconds.
    n_components : int
        Number of pairs of filters.
    alpha : float or sequence of float
        Ridge on the EEG side, relative to the mean variance of the lagged EEG. Of several, the one
        with the largest d' in left-out training trials is taken.
    alpha_stimulus : float
        Ridge on the stimulus side, relative to the mean variance of the lagged stimulus.
    combine : {"dprime", "lda"}
        Rule by which correlations become a score: each component weighted by its own d', or linear
        discriminant analysis of the differences between attended and unattended stimuli, which
        takes more training windows; see `linear_aad.canonical.combination`.
    train_window : float
        Seconds of the windows that train the combination. Shorter trials train the filters alone.
    n_folds : int, optional
        Number of folds of successive training trials to be left out; None for one trial at a time.
    remove_mean : bool
        Subtract the mean of each trial of EEG and stimuli before lags are made, see `BackwardTRF`.

    Attributes
    ----------
    coef_eeg_ : ndarray of shape (n_components, n_channels, n_lags)
        Filters of the EEG; their outputs have variance 1 on the training data.
    coef_stimulus_ : ndarray of shape (n_components, n_features, n_stimulus_lags)
        Filters of the stimulus, scaled likewise.
    patterns_ : ndarray of shape (n_components, n_channels, n_lags)
        What the filters of the EEG respond to, see `BackwardTRF`.
    correlations_ : ndarray of shape (n_components,)
        Canonical correlations on the training data, which the filters were fitted to.
    weights_ : ndarray of shape (n_components,)
        Weights of the components in the score; their absolute values sum to 1.
    alpha_ : float
        Chosen ridge.
    cv_scores_ : ndarray of shape (n_alphas,)
        d' of attended against unattended scores in left-out training trials, for every ridge.
    lags_, stimulus_lags_ : ndarray of int
        Lags in samples.
    classes_ : ndarray of int
        Indices of the stimuli.

    See Also
    --------
    linear_aad.AttentionDecoder : With `BackwardTRF`, which filters the EEG alone.

    References
    ----------
    de Cheveigné, A., et al. (2018). Decoding the auditory brain with canonical component analysis.
    NeuroImage, 172, 206-216. https://doi.org/10.1016/j.neuroimage.2018.01.033

    Geirnaert, S., et al. (2021). Electroencephalography-based auditory attention decoding: toward
    neurosteered hearing devices. IEEE Signal Processing Magazine, 38(4), 89-102.
    https://doi.org/10.1109/MSP.2021.3075932

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=10, n_channels=8, random_state=0).trials
    >>> decoder = CCADecoder(sfreq=64).fit(trials[:8])
    >>> decoder.coef_eeg_.shape, decoder.coef_stimulus_.shape
    ((3, 8, 17), (3, 1, 17))
    >>> decoder.window_scores(trials[8], window=30).shape
    (2, 2)
    >>> decoder.predict(trials[8:]).shape
    (2,)
    """

    # Decoders that were saved before the parameter existed were fitted without it.
    _before_parameters = {"remove_mean": False}  # noqa: RUF012

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.25,
        sfreq: float = 64.0,
        stimulus_tmin: float = 0.0,
        stimulus_tmax: float = 0.25,
        n_components: int = 3,
        alpha: Any = 0.1,
        alpha_stimulus: float = 0.01,
        combine: str = "dprime",
        train_window: float = 5.0,
        n_folds: int | None = None,
        remove_mean: bool = True,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.stimulus_tmin = stimulus_tmin
        self.stimulus_tmax = stimulus_tmax
        self.n_components = n_components
        self.alpha = alpha
        self.alpha_stimulus = alpha_stimulus
        self.combine = combine
        self.train_window = train_window
        self.n_folds = n_folds
        self.remove_mean = remove_mean

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "CCADecoder":
        """Learn the filters and how to combine their correlations.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials, at least two.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : CCADecoder
            Fitted.

        Raises
        ------
        ValueError
            If a parameter is invalid, a label is missing, the trials do not fit together or to the
            decoder, or are too few or too short.
        """
        alphas = self._alphas()
        self._check_parameters()
        lags = lags_in_samples(self.tmin, self.tmax, self.sfreq)
        stimulus_lags = lags_in_samples(self.stimulus_tmin, self.stimulus_tmax, self.sfreq)
        trials = check_trials(trials, sfreq=self.sfreq)
        labels = attended_labels(trials, attended)
        self._check_size(trials, lags, stimulus_lags)
        self.lags_, self.stimulus_lags_ = lags, stimulus_lags
        folds = np.array_split(
            np.arange(len(trials)), min(self.n_folds or len(trials), len(trials))
        )
        products = [
            reduce(add, (self._products(trials[i], labels[i]) for i in fold)) for fold in folds
        ]
        total = reduce(add, products).dense()
        differences = np.concatenate(
            [
                self._differences(trials[i], labels[i], *filters)
                for fold, left_out in zip(folds, products, strict=True)
                for filters in [self._stacked_filters(total - left_out, alphas)]
                for i in fold
            ]
        )
        if len(differences) <= self.n_components:
            raise ValueError(
                f"combining n_components={self.n_components} takes more windows of "
                f"train_window={self.train_window:g} s with a competing stimulus than the "
                f"{len(differences)} that the training trials hold: shorten train_window, use "
                "fewer components or more trials"
            )
        combinations = [combination(d, self.combine) for d in np.moveaxis(differences, 1, 0)]
        self.cv_scores_ = np.array([dprime for _, dprime in combinations])
        chosen = int(self.cv_scores_.argmax())
        self.alpha_, self.weights_ = alphas[chosen], combinations[chosen][0]
        xx, yy, xy = total.covariances()
        a, b, self.correlations_ = canonical_filters(
            xx, yy, xy, self.n_components, self.alpha_, self.alpha_stimulus
        )
        shape = (self.n_components, trials[0].n_channels, len(lags))
        self.coef_eeg_ = a.T.reshape(shape)
        self.patterns_ = patterns(xx @ a, a).T.reshape(shape)
        self.coef_stimulus_ = b.T.reshape(self.n_components, -1, len(stimulus_lags))
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    @one_blas_thread()
    def transform(self, trial: Trial) -> tuple[np.ndarray, np.ndarray]:
        """Filter the EEG and all stimuli of a trial.

        Parameters
        ----------
        trial : Trial
            Its label is not looked at.

        Returns
        -------
        eeg : ndarray of shape (n_times, n_components)
            Components of the EEG.
        stimuli : ndarray of shape (n_stimuli, n_times, n_components)
            Components of each stimulus.

        Raises
        ------
        ValueError
            If the trial does not fit to the decoder.
        """
        check_is_fitted(self)
        check_trials([trial], sfreq=self.sfreq)
        expected = {
            "n_channels": self.coef_eeg_.shape[1],
            "n_features": self.coef_stimulus_.shape[1],
        }
        for quantity, count in expected.items():
            if getattr(trial, quantity) != count:
                raise ValueError(
                    f"the trial has {quantity}={getattr(trial, quantity)}, the decoder was "
                    f"fitted on trials with {quantity}={count}"
                )
        k = len(self.coef_eeg_)
        return self._outputs(
            trial, self.coef_eeg_.reshape(k, -1).T, self.coef_stimulus_.reshape(k, -1).T
        )

    @one_blas_thread()
    def window_scores(
        self, trial: Trial, window: float = 5.0, hop: float | None = None
    ) -> np.ndarray:
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
        scores : ndarray of shape (n_windows, n_stimuli)
            Weighted sums of the canonical correlations in the window.

        Raises
        ------
        ValueError
            If the trial does not fit to the decoder, or the window not into the trial.
        """
        eeg, stimuli = self.transform(trial)
        correlations = [
            correlate_windows(u, v, trial.sfreq, window, hop)
            for u, v in zip(eeg.T, np.moveaxis(stimuli, 2, 0), strict=True)
        ]
        return np.tensordot(self.weights_, correlations, 1)

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, np.ndarray]:
        """Score every stimulus for several window lengths, filtering once.

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
            If the trial does not fit to the decoder.
        """
        correlations = _sweep(*self.transform(trial), trial.sfreq, windows)
        return {window: r @ self.weights_ for window, r in correlations.items()}

    def _products(self, trial: Trial, attended: int) -> LaggedProducts:
        lags = (self.lags_, self.stimulus_lags_)
        return LaggedProducts.of(trial, attended, *lags, self.remove_mean)

    def _signal(self, x: np.ndarray) -> np.ndarray:
        """Signal (n_times, n_channels) as lags are made of it."""
        return without_mean(x) if self.remove_mean else x

    def _outputs(self, trial: Trial, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Apply filters that are the columns of matrices."""
        a = a.reshape(trial.n_channels, len(self.lags_), -1)
        b = b.reshape(trial.n_features, len(self.stimulus_lags_), -1)
        eeg = filter_lagged(self._signal(trial.eeg), a, self.lags_)
        stimuli = np.empty((trial.n_stimuli, trial.n_times, b.shape[2]))
        for output, stimulus in zip(stimuli, trial.stimuli, strict=True):
            output[:] = filter_lagged(self._signal(stimulus), b, -self.stimulus_lags_)
        return eeg, stimuli

    def _stacked_filters(
        self, products: "LaggedProducts", alphas: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put the filters of all penalties side by side: lags are laid out once for all."""
        xx, yy, xy = products.covariances()
        solutions = [
            canonical_filters(xx, yy, xy, self.n_components, alpha, self.alpha_stimulus)
            for alpha in alphas
        ]
        return np.hstack([a for a, _, _ in solutions]), np.hstack([b for _, b, _ in solutions])

    def _differences(self, trial: Trial, attended: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Correlate: attended minus unattended, of shape (n_pairs, n_alphas, n_components)."""
        fits_twice = round(self.train_window * trial.sfreq) <= trial.n_times // 2
        if trial.n_stimuli == 1 and fits_twice:
            trial = match_mismatch(trial, self.train_window)
        outputs = self._outputs(trial, a, b)
        scores = _sweep(*outputs, trial.sfreq, [self.train_window])[self.train_window]
        # Nothing is learnt from windows in which nothing can be decided.
        scores = scores[decidable_windows(trial.stimuli, trial.sfreq, self.train_window)]
        others = np.delete(scores, attended, axis=1)
        return (scores[:, [attended]] - others).reshape(
            -1, a.shape[1] // self.n_components, self.n_components
        )

    def _alphas(self) -> list[float]:
        alphas = np.atleast_1d(np.asarray(self.alpha, dtype=float)).ravel().tolist()
        for what, values in (("alpha", alphas), ("alpha_stimulus", [self.alpha_stimulus])):
            if not values or not all(np.isfinite(a) and a >= 0 for a in values):
                raise ValueError(f"{what} must hold numbers >= 0, got {getattr(self, what)!r}")
        return alphas

    def _check_parameters(self) -> None:
        if self.combine not in COMBINATIONS:
            raise ValueError(f"combine must be one of {COMBINATIONS}, got {self.combine!r}")
        if not (np.isfinite(self.train_window) and self.train_window > 0):
            raise ValueError(
                f"train_window must be a positive number of seconds, got {self.train_window!r}"
            )
        if self.n_folds is not None and self.n_folds < 2:
            raise ValueError(f"n_folds must be at least 2 or None, got {self.n_folds!r}")

    def _check_size(self, trials: list[Trial], lags: np.ndarray, stimulus_lags: np.ndarray) -> None:
        if len(trials) < 2:
            raise ValueError(
                "the combination is trained on left-out trials, which takes at least 2 trials, "
                "got 1: cut it with Trial.crop"
            )
        most = min(trials[0].n_channels * len(lags), trials[0].n_features * len(stimulus_lags))
        if not 1 <= self.n_components <= most:
            raise ValueError(
                f"n_components must lie between 1 and {most}, the smaller number of lagged "
                f"channels and lagged features, got {self.n_components!r}"
            )
        reach = max(int(np.abs(lags).max()), int(np.abs(stimulus_lags).max()))
        for i, trial in enumerate(trials):
            if trial.n_times <= reach:
                raise ValueError(
                    f"lags of EEG and stimulus reach {reach / self.sfreq:g} s but trials[{i}] "
                    f"lasts {trial.duration:g} s: shorten the lags or leave the trial out"
                )


def _sweep(
    eeg: np.ndarray, stimuli: np.ndarray, sfreq: float, windows: Iterable[float]
) -> dict[float, np.ndarray]:
    """Correlate each pair of components: window -> (n_windows, n_stimuli, n_components)."""
    windows = list(windows)
    sweeps = [
        window_sweep(u, v, sfreq, windows)
        for u, v in zip(eeg.T, np.moveaxis(stimuli, 2, 0), strict=True)
    ]
    return {window: np.stack([sweep[window] for sweep in sweeps], axis=-1) for window in windows}
