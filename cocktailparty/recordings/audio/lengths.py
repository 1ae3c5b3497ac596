"""Lengths that the headers of uncompressed audio files state, compared with their content."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

# What recorders write that do not know yet how long the sound will be; the file ends with it.
_OPEN = {0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36}
# Writers that count their header as sound are wrong by this many bytes at most.
_HEADER = 64


class Lengths(NamedTuple):
    """Bytes of sound that the header states, and bytes that the file holds.

    It holds fewer if it was cut off, more if the header was never finished.
    """

    stated: int
    held: int


def stated_lengths(path: Path) -> Lengths | None:
    """Compare the header of a wav, rf64, w64, aiff, 8svx, au, caf or NIST file with its size.

    None if the format is another, or the header leaves the length open.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(16)
        for magic, measure in _FORMATS.items():
            if start.startswith(magic):
                try:
                    lengths = measure(file, size)
                except (struct.error, ValueError):  # a header that ends before its own end
                    return None
                return None if lengths is None or _equal(lengths) else lengths
    return None


def _equal(lengths: Lengths) -> bool:
    return abs(lengths.stated - lengths.held) <= _HEADER


def _riff(order: str) -> Callable[[BinaryIO, int], Lengths | None]:
    def measure(file: BinaryIO, size: int) -> Lengths | None:
        lengths, long = None, None
        for name, start, stated in _chunks(file, size, 12, order + "I"):
            if name == b"ds64":
                (long,) = struct.unpack(order + "8xQ", file.read(16))
            if lengths is None and name == b"data":
                if stated in _OPEN and long is None:
                    return None
                stated = long if stated == 0xFFFFFFFF and long is not None else stated
                lengths = Lengths(stated, min(stated, size - start))
            elif lengths is not None and not _is_name(name):
                # Neither a chunk nor padding: the sound goes on.
                return Lengths(lengths.stated, lengths.held + size - start + 8)
        return lengths

    return measure


def _form(file: BinaryIO, size: int) -> Lengths | None:
    for name, start, stated in _chunks(file, size, 12, ">I"):
        if name in (b"SSND", b"BODY"):
            header = 8 if name == b"SSND" else 0
            return Lengths(stated - header, min(stated, size - start) - header)
    return None


def _caf(file: BinaryIO, size: int) -> Lengths | None:
    lengths = None
    for name, start, stated in _chunks(file, size, 8, ">q", even=False):
        if name == b"data":
            if stated < 0:
                return None
            lengths = Lengths(stated - 4, min(stated, size - start) - 4)
        elif lengths is not None and not _is_name(name):
            return Lengths(lengths.stated, lengths.held + size - start + 12)
    return lengths


def _w64(file: BinaryIO, size: int) -> Lengths | None:
    position = 40
    while position + 24 <= size:
        file.seek(position)
        name, length = struct.unpack("<4s12xQ", file.read(24))
        if name == b"data":
            return Lengths(length - 24, min(length, size - position) - 24)
        position += max(24, -(-length // 8) * 8)
    return None


def _au(order: str) -> Callable[[BinaryIO, int], Lengths | None]:
    def measure(file: BinaryIO, size: int) -> Lengths | None:
        file.seek(4)
        start, stated = struct.unpack(order + "II", file.read(8))
        return None if stated in _OPEN else Lengths(stated, size - start)

    return measure


def _nist(file: BinaryIO, size: int) -> Lengths | None:
    file.seek(8)
    start = int(file.readline())
    fields = {}
    for line in file.read(start).decode("latin-1").splitlines():
        if line == "end_head":
            break
        name, _, value = line.partition(" ")
        fields[name] = value.split()[-1] if value else ""
    if "sample_count" not in fields or "shorten" in fields.get("sample_coding", ""):
        return None
    width = int(fields.get("channel_count", "1")) * int(fields.get("sample_n_bytes", "2"))
    return Lengths(int(fields["sample_count"]) * width, size - start)


def _chunks(
    file: BinaryIO, size: int, position: int, code: str, even: bool = True
) -> Iterator[tuple[bytes, int, int]]:
    """Walk through chunks: name, start of the content and stated length of each."""
    width = struct.calcsize(code)
    while position + 4 + width <= size:
        file.seek(position)
        name = file.read(4)
        (length,) = struct.unpack(code, file.read(width))
        start = position + 4 + width
        yield name, start, length
        if length < 0 or not _is_name(name):
            return
        position = start + length + (length % 2 if even else 0)


def _is_name(name: bytes) -> bool:
    return all(32 <= byte < 127 for byte in name) and name not in _FORMATS


_FORMATS: dict[bytes, Callable[[BinaryIO, int], Lengths | None]] = {
    b"RIFF": _riff("<"),
    b"RIFX": _riff(">"),
    b"RF64": _riff("<"),
    b"BW64": _riff("<"),
    b"riff\x2e\x91\xcf\x11": _w64,
    b"FORM": _form,
    b".snd": _au(">"),
    b"dns.": _au("<"),
    b"caff": _caf,
    b"NIST_1A": _nist,
}
