"""Frames of FLAC, the last of which tells where the sound ends."""

import struct
from itertools import pairwise
from typing import NamedTuple

#: A stream starts so: its name, and the length of the block that always follows.
MARK = b"fLaC\x00\x00\x00\x22"


class FlacEnd(NamedTuple):
    """Place of the last frame: its first sample, and the first one after it."""

    start: int
    stop: int


def flac_streams(content: bytes) -> list[bytes]:
    """Divide the content of joined files into streams; what stands before the first is left out.

    One stream if the file is an ordinary one; none if it is not a FLAC file.
    """
    starts = []
    start = content.find(MARK)
    while start >= 0:
        starts.append(start)
        start = content.find(MARK, start + 1)
    return [content[i:j] for i, j in pairwise([*starts, len(content)])]


def flac_end(stream: bytes) -> FlacEnd:
    """Look up where the last frame of a stream lies in time; zeros if there is no frame."""
    (block,) = struct.unpack_from(">H", stream, 10)  # of all frames, if their sizes are fixed
    position = len(stream)
    while (position := stream.rfind(b"\xff", 0, position)) >= 0:
        if (end := _frame(stream, position, block)) is not None:
            return end
    return FlacEnd(0, 0)


def with_length(stream: bytes, n_samples: int) -> bytes:
    """State a length in samples in the header of a stream, which is otherwise the same."""
    (rest,) = struct.unpack_from(">Q", stream, 18)  # rate, channels, bits, length
    stated = rest >> 36 << 36 | n_samples
    return stream[:18] + struct.pack(">Q", stated) + stream[26:]


def _frame(stream: bytes, position: int, block: int) -> FlacEnd | None:
    """Read the header of a frame; None if there is none, which its checksum tells."""
    head = stream[position : position + 16].ljust(16, b"\0")
    if head[1] not in (0xF8, 0xF9) or head[3] & 1:
        return None
    n_coded = max(1, 8 - (head[4] ^ 0xFF).bit_length())  # as in UTF-8
    number = head[4] & (0xFF >> n_coded if n_coded > 1 else 0x7F)
    for byte in head[5 : 4 + n_coded]:
        number = number << 6 | byte & 0x3F
    at = 4 + n_coded
    size, rate = head[2] >> 4, head[2] & 15
    if size == 0 or rate == 15:
        return None
    if size in (6, 7):
        width = size - 5
        n_samples = int.from_bytes(head[at : at + width], "big") + 1
        at += width
    else:
        n_samples = 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    at += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if _checksum(head[:at]) != head[at]:
        return None
    start = number if head[1] == 0xF9 else number * block
    return FlacEnd(start, start + n_samples)


def _checksum(content: bytes) -> int:
    """CRC of eight bits, x^8 + x^2 + x + 1."""
    value = 0
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
    return value
