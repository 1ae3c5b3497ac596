"""Frames of MPEG audio (mp3, mp2), counted where no header states their number."""

import struct
import warnings
from dataclasses import dataclass
from typing import BinaryIO

#: Samples by which a decoder is late: the filter bank of layers I and II, that of layer III.
_LATE = {1: 481, 2: 481, 3: 529}
#: Samples that LAME puts in front of the sound.
_LAME = 576
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# Tags that stand before, between and after frames: lengths stand in the first, not in the others.
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True)
class MpegSegment:
    """Frames, `content`, that were encoded in one go.

    The decoder gives `skip` samples before the sound begins; `stop` is the first decoded sample
    after it, None if the frames start with a header that tells the decoder all that.
    """

    content: bytes
    skip: int
    stop: int | None


@dataclass(frozen=True)
class _Header:
    """What the first four bytes of a frame say."""

    version: int
    layer: int
    rate: int
    n_bytes: int
    n_samples: int

    def continues(self, other: "_Header") -> bool:
        """Say whether both frames can belong to one stream."""
        return (self.version, self.layer, self.rate) == (other.version, other.layer, other.rate)


def is_mpeg(file: BinaryIO) -> bool:
    """Say whether a file, open at its start, begins with a frame of mp3 or mp2, or with tags."""
    position = 0
    while (after := _after_id3(start := file.read(10), 0)) is not None:
        position += after
        file.seek(position)
    return _header(start, 0) is not None


def mpeg_segments(content: bytes, where: str) -> list[MpegSegment]:
    """Divide the content of an mp3 or mp2 file into what was encoded in one go, counting frames.

    A header in the first frame (Xing or Info, VBRI) tells how many frames follow. Where there is
    none, or files were joined, the frames themselves are counted, and what encoder and decoder put
    in front of the sound is found from the standard (481 samples for layers I and II) and from
    LAME's signature (1105 samples); another encoder's share of it is unknown, which is warned of.
    Mostly there is one segment. Raises an OSError, which calls the file `where`, if it was cut
    off, is damaged or has no frame of known length.
    """
    segments: list[MpegSegment] = []
    frames: list[tuple[int, _Header]] = []
    position = _first_frame(content, where)
    while position < len(content):
        header = _header(content, position)
        if header is None:
            if (tag := _after_tag(content, position)) is None:
                # Padding up to the end of a block on disk, or something foreign after all that the
                # header told of.
                if not any(content[position:]) or (
                    _find_frame(content, position) is None and _has_all(content, frames, where)
                ):
                    break
                raise OSError(
                    f"{where} is damaged: byte {position} of {len(content)}, after "
                    f"{_seconds(frames):.2f} s, belongs to no frame, and a decoder would skip what "
                    "follows without a word; copy it again or convert it from the original"
                )
            position = tag
            continue
        if position + header.n_bytes > len(content):
            if frames:
                _check_stated(content, frames, where)
            raise OSError(
                f"{where} is incomplete: its last frame has {header.n_bytes} bytes, "
                f"{len(content) - position} are there; the sound is cut off after "
                f"{_seconds(frames):.2f} s: copy it again"
            )
        if frames and not header.continues(frames[0][1]):
            raise OSError(
                f"{where} changes from {frames[0][1].rate} to {header.rate} Hz or to another layer "
                f"after {_seconds(frames):.2f} s: convert it to wav"
            )
        if frames and _tag(content, position, header) is not None:
            segments.append(_segment(content, frames, where))
            frames = []
        frames.append((position, header))
        position += header.n_bytes
    return [*segments, _segment(content, frames, where)]


def _segment(content: bytes, frames: list[tuple[int, _Header]], where: str) -> MpegSegment:
    """Find where the sound begins and ends in what is decoded."""
    header = frames[0][1]
    stated, delay, body = _check_stated(content, frames, where)
    last, end = body[-1][0], body[-1][0] + body[-1][1].n_bytes
    if stated is not None and delay is not None and abs(stated - len(body)) <= 1:
        return MpegSegment(content[frames[0][0] : end], 0, None)
    first = body[0][0]
    skip = _LATE[header.layer]
    if header.layer == 3 and delay is None and b"LAME" in content[first:end]:
        delay = _LAME
    if header.layer == 3 and delay is None:
        warnings.warn(
            f"{where} does not say how many samples its encoder put in front of the sound; mostly "
            f"{_LAME} ({1000 * _LAME / header.rate:.0f} ms), by which it comes late now. If that "
            "matters, convert it from the original",
            RuntimeWarning,
            stacklevel=2,
        )
    # The decoder stops where the size of the first frame tells it to: more of the last frame are
    # added, of which nothing is kept.
    missing = len(body) * body[0][1].n_bytes - (end - first)
    padding = 2 + max(0, -(-missing // body[-1][1].n_bytes))
    return MpegSegment(
        content[first:end] + content[last:end] * padding,
        skip + (delay or 0),
        len(body) * header.n_samples,
    )


def _check_stated(
    content: bytes, frames: list[tuple[int, _Header]], where: str
) -> tuple[int | None, int | None, list[tuple[int, _Header]]]:
    """Compare what the first frame states with what is there."""
    position, header = frames[0]
    tag = _tag(content, position, header)
    body = frames if tag is None else frames[1:]
    if not body:
        raise OSError(f"{where} holds no samples: was it copied completely?")
    stated, delay = (None, None) if tag is None else tag
    if stated is not None and stated - len(body) > 1:  # some encoders count the header, too
        seconds = stated * header.n_samples / header.rate
        raise OSError(
            f"{where} is incomplete: its header tells of {seconds:.2f} s ({stated} frames), "
            f"{_seconds(body):.2f} s ({len(body)} frames) are there; copy it again"
        )
    return stated, delay, body


def _seconds(frames: list[tuple[int, _Header]]) -> float:
    return sum(header.n_samples / header.rate for _, header in frames)


def _header(content: bytes, position: int) -> _Header | None:
    if position + 4 > len(content):
        return None
    (bits,) = struct.unpack_from(">I", content, position)
    version = {0b11: 1, 0b10: 2, 0b00: 4}.get(bits >> 19 & 3)  # 4 stands for 2.5
    layer = 4 - (bits >> 17 & 3)
    bitrate, rate, padding = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if bits >> 21 != 0x7FF or version is None or layer == 4 or rate == 3 or not 0 < bitrate < 15:
        return None
    hertz = (44100, 48000, 32000)[rate] // version
    kilobits = _BITRATES[min(version, 2), layer][bitrate - 1]
    n_samples = 384 if layer == 1 else 576 if layer == 3 and version > 1 else 1152
    slot = 4 if layer == 1 else 1
    n_bytes = (n_samples // 8 * kilobits * 1000 // hertz // slot + padding) * slot
    return _Header(version, layer, hertz, n_bytes, n_samples)


def _first_frame(content: bytes, where: str) -> int:
    """Find the first frame that another one follows."""
    position = 0
    while (after := _after_tag(content, position)) is not None:
        position = after
    if (frame_at := _find_frame(content, position)) is not None:
        return frame_at
    raise OSError(
        f"{where} holds no frames whose length is known (free format?): convert it to wav or flac"
    )


def _find_frame(content: bytes, position: int) -> int | None:
    while (position := content.find(b"\xff", position)) >= 0:
        header = _header(content, position)
        if header is not None:
            follower = _header(content, position + header.n_bytes)
            at_end = position + header.n_bytes >= len(content)
            if at_end or (follower is not None and header.continues(follower)):
                return position
        position += 1
    return None


def _has_all(content: bytes, frames: list[tuple[int, _Header]], where: str) -> bool:
    """Say whether there are as many frames as the first one states."""
    stated, _, body = _check_stated(content, frames, where)
    return stated is not None and len(body) >= stated


def _after_tag(content: bytes, position: int) -> int | None:
    """Find the end of a tag that starts here; None if there is none."""
    if (after := _after_id3(content, position)) is not None:
        return after
    if content.startswith(_TAGS, position):
        following = _find_frame(content, position + 1)  # of the next of joined files
        return len(content) if following is None else following
    return None


def _after_id3(content: bytes, position: int) -> int | None:
    tag = content[position : position + 10]
    if len(tag) < 10 or not tag.startswith(b"ID3"):
        return None
    length = 0
    for byte in tag[6:]:
        length = length << 7 | byte & 0x7F
    return position + 10 + length + 10 * (tag[5] >> 4 & 1)


def _tag(content: bytes, position: int, header: _Header) -> tuple[int | None, int | None] | None:
    """Read the header in a first frame: frames that follow, samples put in front; or None."""
    if header.layer != 3:
        return None
    frame = content[position : position + header.n_bytes]
    if frame[36:40] == b"VBRI":
        return (struct.unpack_from(">I", frame, 50)[0] if len(frame) >= 54 else None), None
    stereo = frame[3] >> 6 != 3
    start = 4 + ((32 if stereo else 17) if header.version == 1 else (17 if stereo else 9))
    if frame[start : start + 4] not in (b"Xing", b"Info") or len(frame) < start + 8:
        return None
    (flags,) = struct.unpack_from(">I", frame, start + 4)
    at = start + 8
    stated = struct.unpack_from(">I", frame, at)[0] if flags & 1 and len(frame) >= at + 4 else None
    at += 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    encoder = frame[at : at + 4]
    if encoder not in (b"LAME", b"Lavf", b"Lavc") or len(frame) < at + 24:
        return stated, None
    return stated, frame[at + 21] << 4 | frame[at + 22] >> 4
