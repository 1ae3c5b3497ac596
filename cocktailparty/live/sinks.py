"""Where mixture and decisions go: files, behind queues so that sound never waits for a disk."""

import json
import queue
import threading
import wave
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cocktailparty.live.loop import Decision


class Sink(Protocol):
    """What `Loop` writes to; a sink takes what it needs and ignores the rest."""

    def open(self, audio_sfreq: float) -> None:
        """Begin, with the sampling rate of the mixture in hertz."""

    def sound(self, mixture: np.ndarray) -> None:
        """Take the next samples of the mixture, (n_samples,)."""

    def decision(self, decision: Decision) -> None:
        """Take a decision."""

    def close(self) -> None:
        """End."""


class WaveFile:
    """The mixture as a file of 16 bits a sample.

    What is louder than full scale is cut there.

    Parameters
    ----------
    path : path
        File to write.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def open(self, audio_sfreq: float) -> None:
        """Begin the file.

        Parameters
        ----------
        audio_sfreq : float
            Sampling rate in hertz.
        """
        self._file = wave.open(str(self._path), "wb")  # noqa: SIM115 - closed by `close`
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(round(audio_sfreq))

    def sound(self, mixture: np.ndarray) -> None:
        """Write samples.

        Parameters
        ----------
        mixture : ndarray of shape (n_samples,)
            Between -1 and 1.
        """
        values = np.clip(np.round(mixture * 32767), -32768, 32767).astype("<i2")
        self._file.writeframes(values.tobytes())

    def decision(self, decision: Decision) -> None:
        """Ignore a decision.

        Parameters
        ----------
        decision : Decision
            It shows in the mixture.
        """

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


class DecisionFile:
    """Decisions as lines of JSON.

    Parameters
    ----------
    path : path
        File to write.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def open(self, audio_sfreq: float) -> None:
        """Begin the file.

        Parameters
        ----------
        audio_sfreq : float
            Ignored.
        """
        self._file = self._path.open("w", encoding="utf-8")

    def sound(self, mixture: np.ndarray) -> None:
        """Ignore sound.

        Parameters
        ----------
        mixture : ndarray
            Not written.
        """

    def decision(self, decision: Decision) -> None:
        """Write a line.

        Parameters
        ----------
        decision : Decision
            With all digits, so that it can be compared bit by bit.
        """
        self._file.write(json.dumps(as_dict(decision)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


def as_dict(decision: Decision) -> dict[str, Any]:
    """Turn a decision into numbers and lists for JSON; NaN becomes None."""
    scores = [None if np.isnan(z) else float(z) for z in decision.scores]
    return {
        "end": decision.end,
        "scores": scores,
        "probability": decision.probability.tolist(),
        "nobody": decision.nobody,
        "lost": decision.lost,
        "gains_db": decision.gains_db.tolist(),
    }


class Behind:
    """A sink behind a queue and a thread: whoever writes never waits longer than `patience`.

    A sink that raises an OSError, or blocks until the queue is full, is given up: the error is
    kept, and nothing more is written to it.
    """

    def __init__(self, sink: Sink, audio_sfreq: float, patience: float, size: int = 1000) -> None:
        self._sink, self._patience = sink, patience
        self.error: str | None = None
        self._queue: queue.Queue[Any] = queue.Queue(size)
        sink.open(audio_sfreq)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand on a mixture or a decision."""
        if self.error is not None:
            return
        try:
            self._queue.put(item, timeout=self._patience)
        except queue.Full:
            self._fail("it blocks")

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self.error is not None:
                continue
            try:
                if isinstance(item, Decision):
                    self._sink.decision(item)
                else:
                    self._sink.sound(item)
            except OSError as error:
                self._fail(str(error))

    def _fail(self, why: str) -> None:
        self.error = f"{type(self._sink).__name__}: {why}"

    def close(self) -> None:
        """Write what is left, and end."""
        if self.error is None:
            self._queue.put(None)
            self._thread.join()
        try:
            self._sink.close()
        except OSError as error:
            self._fail(str(error))
