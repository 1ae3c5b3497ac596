"""Trained models that turn a new recording and its sounds into decisions over time.

A `TrainedModel` is a fitted attention tracker together with the preparation that its recordings
need: rate, band, reference, channels, envelope.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from cocktailparty.backend import to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.causal import check_phase
from cocktailparty.decoding.base import ReconstructionMixin
from cocktailparty.decoding.saving import load_extra, load_model, save_model
from cocktailparty.electrodes.montages import places_of
from cocktailparty.evaluation.shift_test import check_shifts
from cocktailparty.features import speech_envelope
from cocktailparty.metrics import ShiftTest, circular_shift_null, window_scores
from cocktailparty.model_selection.leakage import refuse_or_warn, sound_index, stimuli_at
from cocktailparty.model_selection.policy import Split
from cocktailparty.notebook import facts_table, some_of
from cocktailparty.recordings.trials import trial_from_raw
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials

if TYPE_CHECKING:
    import pandas as pd

#: Envelope of the command line: keywords of `cocktailparty.features.speech_envelope`.
ENVELOPE = {"method": "gammatone", "power": 0.6}
#: Smallest shift of `TrainedModel.follows` in seconds.
MIN_SHIFT = 2.0
# Length of its windows in seconds: in longer ones, an artefact outweighs everything else.
_FOLLOWING = 5.0


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A fitted tracker and the preparation of its recordings, from `train_model` or `load`.

    Attributes
    ----------
    tracker : estimator
        Fitted `linear_aad.AttentionTracker`.
    sfreq : float
        Sampling rate to decode at, in hertz.
    l_freq, h_freq : float or None
        Edges of the pass band in hertz.
    reference : str, list of str or None
        EEG reference, see `cocktailparty.recordings.trial_from_raw`.
    envelope : dict
        Keywords of `cocktailparty.features.speech_envelope`.
    channel_names : list of str or None
        EEG channels in their order; None if the training trials did not name them.
    n_channels : int
        Number of EEG channels.
    stimuli : list of ndarray of float32, shape (n_times, n_features)
        The different training stimuli, to recognise them in what is decoded.
    channel_positions : ndarray of shape (n_channels, 3) or None
        Where the channels were in the training trials (their mean), as `Trial.channel_positions`;
        None if the trials did not know, and in models of former versions.
    phase : {"zero", "causal"}
        Filters of EEG and envelopes, see `cocktailparty.preprocessing.preprocess`; "zero" in models
        of former versions.
    """

    tracker: Any
    sfreq: float
    l_freq: float | None
    h_freq: float | None
    reference: str | list[str] | None
    envelope: dict[str, Any]
    channel_names: list[str] | None
    n_channels: int
    stimuli: list[np.ndarray]
    channel_positions: np.ndarray | None = None
    phase: str = "zero"

    def _repr_html_(self) -> str:
        edges = [self.l_freq, self.h_freq]
        low, high = ("open" if edge is None else f"{edge:g} Hz" for edge in edges)
        facts = {
            "decoder": type(self.tracker.decoder).__name__,
            "rate": f"{self.sfreq:g} Hz",
            "band": f"{low} to {high}" + ", causal" * (self.phase == "causal"),
            "reference": self.reference,
            "channels": some_of(self.channel_names or [f"{self.n_channels}, without names"]),
            "sounds of the training": len(self.stimuli),
        }
        return facts_table("Trained model", facts)

    def save(self, path: str | Path) -> None:
        """Save the model to one file, see `cocktailparty.decoding.save_model`.

        Parameters
        ----------
        path : path
            File to write.
        """
        settings = {name: getattr(self, name) for name in self.__dataclass_fields__}
        save_model(settings.pop("tracker"), path, {"decoding": settings})

    @classmethod
    def load(cls, path: str | Path) -> "TrainedModel":
        """Load a model that `save` saved.

        Parameters
        ----------
        path : path
            Model file.

        Returns
        -------
        model : TrainedModel
            The model.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is no model file, or one of an estimator alone.
        """
        extra = load_extra(path)
        if not isinstance(extra, dict) or "decoding" not in extra:
            raise ValueError(
                f"{path} holds an estimator without the settings that recordings are prepared "
                "with: save a TrainedModel, as `cocktailparty decode --save-model` does"
            )
        return cls(load_model(path), **extra["decoding"])

    def trial(
        self,
        raw: Any,
        sounds: Sequence[Any],
        start: float = 0.0,
        duration: float | None = None,
        *,
        on_bad: str = "raise",
    ) -> Trial:
        """Prepare a recording and its sounds like those of the training.

        Parameters
        ----------
        raw : mne.io.Raw
            Recording, as from `cocktailparty.recordings.read_eeg`.
        sounds : sequence of path, (array, float) or array
            The competing sounds, see `cocktailparty.recordings.trial_from_raw`; or the mixture
            alone, whose trial can be separated, not decoded.
        start : float
            Second of the recording at which the sounds start.
        duration : float, optional
            How long to decode, in seconds; None for the length of the sounds.
        on_bad : "raise", "keep" or "drop"
            What to do with what is marked bad, see `cocktailparty.recordings.trial_from_raw`.

        Returns
        -------
        trial : Trial
            Trial without a label. Where the recording does not say where its channels were, it
            has the positions of the training trials.

        Raises
        ------
        ValueError
            If channels of the training are missing or marked bad, or there are more than known,
            or anything else does not fit.
        OSError
            If an audio file is missing or broken.
        """
        if self.channel_names is not None:
            _check_channels(raw, self.channel_names)
        trial = trial_from_raw(
            raw,
            sounds,
            start,
            duration=duration,
            sfreq=self.sfreq,
            l_freq=self.l_freq,
            h_freq=self.h_freq,
            phase=self.phase,
            reference=self.reference,
            picks="eeg" if self.channel_names is None else self.channel_names,
            envelope=partial(speech_envelope, **{"phase": self.phase, **self.envelope}),
            on_bad=on_bad,
        )
        if trial.n_channels != self.n_channels:
            raise ValueError(
                f"the recording has {trial.n_channels} EEG channels, the model was trained on "
                f"{self.n_channels}, whose names are not known: pick the same, in the same order"
            )
        if trial.channel_positions is None and self.channel_positions is not None:
            provenance = {**trial.provenance, "positions": "the training trials"}
            trial = trial.replace(channel_positions=self.channel_positions, provenance=provenance)
        return trial

    @one_blas_thread()
    def decode(
        self,
        trial: Trial,
        window: float = 5.0,
        hop: float | None = None,
        *,
        start: float = 0.0,
        allow_shared_stimuli: bool = False,
        so_far: bool = False,
    ) -> "pd.DataFrame":
        r"""Decide what was attended, window by window.

        The scores are those of the decision window alone. The probabilities are those of the
        tracker when the window ends: they weigh all that was heard until then, and how well the
        trial as a whole follows its sounds. So they do not depend on `window` and `hop`, and
        overlapping windows are not counted twice.

        Parameters
        ----------
        trial : Trial
            From `trial`, or prepared in the same way.
        window : float
            Length of the decision windows in seconds, at least ``tracker.window``.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.
        start : float
            Time of the start of the trial, which is added to all times.
        allow_shared_stimuli : bool
            Warn instead of refusing if a sound also plays in the training trials.
        so_far : bool
            Judge how well the trial follows its sounds, too, by what was heard until the end of
            each window, as `cocktailparty.live.LiveDecoder` has to.

        Returns
        -------
        table : DataFrame
            A row for each window. `start` and `end` in seconds; for each sound k, from 0,
            `score_k` in the unit of the decoder (correlations for most), `probability_k`, and
            `low_k` and `high_k`, between which the probability lies in the middle 95 % of what
            the recording may be like; `chosen`, the most probable sound, `confidence`, its
            probability, and `follows_none`, the probability that no sound is followed more than
            the others, the same in all rows unless it is judged so far or the listener may be
            absent. Evidence for none makes the sounds equally probable, so the confidence includes
            it already.

        Raises
        ------
        ValueError
            If the trial does not fit to the model or has one sound only, a length is impossible,
            or a sound also plays in the training trials
            (`cocktailparty.model_selection.LeakError`).

        Notes
        -----
        How much evidence a score is depends on the recording: its noise, and whether it follows
        any sound. The tracker learnt from left-out trials what scores of attended, unattended and
        unrelated sounds are like, and lets a new recording be better or worse (4 dB, one standard
        deviation), see `linear_aad.AttentionTracker`. A wide band says that the recording and the
        training data leave open how far the scores can be trusted.
        """
        import pandas as pd

        check_trials([trial], self.sfreq)
        if trial.n_stimuli < 2:
            raise ValueError(f"to decode takes two or more sounds, got {trial.n_stimuli}")
        rate, hop = self.sfreq, window if hop is None else hop
        n = round(window * rate) if np.isfinite(window) else 0
        n_inner = round(self.tracker.window * rate)
        if not (n_inner <= n <= trial.n_times and round(hop * rate) > 0):
            raise ValueError(
                f"window={window:g} s with hop={hop:g} s: the window must lie between the "
                f"{self.tracker.window:g} s of the tracker and the {trial.duration:g} s that are "
                "decoded, and the hop be a sample or more"
            )
        self._check_stimuli(trial, allow_shared_stimuli)
        scores = np.asarray(self.tracker.decoder_.window_scores(trial, window, hop))
        first = np.arange(len(scores)) * round(hop * rate)
        last = first + round(window * rate)
        track = self.tracker.track(trial, so_far)
        # The last window of the tracker that ends with the decision window, or before.
        index = np.searchsorted(np.round(track.times * rate), last, side="right") - 1
        probability = track.probability[index]
        columns: dict[str, Any] = {"start": start + first / rate, "end": start + last / rate}
        for name, values in {
            "score": scores,
            "probability": probability,
            "low": track.lower[index],
            "high": track.upper[index],
        }.items():
            columns |= {f"{name}_{k}": column for k, column in enumerate(values.T)}
        columns["chosen"] = probability.argmax(axis=1)
        columns["confidence"] = probability.max(axis=1)
        columns["follows_none"] = track.none[index]
        return pd.DataFrame(columns)

    def follows(self, trial: Trial, n_shifts: int = 99, random_state: Any = 0) -> ShiftTest:
        """Test whether a recording follows any of its sounds at all.

        The score is the highest of any sound, averaged over windows of 5 s, so that a blink spoils
        one of them and not all. For the null distribution all sounds are shifted in time together.
        The decoder was trained on other trials, so that nothing is trained again. A high p value
        says that nothing of the sounds is seen in the EEG and that decisions mean nothing; a low
        one does not say that one is attended.

        Parameters
        ----------
        trial : Trial
            From `trial`, or prepared in the same way.
        n_shifts : int
            Number of shifts.
        random_state : {None, int, Generator, RandomState}
            Seed of the shifts.

        Returns
        -------
        test : ShiftTest
            Observed score, null distribution and p value.

        Raises
        ------
        ValueError
            If the trial does not fit to the model or is too short to be shifted by 2 s both ways.
        """
        trial = check_trials([trial], self.sfreq)[0]
        check_shifts([trial], n_shifts, MIN_SHIFT)
        decoder = self.tracker.decoder_
        window = min(max(_FOLLOWING, self.tracker.window), trial.duration)
        reconstruction = (
            decoder.reconstruct([trial])[0] if isinstance(decoder, ReconstructionMixin) else None
        )

        def score(stimuli: list[Any]) -> float:
            stimuli_first = stimuli[0].swapaxes(0, 1)
            if reconstruction is None:
                scores = decoder.window_scores(trial.replace(stimuli=stimuli_first), window)
            else:
                scores = window_scores(reconstruction, stimuli_first, trial.sfreq, window)
            return float(to_numpy(scores).mean(axis=0).max())

        return circular_shift_null(
            score,
            [trial.stimuli.swapaxes(0, 1)],
            n_shifts=n_shifts,
            min_shift=round(MIN_SHIFT * trial.sfreq),
            random_state=random_state,
        )

    @property
    def n_windows(self) -> int:
        """Number of left-out windows from which the tracker learnt how scores are distributed."""
        return int(self.tracker.n_windows_)

    def interval(self) -> tuple[float, float]:
        """Give the 95 % credible interval of the mean difference of scores.

        Returns
        -------
        low, high : float
            Bounds of the mean by which left-out windows score the attended sound higher. If `low`
            is not positive, the decoder may as well be guessing.
        """
        low, high = self.tracker.interval_
        return float(low), float(high)

    def _check_stimuli(self, trial: Trial, allow_shared: bool) -> None:
        index = sound_index([trial])
        stimuli = stimuli_at(trial, index.sfreq)
        delays = index.delays([known for known in self.stimuli if known.ndim == 2], stimuli)
        # Models of former versions only have the mean over features.
        known_means = [known[:, None] for known in self.stimuli if known.ndim == 1]
        delays |= index.delays(
            known_means, [sound.mean(axis=1, keepdims=True) for sound in stimuli]
        )
        shared = sorted({k for _, k in delays})
        if shared:
            refuse_or_warn(
                f"sound(s) {shared}, counted from 0, also play in the training trials: a "
                "decoder could recognise them instead of reading attention from the EEG. Train on "
                "other sounds, or allow shared stimuli and mistrust the result",
                allow_shared,
            )


@one_blas_thread()
def train_model(
    tracker: Any,
    trials: Sequence[Trial],
    *,
    l_freq: float | None = 1.0,
    h_freq: float | None = 9.0,
    reference: str | Sequence[str] | None = "average",
    envelope: Mapping[str, Any] | None = None,
    phase: str = "zero",
    allow_shared_stimuli: bool = False,
) -> TrainedModel:
    """Train an attention tracker and keep the preparation of its trials.

    Parameters
    ----------
    tracker : estimator
        Unfitted `linear_aad.AttentionTracker`, the `cv` of which says for whom its confidence
        holds: "story" or "trial" for the same listener, "subject" for a new one.
    trials : sequence of Trial
        Labelled training trials with two or more stimuli, preprocessed.
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz that the trials went through.
    reference : "average", sequence of str, or None
        Reference that the EEG was given, or None for that of the recording.
    envelope : dict, optional
        Keywords of `cocktailparty.features.speech_envelope` that the stimuli were computed with;
        None for those of the command line, `ENVELOPE`.
    phase : {"zero", "causal"}
        Filters that the trials went through, see `cocktailparty.preprocessing.preprocess`. What is
        decoded goes through the same.
    allow_shared_stimuli : bool
        Warn instead of refusing if the trials that are left out to learn the confidence share
        a sound with those that are trained on meanwhile.

    Returns
    -------
    model : TrainedModel
        For new recordings.

    Raises
    ------
    ValueError
        If the trials do not fit together or to the tracker, cannot be split, share sounds across
        a split, the decoder is no better than guessing on those that are left out, or the phase is
        unknown.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=7, n_channels=8, snr=-22, random_state=0).trials
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
    >>> model = train_model(AttentionTracker(AttentionDecoder(trf)), trials[:6])
    >>> table = model.decode(trials[6], window=10)
    >>> int(table["chosen"].iloc[-1]) == trials[6].attended
    True
    """
    check_phase(phase)
    trials = check_trials(trials)
    index = sound_index(trials)  # also for what the decoder holds out while it is trained
    Split.of(tracker.cv, allow_shared_stimuli=allow_shared_stimuli or None).split(trials, index)
    fitted = clone(tracker).fit(trials)
    if not fitted.gain_ > 0:
        raise ValueError(
            "on left-out training trials the decoder scores the attended sound no higher than the "
            f"others (by {fitted.difference_:.3g} on average), so that it can decide nothing: use "
            "more or better training trials, or another decoder"
        )
    names = trials[0].channel_names
    sounds = (stimulus for trial in trials for stimulus in to_numpy(trial.stimuli))
    different = {sound.tobytes(): sound for sound in sounds}
    return TrainedModel(
        fitted,
        trials[0].sfreq,
        l_freq,
        h_freq,
        reference if reference is None or isinstance(reference, str) else list(reference),
        dict(ENVELOPE if envelope is None else envelope),
        None if names is None else list(names),
        trials[0].n_channels,
        [sound.astype(np.float32) for sound in different.values()],
        None if all(t.channel_positions is None for t in trials) else places_of(trials).positions,
        phase,
    )


def _check_channels(raw: Any, names: list[str]) -> None:
    missing = [name for name in names if name not in raw.ch_names]
    if missing:
        raise ValueError(
            f"the recording lacks channel(s) {missing} that the model was trained on: rename its "
            f"channels, which are {raw.ch_names}"
        )
    bads = [name for name in names if name in raw.info["bads"]]
    if bads:
        raise ValueError(
            f"channel(s) {bads} are marked bad in the recording, but the model was trained on "
            "them: interpolate them first"
        )
