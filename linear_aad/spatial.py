"""Decoding of where attention is directed, from the spatial distribution of EEG power alone.

No sound is looked at: what tells left from right is where on the scalp rhythms are strong. Eye
movements tell it as well, see the warning of `SpatialDecoder`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.preprocessing import check_band, check_duration
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_channels, check_trials
from cocktailparty.validation import check_rate
from linear_aad.csp import common_spatial_patterns, filter_bank, window_covariances

#: Pass bands in hertz of the filter bank of Geirnaert et al. (2021).
FILTER_BANK = ((1.0, 4.0), *((float(low), low + 4.0) for low in range(2, 27, 2)))
METHODS = ("csp", "riemann")


class SpatialDecoder(AttentionDecoderMixin, BaseEstimator):
    r"""Decode the direction of attention from the covariance of band-passed EEG.

    A stimulus index means a direction here, say 0 for left and 1 for right: `Trial.attended` has
    to hold the attended direction in every trial, whichever talker or story it was. A trial has
    as many stimuli as there are directions; what they contain is not looked at.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the EEG in hertz.
    bands : sequence of (float, float)
        Edges in hertz of the pass bands. The default bank of 14 bands from 1 to 30 Hz takes EEG
        of more than 60 Hz that was not low-passed before; ``[(12, 30)]``, the beta band, is a
        classic single one.
    n_components : int
        Spatial filters of each direction in each band; "csp" only.
    shrinkage : float
        Shrinkage of each covariance matrix towards the identity of equal trace, from 0 to 1;
        positive for "riemann" and where channels are linearly dependent (average reference).
    train_window : float
        Seconds of the windows that the classifier learns from; best that of the decision windows.
    method : {"csp", "riemann"}
        "csp": log power behind common spatial patterns, and linear discriminant analysis.
        "riemann": covariances in the tangent space at their Riemannian mean, and logistic
        regression; needs pyRiemann, and memory for the covariances of all training windows.

    Attributes
    ----------
    classes_ : ndarray of int, shape (n_directions,)
        Indices of the directions.
    filters_ : ndarray of shape (n_bands, n_directions * n_components, n_channels)
        Spatial filters, those of direction 0 first; "csp" only.
    patterns_ : ndarray of shape (n_bands, n_directions * n_components, n_channels)
        Topography that each filter responds to, in the unit of the EEG; "csp" only.
    tangent_spaces_ : list of pyriemann.tangentspace.TangentSpace
        One for each band; "riemann" only.
    classifier_ : estimator
        Fitted classifier of windows. All directions count as equally likely.
    n_features_in_ : int
        Number of channels.

    Warnings
    --------
    **Gaze confound.** Listeners look where they listen, and eye movements reach every electrode.
    With gaze controlled (AV-GC-AAD, Rotaru et al. 2024), decoders of this kind fell to chance,
    while the reconstruction of envelopes kept working on the same recordings (Geirnaert et al.
    2024). An accuracy above chance shows that EEG *or gaze* depends on direction, not that
    attention was decoded. Remove eye artefacts, record gaze, and compare with
    `linear_aad.AttentionDecoder`.

    **Trial fingerprints.** EEG drifts, so windows of one trial resemble each other whatever was
    attended: with windows of a trial on both sides of a split, any label can be decoded. Split by
    trial, better by story, and by subject for claims about new listeners.

    Notes
    -----
    With the covariance :math:`C_{bk}` of band b in direction k, shrunk, the filters of direction k
    maximise :math:`w^\top C_{bk} w / w^\top \sum_j C_{bj} w`. The feature of a window with
    covariance C is :math:`\log w^\top C w`.

    Filters are zero phase and run over whole trials: a window sees up to
    `cocktailparty.preprocessing.filter_reach` beyond its ends. Scores are thus not what a causal
    device would give.

    References
    ----------
    Geirnaert, S., Francart, T., & Bertrand, A. (2021). Fast EEG-based decoding of the directional
    focus of auditory attention using common spatial patterns. IEEE Transactions on Biomedical
    Engineering, 68(5), 1557-1568. https://doi.org/10.1109/TBME.2020.3033446

    Geirnaert, S., Francart, T., & Bertrand, A. (2021). Riemannian geometry-based decoding of the
    directional focus of auditory attention using EEG. ICASSP 2021, 1115-1119.
    https://doi.org/10.1109/ICASSP39728.2021.9413404

    Geirnaert, S., et al. (2024). Linear stimulus reconstruction works on the KU Leuven audiovisual,
    gaze-controlled auditory attention decoding dataset. https://arxiv.org/abs/2412.01401

    Rotaru, I., et al. (2024). What are we really decoding? Unveiling biases in EEG-based decoding
    of the spatial focus of auditory attention. Journal of Neural Engineering, 21(1), 016017.
    https://doi.org/10.1088/1741-2552/ad2214

    Examples
    --------
    EEG in which the beta power of channel 0 or 1 goes with the direction:

    >>> import numpy as np
    >>> from cocktailparty import Trial
    >>> rng = np.random.default_rng(0)
    >>> gains = 1 + np.eye(2, 4)
    >>> trials = [
    ...     Trial(gains[k] * rng.normal(size=(1280, 4)), rng.random((2, 1280)), 64, attended=k)
    ...     for k in [0, 1, 0, 1, 0, 1]
    ... ]
    >>> decoder = SpatialDecoder(sfreq=64, bands=[(12, 30)], n_components=1)
    >>> decoder.fit(trials[:4]).predict(trials[4:])
    array([0, 1])
    >>> decoder.window_scores(trials[4], window=1).shape
    (20, 2)
    """

    def __init__(
        self,
        sfreq: float = 64.0,
        bands: Sequence[tuple[float, float]] = FILTER_BANK,
        n_components: int = 3,
        shrinkage: float = 0.01,
        train_window: float = 5.0,
        method: str = "csp",
    ) -> None:
        self.sfreq = sfreq
        self.bands = bands
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.train_window = train_window
        self.method = method

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "SpatialDecoder":
        """Learn spatial features and their classifier.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials, of every direction at least one.
        attended : array-like of int, shape (n_trials,), optional
            Attended direction of each trial; None for the trials' own labels.

        Returns
        -------
        self : SpatialDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a parameter is invalid, a label is missing, a direction never occurs, a trial is
            shorter than the filters or the training window, or channels are linearly dependent
            and `shrinkage` is 0.
        ImportError
            If `method` is "riemann" and pyRiemann is not installed.
        """
        check_rate(self.sfreq, "sfreq")
        trials = check_trials(trials, sfreq=self.sfreq)
        samples = self._checked_parameters(trials)
        labels = attended_labels(trials, attended)
        self.classes_ = _directions(trials, labels)
        self.n_features_in_ = trials[0].n_channels
        if self.method == "riemann":
            tangent_space = _tangent_space()
            each = list(self._covariances(trials, samples))
            n_windows = [len(covariances) for covariances in each]
            covariances = np.concatenate(each)
            self.tangent_spaces_ = [tangent_space().fit(x) for x in covariances.swapaxes(0, 1)]
            features = self._features(covariances)
            self.classifier_: Any = LogisticRegression(class_weight="balanced", max_iter=1000)
        else:
            self._learn_filters(trials, labels, samples)
            # Covariances of all windows take far more memory than the features: computed again.
            parts = [self._features(each) for each in self._covariances(trials, samples)]
            features, n_windows = np.concatenate(parts), [len(part) for part in parts]
            # Priors counted in training would favour the direction that was not left out.
            self.classifier_ = LinearDiscriminantAnalysis(
                solver="lsqr",
                shrinkage="auto",
                priors=np.full(len(self.classes_), 1 / len(self.classes_)),
            )
        self.classifier_.fit(features, np.repeat(labels, n_windows))
        return self

    @one_blas_thread()
    def window_scores(
        self, trial: Trial, window: float = 5.0, hop: float | None = None
    ) -> np.ndarray:
        """Score every direction in every decision window.

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
        scores : ndarray of shape (n_windows, n_directions)
            Logarithm of the odds of each direction against all others.

        Raises
        ------
        ValueError
            If the trial does not fit to the training trials, or the window does not fit into it.
        """
        samples = _in_samples(window, self.sfreq, "window")
        step = samples if hop is None else _in_samples(hop, self.sfreq, "hop")
        if samples > trial.n_times:
            raise ValueError(
                f"window={window:g} s is longer than the trial, which lasts {trial.duration:g} s"
            )
        return self._scores(self._filtered(trial), samples, step)

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, np.ndarray]:
        """Score every direction for several window lengths, filtering once.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to ndarray of shape (n_windows, n_directions)
            As `window_scores` gives for windows side by side; no rows for a window longer than
            the trial.
        """
        lengths = {window: _in_samples(window, self.sfreq, "window") for window in windows}
        filtered = self._filtered(trial)
        return {
            window: self._scores(filtered, n, n)
            if n <= trial.n_times
            else np.empty((0, len(self.classes_)))
            for window, n in lengths.items()
        }

    def _scores(self, filtered: np.ndarray, samples: int, step: int) -> np.ndarray:
        covariances = window_covariances(filtered, samples, step, self.shrinkage)
        scores = self.classifier_.decision_function(self._features(covariances))
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        odds = [s - logsumexp(np.delete(scores, k, 1), axis=1) for k, s in enumerate(scores.T)]
        return np.stack(odds, axis=1)

    def _filtered(self, trial: Trial) -> np.ndarray:
        """EEG of a new trial in every band."""
        check_is_fitted(self)
        check_trials([trial], sfreq=self.sfreq)
        check_channels([trial], self.n_features_in_)
        if trial.n_stimuli != len(self.classes_):
            raise ValueError(
                f"trial {trial.label!r} has {trial.n_stimuli} stimuli but the decoder knows "
                f"{len(self.classes_)} directions: give it one stimulus for each"
            )
        return filter_bank(trial.eeg, self.sfreq, self.bands)

    def _covariances(self, trials: Sequence[Trial], samples: int) -> Iterator[np.ndarray]:
        """Covariances of the training windows, trial by trial."""
        for trial in trials:
            filtered = filter_bank(trial.eeg, self.sfreq, self.bands)
            yield window_covariances(filtered, samples, samples, self.shrinkage)

    def _learn_filters(self, trials: list[Trial], labels: np.ndarray, samples: int) -> None:
        sums = np.zeros((len(self.classes_), len(self.bands), *[self.n_features_in_] * 2))
        counts = np.zeros(len(self.classes_))
        for covariances, label in zip(self._covariances(trials, samples), labels, strict=True):
            sums[label] += covariances.sum(axis=0)
            counts[label] += len(covariances)
        means = sums / counts[:, None, None, None]
        learnt = [common_spatial_patterns(band, self.n_components) for band in means.swapaxes(0, 1)]
        self.filters_, self.patterns_ = (np.stack(arrays) for arrays in zip(*learnt, strict=True))

    def _features(self, covariances: np.ndarray) -> np.ndarray:
        """Features of windows, (n_windows, n_features)."""
        if self.method == "riemann":
            bands = zip(self.tangent_spaces_, covariances.swapaxes(0, 1), strict=True)
            return np.concatenate([space.transform(band) for space, band in bands], axis=1)
        power = np.sum((self.filters_ @ covariances) * self.filters_, axis=3)
        return np.log(power).reshape(len(power), -1)

    def _checked_parameters(self, trials: list[Trial]) -> int:
        """Convert the training window to samples, or raise the error that names what is wrong."""
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {self.method!r}")
        if not 0 <= self.shrinkage <= 1 or (self.method == "riemann" and self.shrinkage == 0):
            raise ValueError(
                f"shrinkage must lie between 0 and 1, and above 0 for 'riemann', got "
                f"{self.shrinkage!r}"
            )
        _check_bands(self.bands, self.sfreq)
        samples = _in_samples(self.train_window, self.sfreq, "train_window")
        for i, trial in enumerate(trials):
            for low, high in self.bands:
                check_duration(trial.duration, self.sfreq, low, high, f"trials[{i}]")
            if trial.n_times < samples:
                raise ValueError(
                    f"trials[{i}] lasts {trial.duration:g} s, shorter than "
                    f"train_window={self.train_window:g} s"
                )
        n_channels, n_directions = trials[0].n_channels, trials[0].n_stimuli
        if self.method == "csp" and not 1 <= self.n_components * n_directions <= n_channels:
            raise ValueError(
                f"n_components={self.n_components!r} for each of {n_directions} directions takes "
                f"as many channels in all, and at least one; there are {n_channels}"
            )
        return samples


def _tangent_space() -> Any:
    try:
        from pyriemann.tangentspace import TangentSpace
    except ImportError:
        raise ImportError(
            "method='riemann' needs pyRiemann: pip install 'cocktailparty[spatial]', or take "
            "method='csp'"
        ) from None
    return TangentSpace


def _directions(trials: list[Trial], labels: np.ndarray) -> np.ndarray:
    counts = sorted({trial.n_stimuli for trial in trials})
    if len(counts) > 1 or counts[0] < 2:
        raise ValueError(
            f"trials have {counts} stimuli, expected one for each direction, the same two or more "
            "in all trials"
        )
    directions = np.arange(counts[0])
    missing = np.setdiff1d(directions, labels).tolist()
    if missing:
        raise ValueError(
            f"direction(s) {missing} are attended in no training trial: take trials of every "
            "direction, or a split that leaves some of each in training"
        )
    return directions


def _check_bands(bands: Any, sfreq: float) -> None:
    if np.ndim(bands) != 2 or np.shape(bands)[1] != 2:
        raise ValueError(f"bands must be pairs (low, high) in hertz, got {bands!r}")
    for low, high in bands:
        try:
            check_band(sfreq, low, high)
        except ValueError as error:
            raise ValueError(
                f"bands: {low:g}-{high:g} Hz cannot be cut out of EEG at {sfreq:g} Hz ({error}): "
                "leave the band out, or resample the recording to a higher rate"
            ) from None


def _in_samples(seconds: float, sfreq: float, what: str) -> int:
    samples = round(seconds * sfreq) if np.isfinite(seconds) else 0
    if samples < 1:
        raise ValueError(f"{what}={seconds:g} s holds no sample at {sfreq:g} Hz")
    return samples
