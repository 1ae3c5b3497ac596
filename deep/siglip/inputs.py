"""Inputs of the networks, from trials: scaled EEG, features, and predictions of ridge models."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.model_selection.leakage import sound_index, stimuli_at
from cocktailparty.trial import Trial
from cocktailparty.trial_means import without_mean
from cocktailparty.trials import check_trials
from deep.data.segments import cut
from deep.data.windows import Recording
from deep.siglip.features import EnvelopeFeatures, broadband
from linear_aad.lagged.group_moments import Segment
from linear_aad.lagged.group_ridge import GroupFit, GroupRidge, GroupSettings

# The first feature is the envelope, whose correlation decides in the end. Neither EEG nor features
# have a mean, so there are no constants.
_RIDGE = GroupSettings(fit_intercept=False, n_components=64, compared=0)


@dataclass
class Inputs:
    """Measurements of the training trials, and what they make of a trial.

    Attributes
    ----------
    sfreq : float
        Sampling rate in hertz.
    n_bands : int
        Number of features of a stimulus.
    target : int or None
        Band that is the envelope; None for the mean of the bands.
    subjects : list of str
        Subjects in training.
    mean, scale : ndarray of shape (n_channels,)
        Of the EEG in training; the mean is zero if every trial loses its own.
    features : EnvelopeFeatures
        What is made of a stimulus.
    raw : bool
        Whether the network takes EEG and stimuli as they are.
    ridge : GroupRidge or None
        The linear models, where the network builds on them.
    linear_scale : ndarray of shape (n_features,)
        Standard deviations of their predictions.
    remove_mean : bool
        Whether each trial loses its mean, as an offset would become a step where the EEG ends.
        Models of earlier versions removed that of all training trials instead.
    """

    _before_parameters: ClassVar[dict[str, Any]] = {"remove_mean": False}

    sfreq: float
    n_bands: int
    target: int | None
    subjects: list[str]
    mean: np.ndarray
    scale: np.ndarray
    features: EnvelopeFeatures
    raw: bool
    ridge: GroupRidge | None = None
    linear_scale: np.ndarray | None = None
    remove_mean: bool = True

    @classmethod
    def of(cls, trials: Sequence[Trial], labels: np.ndarray, target: int | None, raw: bool) -> Self:
        """Measure training trials with given attended stimuli; there are no linear models yet."""
        n = sum(trial.n_times for trial in trials)
        # Trial by trial, so that the EEG is not copied as a whole.
        eeg = (without_mean(to_numpy(trial.eeg)) for trial in trials)
        power = sum(np.square(x).sum(axis=0, dtype=np.float64) for x in eeg) / n
        mean = np.zeros(trials[0].n_channels)
        followed = [
            to_numpy(trial.stimuli)[k][None] for trial, k in zip(trials, labels, strict=True)
        ]
        sfreq = trials[0].sfreq
        subjects = list(dict.fromkeys(trial.subject for trial in trials))
        features = EnvelopeFeatures.of(followed, sfreq, target)
        n_bands = trials[0].n_features
        return cls(sfreq, n_bands, target, subjects, mean, np.sqrt(power), features, raw)

    def check(self, trial: Trial) -> None:
        """Raise `ValueError` unless rate, channels and features are those of the training."""
        check_trials([trial], sfreq=self.sfreq)
        counts = {"channels": (trial.n_channels, len(self.mean))}
        if trial.n_stimuli:
            counts["features"] = (trial.n_features, self.n_bands)
        for what, (came, expected) in counts.items():
            if came != expected:
                raise ValueError(
                    f"the trial has {came} {what}, the decoder was trained with {expected}"
                )

    def recording(self, trial: Trial) -> Recording:
        """Make the signals of a whole trial, with predictions of linear models if there are any."""
        eeg, stimuli = to_numpy(trial.eeg), to_numpy(trial.stimuli)
        eeg = without_mean(eeg) if self.remove_mean else eeg
        sounds = {"envelopes": broadband(stimuli, self.target)}
        subject = self.subjects.index(trial.subject) if trial.subject in self.subjects else -1
        if self.raw:
            signals = {"eeg": eeg.astype(np.float32)}
            sounds["stimuli"] = stimuli.astype(np.float32)
        else:
            signals = {"eeg": ((eeg - self.mean) / self.scale).astype(np.float32)}
            sounds["features"] = self.features(stimuli)
        if self.ridge is not None:
            x = (eeg - self.mean).astype(np.float32)
            signals["linear"] = self.ridge.predict(x, subject) / self.linear_scale
        return Recording(signals, sounds, trial.n_times, subject=subject)

    def segments(
        self, trials: Sequence[Trial], labels: np.ndarray, n_window: int
    ) -> tuple[list[Recording], np.ndarray]:
        """Cut training trials, with given attended stimuli, into folds that share no sound.

        `n_window` is the length of a training window in samples. Returns recordings of segments,
        and the fold of each, (n_recordings,).
        """
        index = sound_index(trials)
        followed = [
            stimuli_at(trial, index.sfreq)[k] for trial, k in zip(trials, labels, strict=True)
        ]
        places = [(sound, round(start)) for sound, start in index.places(followed)]
        cut_at = cut([trial.n_times for trial in trials], places, 2 * n_window)
        whole = [self.recording(trial) for trial in trials]
        recordings = []
        for i, start, stop, _ in cut_at:
            one, (sound, offset) = whole[i], places[i]
            recordings.append(
                one._replace(
                    signals={name: x[start:stop] for name, x in one.signals.items()},
                    sounds={name: x[:, start:stop] for name, x in one.sounds.items()},
                    n_times=stop - start,
                    attended=int(labels[i]),
                    place=(sound, offset + start),
                )
            )
        return recordings, np.array([segment.fold for segment in cut_at])

    def fit_ridge(
        self,
        recordings: Sequence[Recording],
        folds: np.ndarray,
        n_lags: int,
        held_out: Collection[int],
    ) -> None:
        """Solve the linear models, and add their predictions to the recordings.

        `recordings` and `folds` are from `segments`; `n_lags` counts samples; the folds `held_out`
        take no part in the training.
        """
        segments = self._ridge_segments(recordings, folds)
        n_times = sum(len(segment.input) for segment in segments)
        total = sum(segment.input.sum(axis=0, dtype=np.float64) for segment in segments)
        lags, n_subjects = np.arange(n_lags), len(self.subjects)
        fit = GroupFit(segments, n_subjects, lags, _RIDGE, mean=total / n_times)
        self.ridge = fit.ridge
        predictions = [x.astype(np.float32) for x in fit.left_out_predictions(held_out)]
        self.linear_scale = np.std(np.concatenate(predictions), axis=0)
        for one, prediction in zip(recordings, predictions, strict=True):
            one.signals["linear"] = prediction / self.linear_scale

    def join(
        self,
        subject: str,
        recordings: Sequence[Recording],
        folds: np.ndarray,
        held_out: Collection[int],
    ) -> Self:
        """Copy with a new subject, whose recordings get the predictions of the linear models.

        Other arguments as for `fit_ridge`.
        """
        ridge = self.ridge
        if ridge is not None:
            alone = [one._replace(subject=0) for one in self._ridge_segments(recordings, folds)]
            ridge, fit = ridge.joined(alone, _RIDGE)
            predictions = fit.left_out_predictions(held_out)
            for one, prediction in zip(recordings, predictions, strict=True):
                one.signals["linear"] = prediction.astype(np.float32) / self.linear_scale
        return replace(self, ridge=ridge, subjects=[*self.subjects, subject])

    def _ridge_segments(self, recordings: Sequence[Recording], folds: np.ndarray) -> list[Segment]:
        """EEG in its own unit, so that channels with most power weigh most in a ridge model."""
        return [
            Segment(
                one.signals["eeg"] * self.scale,
                one.sounds["features"][one.attended],
                one.subject,
                int(fold),
            )
            for one, fold in zip(recordings, folds, strict=True)
        ]


def check_lengths(trials: Sequence[Trial], window: float) -> None:
    """Refuse unusable training windows of `window` seconds, and trials shorter than one.

    Raises `ValueError` if a window has fewer than 16 samples, or a trial holds no window.
    """
    sfreq = trials[0].sfreq
    n_window = round(window * sfreq)
    if n_window < 16:
        raise ValueError(
            f"window={window:g} s holds {n_window} samples at {sfreq:g} Hz, expected at least 16"
        )
    for i, trial in enumerate(trials):
        if trial.n_times < n_window:
            raise ValueError(
                f"trials[{i}] lasts {trial.duration:g} s, shorter than window={window:g} s: leave "
                "it out or train with a shorter window"
            )


def in_samples(trial: Trial, window: float) -> int:
    """Convert the length of a decision window of a trial from seconds to samples.

    Raises `ValueError` if it holds fewer than two samples, or is longer than the trial.
    """
    n = round(window * trial.sfreq)
    if not 2 <= n <= trial.n_times:
        raise ValueError(
            f"window={window:g} s must hold at least 2 samples and not be longer than the trial of "
            f"{trial.duration:g} s"
        )
    return n
