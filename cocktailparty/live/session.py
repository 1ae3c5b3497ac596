"""The loop of a session: a source, a decoder, sinks, and a log that proves every decision."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cocktailparty.decoding.trained import TrainedModel
from cocktailparty.live.gains import Mixer
from cocktailparty.live.loop import Decision, LiveDecoder
from cocktailparty.live.session_log import SessionLog, read_log
from cocktailparty.live.sinks import Behind, Sink
from cocktailparty.live.sources import Chunk

# Longest that the loop waits for a sink, in seconds, while the sounds play.
_PATIENCE = 0.02


class Source(Protocol):
    """Where chunks come from, such as `Replay` and `LSL`."""

    eeg_sfreq: float
    audio_sfreq: float
    n_talkers: int
    speed: float

    def prepare(self, model: TrainedModel) -> None:
        """Choose the channels of a model."""

    def chunks(self) -> Iterator[list[Chunk]]:
        """Yield what has come since the last time."""

    def close(self) -> None:
        """Stop."""


class Loop:
    """Decode a source while it plays, and mix its sounds by what is decoded.

    The mixture is written as the sounds come: it never waits for EEG, for the decoder or for a
    sink. If the decoder fails, the plain mixture goes on.

    Parameters
    ----------
    source : Replay, LSL or the like
        Where EEG and sounds come from.
    model : TrainedModel
        Trained with ``phase="causal"``.
    sinks : sequence of sink
        Where mixture and decisions go, such as `WaveFile` and `DecisionFile`.
    log : path, optional
        File that all chunks are logged in, for `rerun`.
    model_path : path, optional
        File of the model, which is named in the log.
    dwell, steady, absent : float
        Settings of the tracker, see `LiveDecoder`.
    max_db : float
        Level of a talker that is surely attended over any other, in decibels.
    status : callable, optional
        Takes a `Decision` and the seconds that it took, whenever there is one.

    Raises
    ------
    ValueError
        If source and model do not fit together, before anything is written.
    OSError
        If a file cannot be written.
    """

    def __init__(
        self,
        source: Source,
        model: TrainedModel,
        sinks: Sequence[Sink] = (),
        *,
        log: str | Path | None = None,
        model_path: str | Path | None = None,
        dwell: float = 30.0,
        steady: float = 0.0,
        absent: float = 0.03,
        max_db: float = 9.0,
        status: Callable[[Decision, float], None] | None = None,
    ) -> None:
        self._settings: dict[str, Any] = {
            "dwell": dwell,
            "steady": steady,
            "absent": absent,
            "max_db": max_db,
        }
        rates = source.eeg_sfreq, source.audio_sfreq, source.n_talkers
        self.decoder = LiveDecoder(model, *rates, **self._settings)
        source.prepare(model)
        self._source, self._sinks, self._status = source, sinks, status
        self._log_path, self._model_path = log, model_path
        self._mixer = Mixer(source.audio_sfreq, source.n_talkers)
        #: All decisions, and how long each took from the arrival of its last sample, in seconds.
        self.decisions: list[Decision] = []
        self.latencies: list[float] = []

    def run(self, seconds: float | None = None) -> dict[str, Any]:
        """Run until the source ends, the time is over, or it is interrupted (Ctrl-C).

        Parameters
        ----------
        seconds : float, optional
            How many seconds of sound to take at most.

        Returns
        -------
        summary : dict
            Numbers of the session, and the errors of sinks and decoder.
        """
        source = self._source
        patience = _PATIENCE if np.isfinite(source.speed) else 60.0
        behind = [Behind(sink, source.audio_sfreq, patience) for sink in self._sinks]
        log = None
        if self._log_path is not None:
            rates = [source.eeg_sfreq, source.audio_sfreq, source.n_talkers]
            model = None if self._model_path is None else str(self._model_path)
            log = SessionLog(
                self._log_path, {"rates": rates, "settings": self._settings, "model": model}
            )
        failed: str | None = None
        n_samples, n_dropped = 0, 0
        try:
            with suppress(KeyboardInterrupt):
                for chunks in source.chunks():
                    arrived, whole = time.perf_counter(), [_finite(chunk) for chunk in chunks]
                    n_dropped += sum(map(len, (c.times for c in chunks)))
                    n_dropped -= sum(map(len, (c.times for c in whole)))
                    for chunk in whole:
                        if log is not None:
                            log.write(chunk.kind, chunk.samples, chunk.times)
                        failed = failed or self._push(chunk)
                    failed = failed or self._advance(behind, arrived)
                    for chunk in whole:
                        if chunk.kind == "audio":
                            mixture = self._mixer.mix(chunk.samples)
                            n_samples += len(mixture)
                            _to_all(behind, mixture)
                    if seconds is not None and n_samples >= seconds * source.audio_sfreq:
                        break
            if failed is None:
                if log is not None:
                    log.write("end", np.zeros((0, 0)), np.zeros(0))
                failed = self._advance(behind, time.perf_counter(), last=True)
        finally:
            source.close()
            for one in behind:
                one.close()
            if log is not None:
                log.close()
        errors = [error for error in (failed, log and log.error) if error]
        errors += [one.error for one in behind if one.error]
        return self._summary(n_samples / source.audio_sfreq, n_dropped, errors)

    def _push(self, chunk: Chunk) -> str | None:
        """Hand a chunk to the decoder; returns what went wrong."""
        push = self.decoder.push_eeg if chunk.kind == "eeg" else self.decoder.push_audio
        try:
            push(chunk.samples, chunk.times)
        except ValueError as error:
            return f"the decoder: {error}"
        return None

    def _advance(self, behind: list[Behind], arrived: float, last: bool = False) -> str | None:
        """Tell mixer and sinks what is decided by now; returns what went wrong."""
        try:
            decisions = self.decoder.finish() if last else self.decoder.advance()
        except ValueError as error:
            return f"the decoder: {error}"
        for decision in decisions:
            self._mixer.decide(decision.gains_db)
            took = time.perf_counter() - arrived
            self.decisions.append(decision)
            self.latencies.append(took)
            _to_all(behind, decision)
            if self._status is not None:
                self._status(decision, took)
        return None

    def _summary(self, seconds: float, n_dropped: int, errors: list[str]) -> dict[str, Any]:
        latencies = 1000 * np.array(self.latencies) if self.latencies else np.zeros(1)
        probability = np.array([d.probability for d in self.decisions])
        return {
            "seconds": seconds,
            "n_decisions": len(self.decisions),
            "chosen": np.bincount(
                probability.argmax(axis=1), minlength=self._source.n_talkers
            ).tolist()
            if len(probability)
            else [0] * self._source.n_talkers,
            "mean_nobody": float(np.mean([d.nobody for d in self.decisions] or [1.0])),
            "mean_lost": float(np.mean([d.lost for d in self.decisions] or [0.0])),
            "refused_eeg_samples": self.decoder.eeg.n_refused,
            "refused_audio_samples": self.decoder.sounds.n_refused,
            "samples_not_finite": n_dropped,
            "median_latency_ms": float(np.median(latencies)),
            "p99_latency_ms": float(np.percentile(latencies, 99)),
            "errors": errors,
        }


def rerun(path: str | Path, model: TrainedModel | None = None) -> list[Decision]:
    """Make all decisions of a logged session again.

    Parameters
    ----------
    path : path
        Log of a session, also of one that was killed.
    model : TrainedModel, optional
        The model of the session; None to load the file that the log names.

    Returns
    -------
    decisions : list of Decision
        The same to the last bit, up to the last chunk that reached the disk.

    Raises
    ------
    ValueError
        If it is no log, or names no model.
    OSError
        If a file is missing.
    """
    header, chunks = read_log(path)
    if model is None:
        if header["model"] is None:
            raise ValueError(f"{path} does not name the file of its model: give the model")
        model = TrainedModel.load(header["model"])
    decoder = LiveDecoder(model, *header["rates"], **header["settings"])
    decisions: list[Decision] = []
    for kind, samples, times in chunks:
        if kind == "end":
            decisions += decoder.finish()
        else:
            (decoder.push_eeg if kind == "eeg" else decoder.push_audio)(samples, times)
            decisions += decoder.advance()
    return decisions


def _finite(chunk: Chunk) -> Chunk:
    """Leave out samples that are not finite: they are lost."""
    rows = np.isfinite(chunk.samples).all(axis=1)
    return chunk if rows.all() else Chunk(chunk.kind, chunk.samples[rows], chunk.times[rows])


def _to_all(behind: list[Behind], item: Any) -> None:
    for one in behind:
        one.put(item)
