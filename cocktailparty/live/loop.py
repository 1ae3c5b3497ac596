"""A decoder that takes EEG and sounds as they come, without threads and clocks of its own."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.attention_filter import AttentionState
from cocktailparty.decoding.excerpts import ExcerptScorer, Silence
from cocktailparty.decoding.trained import TrainedModel
from cocktailparty.features import speech_envelope
from cocktailparty.live.buffer import eeg_stream, sound_stream
from cocktailparty.live.gains import talker_gains
from cocktailparty.trial import Trial
from cocktailparty.validation import check_rate

# Windows of which more than this is lost are no evidence.
_MOST_LOST = 0.5


@dataclass(frozen=True, eq=False)
class Decision:
    """What is attended when a window ends.

    Attributes
    ----------
    end : float
        End of the window in seconds of the common clock.
    scores : ndarray of shape (n_talkers,)
        Scores of the window alone; NaN where it is no evidence.
    probability : ndarray of shape (n_talkers,)
        Probability that each talker is attended, by all that was heard so far. Where none is
        followed, all are equally probable.
    nobody : float
        Probability that no talker is followed.
    lost : float
        Share of the window, and of the EEG that answers it, without data.
    gains_db : ndarray of shape (n_talkers,)
        Gains that the talkers should move to, in decibels, see `talker_gains`.
    """

    end: float
    scores: np.ndarray
    probability: np.ndarray
    nobody: float
    lost: float
    gains_db: np.ndarray


class LiveDecoder:
    """Decode attention while the sounds play.

    Samples are pushed as they come, in chunks of any size, with time stamps on one common clock;
    `advance` returns the decisions that are known by then. They do not depend on the chunks, to
    the last bit, and are those of ``model.decode(trial, so_far=True)``, where a trial holds the
    same samples. Windows lie side by side from the first moment that EEG and sounds have in common.

    Samples that were lost show as jumps of the time stamps: the filters begin anew, and windows
    count by the share that was heard, or not at all if half of them is lost. Stamps that lie before
    what was heard already, as those of duplicates, are refused.

    Parameters
    ----------
    model : TrainedModel
        Trained with ``phase="causal"``: what is decoded here passes the same filters.
    eeg_sfreq, audio_sfreq : float
        Nominal sampling rates in hertz. The clocks may be off, see
        `cocktailparty.live.buffer.SteadyClock`.
    n_talkers : int
        Number of sounds.
    dwell : float, optional
        Mean time between switches of attention in seconds; None for that of the model.
    steady, absent : float, optional
        Probability that attention never switches, and share of the time in which nobody is
        followed, see `linear_aad.AttentionTracker`; None for those of the model.
    max_db : float
        Level of a talker that is surely attended over any other, in decibels.

    Raises
    ------
    ValueError
        If the model is zero-phase, cannot decode a window at a time or is not reliably better
        than guessing, or a parameter is impossible.

    Examples
    --------
    >>> import numpy as np
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from cocktailparty.decoding import train_model
    >>> from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=6, n_channels=8, snr=-20, random_state=0).trials
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
    >>> model = train_model(AttentionTracker(AttentionDecoder(trf)), trials, phase="causal")
    >>> live = LiveDecoder(model, eeg_sfreq=128, audio_sfreq=8000)
    >>> rng = np.random.default_rng(0)
    >>> live.push_eeg(rng.normal(size=(384, 8)), 7 + np.arange(384) / 128)
    >>> live.push_audio(rng.normal(size=(24000, 2)), 7 + np.arange(24000) / 8000)
    >>> [decision.end for decision in live.advance()]
    [8.0, 9.0]
    """

    def __init__(
        self,
        model: TrainedModel,
        eeg_sfreq: float,
        audio_sfreq: float,
        n_talkers: int = 2,
        *,
        dwell: float | None = None,
        steady: float | None = None,
        absent: float | None = None,
        max_db: float = 9.0,
    ) -> None:
        _check(model, eeg_sfreq, audio_sfreq, n_talkers, max_db)
        wanted = {"dwell": dwell, "steady": steady, "absent": absent}
        tracker = copy(model.tracker)
        tracker.set_params(**{name: v for name, v in wanted.items() if v is not None})
        #: The model, with the tracker that is in use.
        self.model = replace(model, tracker=tracker)
        self._settings = (eeg_sfreq, audio_sfreq, n_talkers)
        self._max_db = max_db
        self.eeg = eeg_stream(model, eeg_sfreq)
        self.sounds = sound_stream(model, audio_sfreq, n_talkers)
        n_features = self.sounds.grid.get(0, 0)[0].shape[1] // n_talkers
        self._shape = (n_talkers, n_features)
        n, rng = round(tracker.window * model.sfreq), np.random.default_rng(0)
        like = Trial(
            rng.normal(size=(2 * n, model.n_channels)),
            rng.random((n_talkers, 2 * n, n_features)),
            model.sfreq,
            channel_names=model.channel_names,
        )
        self._scorer = ExcerptScorer.of(tracker.decoder_, like, tracker.window)
        self._silence = Silence(n_talkers, n_features)
        self._attention: AttentionState | None = None
        self._origin: float | None = None
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._next: int | None = None

    @property
    def reach(self) -> float:
        """Seconds of EEG after a window that its score waits for."""
        return self._scorer.n_after / self.model.sfreq

    def push(self, eeg: Any, timestamps: Any) -> None:
        """Take EEG, as `push_eeg`.

        Parameters
        ----------
        eeg : array of shape (n_times, n_channels)
            EEG.
        timestamps : array of shape (n_times,)
            When each sample was taken, in seconds.
        """
        self.push_eeg(eeg, timestamps)

    def push_eeg(self, samples: Any, times: Any) -> None:
        """Take further EEG.

        Parameters
        ----------
        samples : array of shape (n_times, n_channels)
            EEG in the unit of the training, of the channels of the model in their order, and after
            them of its reference channels, if it names any.
        times : array of shape (n_times,)
            When each was taken, in seconds of the common clock.

        Raises
        ------
        ValueError
            If shapes disagree or a value is not finite.
        """
        samples, times = _chunk(samples, times, self._n_columns, "EEG channels")
        if self._origin is None:
            self._waiting.append((samples, times))
        else:
            self.eeg.push(samples, times, self._origin)

    def push_audio(self, samples: Any, times: Any) -> None:
        """Take further sound.

        Parameters
        ----------
        samples : array of shape (n_samples, n_talkers)
            Waveform of each talker.
        times : array of shape (n_samples,)
            When each is heard, in seconds of the common clock.

        Raises
        ------
        ValueError
            If shapes disagree or a value is not finite.
        """
        samples, times = _chunk(samples, times, self._settings[2], "talkers")
        if self._origin is None and len(times):
            self._origin = float(times[0])
            for waiting in self._waiting:
                self.eeg.push(*waiting, self._origin)
            self._waiting = []
        if self._origin is not None:
            self.sounds.push(samples, times, self._origin)

    @one_blas_thread()
    def advance(self) -> list[Decision]:
        """Return the decisions that are known by now, and were not before.

        Returns
        -------
        decisions : list of Decision
            In the order of time; often none.
        """
        return self._decided(self._scorer.n_after)

    @one_blas_thread()
    def finish(self) -> list[Decision]:
        """Return the last decisions when nothing more will come.

        The score of the last window is what the EEG after it, as far as there is any, tells.

        Returns
        -------
        decisions : list of Decision
            In the order of time.
        """
        self.eeg.finish()
        self.sounds.finish()
        return self._decided(0)

    def _decided(self, n_after: int) -> list[Decision]:
        found: list[Decision] = []
        eeg, sounds, n = self.eeg.grid, self.sounds.grid, self._scorer.n_window
        if eeg.first is None or sounds.first is None:
            return found
        if self._next is None:
            self._next = max(eeg.first, sounds.first)
        while min(eeg.stop, sounds.stop) >= self._next + n + n_after:
            found.append(self._decision(self._next))
            self._next += n
            before = self._next - self._scorer.n_before
            eeg.forget(before)
            sounds.forget(before)
        return found

    def _decision(self, start: int) -> Decision:
        """Decide the window that begins at a moment."""
        scorer, eeg, sounds = self._scorer, self.eeg.grid, self.sounds.grid
        first = max(start - scorer.n_before, eeg.first or 0, sounds.first or 0)
        end = start + scorer.n_window
        stop = min(end + scorer.n_after, eeg.stop, sounds.stop)
        rows, lost = eeg.get(first, stop)
        heard, lost_sounds = sounds.get(first, stop)
        stimuli = heard.reshape(len(heard), *self._shape).transpose(1, 0, 2)
        share = 1 - float((lost | lost_sounds)[start - first :].mean())
        window = slice(start - first, end - first)
        sounding = self._silence.heard(stimuli[:, window])
        scores = None
        if share >= 1 - _MOST_LOST:
            scores = scorer.observed(self._referenced(rows), stimuli, start - first, sounding)
        found = np.full(self._shape[0], np.nan) if scores is None else scores
        posterior, self._attention = self.model.tracker.step(
            found, self._attention, share if scores is not None else 1.0
        )
        assert self._origin is not None
        return Decision(
            self._origin + end / self.model.sfreq,
            found,
            posterior.probability,
            float(posterior.none),
            1 - share,
            talker_gains(posterior.probability, self._max_db),
        )

    def _referenced(self, rows: np.ndarray) -> np.ndarray:
        n, reference = self.model.n_channels, self.model.reference
        eeg, references = rows[:, :n], rows[:, n:]
        if reference == "average":
            return np.asarray(eeg - eeg.mean(axis=1, keepdims=True))
        return np.asarray(eeg - references.mean(axis=1, keepdims=True) if reference else eeg)

    @property
    def _n_columns(self) -> int:
        reference = self.model.reference
        return self.model.n_channels + (len(reference) if isinstance(reference, list) else 0)

    def state(self) -> dict[str, Any]:
        """Return all that the decoder remembers.

        Returns
        -------
        state : dict
            Arrays, numbers, and dicts and lists of them.
        """
        return {
            "settings": (*self._settings, self._max_db),
            "tracker": {k: getattr(self.model.tracker, k) for k in ("dwell", "steady", "absent")},
            "eeg": self.eeg.state(),
            "sounds": self.sounds.state(),
            "silence": self._silence.state(),
            "attention": None if self._attention is None else self._attention._asdict(),
            "origin": self._origin,
            "waiting": list(self._waiting),
            "next": self._next,
        }

    @classmethod
    def from_state(cls, model: TrainedModel, state: Mapping[str, Any]) -> "LiveDecoder":
        """Go on where another decoder with the same model was when it gave its `state`.

        Parameters
        ----------
        model : TrainedModel
            The model of the other decoder.
        state : mapping
            What its `state` returned.

        Returns
        -------
        decoder : LiveDecoder
            Its decisions from here on are the same to the last bit.
        """
        *settings, max_db = state["settings"]
        decoder = cls(model, *settings, max_db=max_db, **state["tracker"])
        decoder.eeg.restore(state["eeg"])
        decoder.sounds.restore(state["sounds"])
        decoder._silence.restore(state["silence"])
        attention = state["attention"]
        decoder._attention = None if attention is None else AttentionState(**attention)
        decoder._origin, decoder._next = state["origin"], state["next"]
        decoder._waiting = list(state["waiting"])
        return decoder


def check_model(model: TrainedModel) -> None:
    """Raise a ValueError if a model cannot decode while the sounds play, or at all."""
    if model.phase != "causal":
        raise ValueError(
            "the model was trained with zero-phase filters, which look ahead: train one by "
            "`cocktailparty decode --train FOLDER --causal --save-model FILE`"
        )
    low, high = model.interval()
    if not low > 0:
        raise ValueError(
            "on left-out training trials the decoder is not reliably better than guessing (its "
            f"difference of scores lies between {low:.2g} and {high:.2g}): train on more or better "
            "trials"
        )


def _check(
    model: TrainedModel, eeg_sfreq: float, audio_sfreq: float, n_talkers: int, max_db: float
) -> None:
    check_model(model)
    check_rate(eeg_sfreq, "eeg_sfreq")
    check_rate(audio_sfreq, "audio_sfreq")
    if model.h_freq is not None and eeg_sfreq <= 2 * model.h_freq:
        raise ValueError(
            f"eeg_sfreq={eeg_sfreq:g} Hz must be more than twice the h_freq={model.h_freq:g} Hz of "
            "the model"
        )
    if n_talkers < 2:
        raise ValueError(f"n_talkers must be at least 2, got {n_talkers}")
    if not 0 <= max_db < np.inf:
        raise ValueError(f"max_db must be a number of decibels >= 0, got {max_db!r}")
    noise = np.random.default_rng(0).normal(size=round(audio_sfreq / 4))
    expected = model.stimuli[0].reshape(len(model.stimuli[0]), -1).shape[1]
    made = speech_envelope(noise, audio_sfreq, model.sfreq, **{**model.envelope, "phase": "causal"})
    if made.shape[1] != expected:
        raise ValueError(
            f"the model was trained on {expected} feature(s) of each sound, its "
            f"envelope={model.envelope} makes {made.shape[1]}"
        )


def _chunk(samples: Any, times: Any, n_columns: int, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Check samples (n, n_columns) and times (n,), and make floats of them."""
    samples, times = np.array(samples, dtype=float), np.array(times, dtype=float)
    if samples.ndim != 2 or samples.shape[1] != n_columns or times.shape != samples.shape[:1]:
        raise ValueError(
            f"samples must have shape (n_times, {n_columns}), {what} last, and times (n_times,); "
            f"got {samples.shape} and {times.shape}"
        )
    if not (np.isfinite(samples).all() and np.isfinite(times).all()):
        raise ValueError("samples and times must be finite")
    return samples, times
