"""Streams of sound that audio files hold, each whole or refused."""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.recordings.audio.flac import flac_end, flac_streams, with_length
from cocktailparty.recordings.audio.lengths import stated_lengths
from cocktailparty.recordings.audio.mpeg import is_mpeg, mpeg_segments

# Bytes after the sound that do not belong to it, such as foreign tags, are shorter than this.
_FOREIGN = 0.5  # seconds
# Formats, by libsndfile's names, of which it is known how to tell that a file is whole.
_CHECKED = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "AU", "CAF", "NIST", "OGG", "FLAC", "MP3"}
# libsndfile's number of samples where a header states none.
_UNKNOWN = 2**62


@dataclass(frozen=True)
class Stream:
    """Sound that was encoded in one go, in a file or bytes that libsndfile reads.

    The sound begins after `skip` decoded samples and ends before sample `stop`; None for all of
    them.
    """

    source: Path | bytes
    skip: int = 0
    stop: int | None = None

    def open(self) -> Any:
        """Open the encoded sound as a `soundfile.SoundFile` that the caller closes."""
        import soundfile

        return soundfile.SoundFile(
            BytesIO(self.source) if isinstance(self.source, bytes) else self.source
        )

    def read(self) -> tuple[np.ndarray, int]:
        """Decode the whole sound: float32 (n_samples, n_audio_channels), and its rate in hertz."""
        with self.open() as file:
            # Some codecs cannot be searched, and are read to their end by its number only.
            frames = -1 if file.seekable() else file.frames
            audio = file.read(frames, dtype="float32", always_2d=True)
            return audio[self.skip : self.stop], file.samplerate

    def length(self) -> tuple[int, int]:
        """Count the samples without decoding them; returns their number and the rate in hertz."""
        with self.open() as file:
            n_samples = file.frames if self.stop is None else self.stop
            return n_samples - self.skip, file.samplerate


def streams(path: Path) -> list[Stream]:
    """Find the streams of sound in a file, several where files were joined, all of them whole.

    Raises an OSError if the header tells of more sound than there is, or of less, or the end is
    missing, and a LibsndfileError if libsndfile cannot read the file. Warns if nothing tells
    whether a file of this format is whole.
    """
    import soundfile

    where = f"audio file {path}"
    with path.open("rb") as file:
        mpeg = is_mpeg(file)
    # Before libsndfile opens it, whose decoder prints what it thinks of a wrong header.
    if mpeg:
        segments = mpeg_segments(path.read_bytes(), where)
        return [Stream(segment.content, segment.skip, segment.stop) for segment in segments]
    lengths = stated_lengths(path)
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError:
        if lengths is not None and lengths.stated > lengths.held:
            raise OSError(
                f"{where} is incomplete: its header tells of {lengths.stated} bytes of sound, "
                f"{lengths.held} are there; copy it again"
            ) from None
        raise
    if lengths is not None:
        _check_lengths(where, info, *lengths)
    if info.format == "MP3":  # that begins with something else
        segments = mpeg_segments(path.read_bytes(), where)
        return [Stream(segment.content, segment.skip, segment.stop) for segment in segments]
    if info.format == "OGG":
        return _ogg(path, where, info)
    if info.format == "FLAC":
        return _flac(path, where)
    if info.format not in _CHECKED:
        warnings.warn(
            f"{where}: nothing tells whether a file of its format ({info.format_info}) is whole; "
            "wav or flac is safer",
            RuntimeWarning,
            stacklevel=3,
        )
    return [Stream(path)]


def _check_lengths(where: str, info: Any, stated: int, held: int) -> None:
    """Refuse a header that is wrong, in seconds of what libsndfile makes of the file."""
    available = min(stated, held)
    scale = info.duration / available if available > 0 and info.frames else 0.0
    seconds = [f" ({n * scale:.2f} s)" if scale else "" for n in (stated, held)]
    difference = f"its header tells of {stated} bytes of sound{seconds[0]}, "
    follow = f"{held}{seconds[1]} are there"
    if stated > held:
        raise OSError(f"{where} is incomplete: {difference}{follow}; copy it again")
    if not scale or (held - stated) * scale > _FOREIGN:
        raise OSError(
            f"{where} has a header that was never finished: {difference}{follow}; repair it, "
            "for example by ffmpeg -ignore_length 1 -i FILE REPAIRED.wav"
        )


def _ogg(path: Path, where: str, info: Any) -> list[Stream]:
    """Walk through the pages: each stream ends with a mark, and pages are numbered."""
    content = path.read_bytes()
    starts = [0]
    numbers: dict[int, int] = {}
    unfinished: set[int] = set()
    position = begun = 0
    cut = f"the sound is cut off after about {info.duration:.2f} s: copy it again"
    while position < len(content):
        if not content.startswith(b"OggS", position) or position + 27 > len(content):
            if not unfinished and content[position : position + 4] != b"OggS":
                break  # something foreign after the end
            raise OSError(
                f"{where} is incomplete or damaged: no whole page begins at byte {position} of "
                f"{len(content)}, and the end of the sound has not come; {cut}"
            )
        flags, serial, number = struct.unpack_from("<5xB8xII", content, position)
        n_segments = content[position + 26]
        length = 27 + n_segments + sum(content[position + 27 : position + 27 + n_segments])
        if position + length > len(content):
            raise OSError(
                f"{where} is incomplete: its last page has {length} bytes, "
                f"{len(content) - position} are there; {cut}"
            )
        if flags & 2:  # begins a stream
            if begun and not unfinished:
                starts.append(position)
                numbers = {}
            unfinished.add(serial)
        elif numbers.get(serial, number - 1) != number - 1:
            raise OSError(
                f"{where} is damaged: page {numbers[serial] + 1} is missing before byte "
                f"{position}, and what follows would be too early; copy it again"
            )
        numbers[serial] = number
        begun += 1
        if flags & 4:  # ends a stream
            unfinished.discard(serial)
        position += length
    if unfinished:
        raise OSError(
            f"{where} is incomplete: it ends after {len(content)} bytes without the mark at the "
            f"end of a stream; {cut}"
        )
    if len(starts) == 1:
        return [Stream(path)]
    ends = [*starts[1:], position]
    return [Stream(content[start:end]) for start, end in zip(starts, ends, strict=True)]


def _flac(path: Path, where: str) -> list[Stream]:
    """Try the last sample that the header tells of."""
    import soundfile

    joined = []
    for content in flac_streams(path.read_bytes()):
        stream, end = Stream(content), flac_end(content)
        with stream.open() as file:
            frames, rate = file.frames, file.samplerate
            if frames > _UNKNOWN:
                joined.append(Stream(with_length(content, end.stop)))
                continue
            try:
                file.seek(max(0, frames - 1))
                whole = len(file.read(1)) == min(1, frames)
            except soundfile.LibsndfileError:
                whole = False
        if not whole:
            held = end.stop if end.stop < frames else end.start
            raise OSError(
                f"{where} is incomplete: its header tells of {frames} samples "
                f"({frames / rate:.2f} s), {held} ({held / rate:.2f} s) are there; copy it again"
            )
        joined.append(stream)
    return joined
