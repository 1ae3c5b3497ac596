"""Where EEG and sounds come from: a recording that is played again, or Lab Streaming Layer."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.decoding.trained import TrainedModel
from cocktailparty.recordings.audio.reading import read_audio
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.validation import check_rate

# Root mean square below which a sound counts as silent, and samples at full scale above which
# share of all as clipped.
_SILENT, _CLIPPED = 1e-5, 1e-3


@dataclass(frozen=True, eq=False)
class Chunk:
    """Samples of one stream: `kind` "eeg" or "audio", samples (n, n_columns), times (n,)."""

    kind: str
    samples: np.ndarray
    times: np.ndarray


class Replay:
    """A recording and its sounds, played again as streams.

    Parameters
    ----------
    recording : mne.io.Raw, or pair of array (n_times, n_channels) and its rate in hertz
        EEG; a pair has the channels of the model.
    sounds : sequence of path or (array, float)
        The competing sounds, which share a sampling rate, in hertz.
    start : float
        Second of the recording at which the sounds start.
    speed : float
        How many seconds are played in one; infinity as fast as it can be decoded.
    block : float
        Length of a chunk in seconds.

    Raises
    ------
    ValueError
        If there are fewer than two sounds, they differ in rate, are silent or clipped, or the
        speed is impossible.
    OSError
        If a sound file is missing or broken.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sounds = [(0.1 * rng.normal(size=8000), 8000) for _ in range(2)]
    >>> replay = Replay((rng.normal(size=(128, 4)), 128), sounds, speed=np.inf)
    >>> replay.eeg_sfreq, replay.audio_sfreq, replay.n_talkers
    (128.0, 8000.0, 2)
    """

    def __init__(
        self,
        recording: Any,
        sounds: Sequence[Any],
        start: float = 0.0,
        speed: float = 1.0,
        block: float = 0.016,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, got {speed!r}")
        self._recording, self._start, self.speed, self._block = recording, start, speed, block
        self._audio, self.audio_sfreq = together(sounds)
        self.n_talkers = self._audio.shape[1]
        self.eeg_sfreq = float(
            recording[1] if isinstance(recording, tuple) else recording.info["sfreq"]
        )

    def prepare(self, model: TrainedModel) -> None:
        """Choose the channels of a model.

        Parameters
        ----------
        model : TrainedModel
            What decodes.

        Raises
        ------
        ValueError
            If the recording lacks some of them, or the sounds start outside of it.
        """
        names = wanted_channels(model)
        recording = self._recording
        if isinstance(recording, tuple):
            columns = names or [str(i) for i in range(model.n_channels)]
            eeg, rate = recording
            recording = raw_from_array(eeg, rate, columns, columns, "the recording")
        missing = [name for name in names or [] if name not in recording.ch_names]
        if missing:
            raise ValueError(
                f"the recording lacks channel(s) {missing} of the model; it has "
                f"{recording.ch_names}"
            )
        self._eeg = recording.get_data(picks=names or "eeg").T
        if names is None and self._eeg.shape[1] != model.n_channels:
            raise ValueError(
                f"the recording has {self._eeg.shape[1]} EEG channels, the model {model.n_channels}"
            )
        if not 0 <= self._start < len(self._eeg) / self.eeg_sfreq:
            raise ValueError(
                f"start={self._start:g} s lies outside the recording of "
                f"{len(self._eeg) / self.eeg_sfreq:g} s"
            )

    def chunks(self) -> Iterator[list[Chunk]]:
        """Yield what has come, in the order of time.

        Yields
        ------
        chunks : list of Chunk
            What came since the last time.
        """
        began, n_eeg, n_audio = time.perf_counter(), 0, 0
        duration = max(
            len(self._eeg) / self.eeg_sfreq, self._start + len(self._audio) / self.audio_sfreq
        )
        n_ticks = int(np.ceil(duration / self._block))
        for tick in range(1, n_ticks + 1):
            now = tick * self._block
            if np.isfinite(self.speed):
                time.sleep(max(0.0, began + now / self.speed - time.perf_counter()))
            found = []
            stop = round(now * self.eeg_sfreq)
            if stop > n_eeg:
                rows = self._eeg[n_eeg:stop]
                found.append(Chunk("eeg", rows, (n_eeg + np.arange(len(rows))) / self.eeg_sfreq))
                n_eeg = stop
            stop = round((now - self._start) * self.audio_sfreq)
            if stop > n_audio:
                block = self._audio[n_audio:stop]
                times = self._start + (n_audio + np.arange(len(block))) / self.audio_sfreq
                found.append(Chunk("audio", block, times))
                n_audio = stop
            yield [chunk for chunk in found if len(chunk.times)]

    def close(self) -> None:
        """Stop; there is nothing to close."""


class LSL:
    """Streams of Lab Streaming Layer: EEG, and the sounds as a stream or as files.

    Needs mne-lsl (``pip install "cocktailparty[stream]"``). Clocks are synchronised, and every
    sample is fetched. Sound files are played from the moment the EEG has come, with the clock of
    this computer.

    Parameters
    ----------
    eeg : str
        Name of the EEG stream.
    audio : str, optional
        Name of the stream of the sounds, one channel a talker.
    sounds : sequence of path or (array, float), optional
        Sounds to play instead.
    timeout : float
        How long to look for streams, in seconds.

    Raises
    ------
    ImportError
        If mne-lsl is not installed.
    ValueError
        If there is no such stream, or several, or it does not hold what is needed.
    """

    speed = 1.0

    def __init__(
        self,
        eeg: str,
        audio: str | None = None,
        sounds: Sequence[Any] | None = None,
        timeout: float = 5.0,
    ) -> None:
        if (audio is None) == (sounds is None):
            raise ValueError(
                "give either the stream of the sounds, audio, or the sounds themselves"
            )
        self._lsl = lsl_library()
        self._audio: np.ndarray | None = None
        if sounds is not None:
            self._audio, self.audio_sfreq = together(sounds)
            self.n_talkers = self._audio.shape[1]
        self._eeg = self._inlet(eeg, timeout)
        self._description = self._described(self._eeg)
        self.eeg_sfreq = float(self._eeg.sfreq)
        self._sound = None
        if audio is not None:
            self._sound = self._inlet(audio, timeout)
            self.n_talkers, self.audio_sfreq = self._sound.n_channels, float(self._sound.sfreq)
            if self.n_talkers < 2:
                raise ValueError(
                    f"the audio stream {audio!r} has {self.n_talkers} channel, but needs one for "
                    "each of two or more talkers"
                )

    def _inlet(self, name: str, timeout: float) -> Any:
        streams = self._lsl.resolve_streams(timeout=timeout, name=name)
        if not streams:
            there = sorted(stream.name for stream in self._lsl.resolve_streams(timeout=1.0))
            raise ValueError(f"there is no stream {name!r}, only {there}")
        if len(streams) > 1:
            ids = [stream.source_id for stream in streams]
            raise ValueError(f"there are {len(streams)} streams {name!r}, with source ids {ids}")
        if streams[0].dtype == "string":
            raise ValueError(f"the stream {name!r} holds strings, expected numbers")
        check_rate(streams[0].sfreq, f"the rate of the stream {name!r}")
        inlet = self._lsl.StreamInlet(
            streams[0], max_buffered=360, processing_flags=["clocksync"], recover=True
        )
        inlet.open_stream(timeout=timeout)
        return inlet

    @staticmethod
    def _described(inlet: Any) -> tuple[Any, ...]:
        info = inlet.get_sinfo(timeout=5.0)
        names, units = info.get_channel_names(), info.get_channel_units()
        return info.n_channels, info.sfreq, names, units

    def prepare(self, model: TrainedModel) -> None:
        """Choose the channels of a model.

        Parameters
        ----------
        model : TrainedModel
            What decodes.

        Raises
        ------
        ValueError
            If the stream lacks some of them, or their unit is not known.
        """
        _, _, names, units = self._description
        wanted = wanted_channels(model)
        if wanted is None:
            raise ValueError(
                "the model does not know the names of its channels, so that those of a stream "
                "cannot be told: train it on trials with channel names"
            )
        missing = [name for name in wanted if name not in (names or [])]
        if missing:
            raise ValueError(f"the EEG stream lacks channel(s) {missing}; it has {names}")
        self._picks = [names.index(name) for name in wanted]
        picked = [units[i] if units else None for i in self._picks]
        unknown = sorted({str(unit) for unit in picked if _scale(unit) is None})
        if unknown:
            raise ValueError(f"the unit {unknown} of the EEG stream is none of {sorted(_UNITS)}")
        self._scales = np.array([_scale(unit) for unit in picked], dtype=float)

    def chunks(self) -> Iterator[list[Chunk]]:
        """Yield what has come since the last time.

        Yields
        ------
        chunks : list of Chunk
            Often none.
        """
        began, n_played = None, 0
        while True:
            found = []
            samples, times = self._eeg.pull_chunk(timeout=0.0, max_samples=65536)
            if len(times):
                found.append(Chunk("eeg", samples[:, self._picks] * self._scales, times))
            if self._sound is not None:
                samples, times = self._sound.pull_chunk(timeout=0.0, max_samples=262144)
                if len(times):
                    found.append(Chunk("audio", np.asarray(samples, dtype=float), times))
            elif self._audio is not None and (began is not None or found):
                now = self._lsl.local_clock()
                began = now if began is None else began
                stop = min(round((now - began) * self.audio_sfreq), len(self._audio))
                if stop > n_played:
                    times = began + np.arange(n_played, stop) / self.audio_sfreq
                    found.append(Chunk("audio", self._audio[n_played:stop], times))
                    n_played = stop
            yield found
            if self._audio is not None and n_played == len(self._audio):
                return
            time.sleep(0.005)

    def close(self) -> None:
        """Close the streams."""
        for inlet in (self._eeg, self._sound):
            if inlet is not None:
                inlet.close_stream()


# Volts in units of EEG streams.
_UNITS = {"v": 1.0, "volts": 1.0, "mv": 1e-3, "millivolts": 1e-3, "uv": 1e-6, "microvolts": 1e-6}


def _scale(unit: Any) -> float | None:
    text = str(unit).strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")
    # mne-lsl gives powers of ten for numbers.
    powers = {"0": 1.0, "-3": 1e-3, "-6": 1e-6}
    return _UNITS.get(text, powers.get(text))


def lsl_library() -> Any:
    """Import mne_lsl.lsl, or raise an ImportError that names what to install."""
    try:
        from mne_lsl import lsl
    except ImportError as error:
        raise ImportError(
            'live streams need mne-lsl: pip install "cocktailparty[stream]"'
        ) from error
    return lsl


def streams(timeout: float = 2.0) -> list[dict[str, Any]]:
    """List the streams of Lab Streaming Layer: names, types, channels, rates and source ids.

    Raises an ImportError if mne-lsl is not installed.
    """
    return [
        {
            "name": stream.name,
            "type": stream.stype,
            "channels": stream.n_channels,
            "sfreq": float(stream.sfreq),
            "source_id": stream.source_id,
        }
        for stream in lsl_library().resolve_streams(timeout=timeout)
    ]


def wanted_channels(model: TrainedModel) -> list[str] | None:
    """List the channels that a model takes, with those of its reference; None if unknown."""
    if model.channel_names is None:
        return None
    references = model.reference if isinstance(model.reference, list) else []
    return [*model.channel_names, *references]


def together(sounds: Sequence[Any]) -> tuple[np.ndarray, float]:
    """Read sounds of one rate, and return them as (n_samples, n_talkers) and the rate in hertz.

    They are as long as the shortest. Fewer than two, sounds of several rates, silent or clipped
    ones are a ValueError, a file that cannot be read an OSError.

    Examples
    --------
    >>> tone = 0.9 * np.sin(np.arange(8000))
    >>> together([(tone, 8000), (0.5 * tone, 8000)])[0].shape
    (8000, 2)
    """
    if len(sounds) < 2:
        raise ValueError(f"live decoding takes two or more sounds, got {len(sounds)}")
    read = [s if isinstance(s, tuple) else read_audio(s) for s in sounds]
    rates = [float(rate) for _, rate in read]
    if len(set(rates)) > 1:
        raise ValueError(f"the sounds have different sampling rates: {rates} Hz; resample them")
    for i, (waveform, _) in enumerate(read):
        x = np.asarray(waveform, dtype=float)
        if not len(x) or np.sqrt(np.mean(x**2)) < _SILENT:
            raise ValueError(f"sounds[{i}] is silent: is it the wrong file or channel?")
        at_limit = np.mean(np.abs(x) >= 0.9999 * max(np.abs(x).max(), 1.0))
        if at_limit > _CLIPPED:
            raise ValueError(f"sounds[{i}] is clipped: {100 * at_limit:.1f} % is at full scale")
    n = min(len(waveform) for waveform, _ in read)
    return np.stack([np.asarray(w, dtype=float)[:n] for w, _ in read], axis=1), rates[0]
