"""The log of a session: all that was pushed, in order, so that every decision can be made again."""

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC = b"cocktailparty-live-1\n"
# Kind, whether samples are in single precision, rows, columns, digest of what follows.
_HEAD = struct.Struct("<cBIII")
_KINDS = {"eeg": b"E", "audio": b"A", "end": b"Z"}
# Seconds after which what was written is brought to the disk.
_FLUSHED = 1.0


class SessionLog:
    """Writer of a log, which is cut cleanly wherever it stops.

    `header` is what is needed to make the decoder again, as JSON. Errors of the disk are kept in
    `error`, and nothing more is written.
    """

    def __init__(self, path: str | Path, header: dict[str, Any]) -> None:
        self.error: str | None = None
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed by `close`
        text = json.dumps(header).encode()
        self._file.write(_MAGIC + struct.pack("<I", len(text)) + text)
        self._file.flush()
        self._flushed = time.monotonic()

    def write(self, kind: str, samples: np.ndarray, times: np.ndarray) -> None:
        """Add a chunk, "eeg" or "audio": samples (n, n_columns) and times (n,), or "end"."""
        if self.error is not None:
            return
        single = samples.astype("<f4")
        exact = bool(np.array_equal(single, samples))
        body = (
            times.astype("<f8").tobytes() + (single if exact else samples.astype("<f8")).tobytes()
        )
        head = _HEAD.pack(_KINDS[kind], exact, *samples.shape, zlib.crc32(body))
        try:
            self._file.write(head + body)
            if time.monotonic() - self._flushed >= _FLUSHED or kind == "end":
                self._file.flush()
                os.fsync(self._file.fileno())
                self._flushed = time.monotonic()
        except OSError as error:
            self.error = f"the log: {error}"

    def close(self) -> None:
        """Complete the file."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or f"the log: {error}"


def read_log(
    path: str | Path,
) -> tuple[dict[str, Any], Iterator[tuple[str, np.ndarray, np.ndarray]]]:
    """Read the header of a log, and its chunks up to the last one that is whole.

    Another file is a ValueError.
    """
    data = Path(path).read_bytes()
    place = len(_MAGIC) + 4
    if not data.startswith(_MAGIC) or len(data) < place:
        raise ValueError(f"{path} is no log of `cocktailparty live`")
    (length,) = struct.unpack("<I", data[len(_MAGIC) : place])
    header = json.loads(data[place : place + length])
    return header, _chunks(data, place + length)


def _chunks(data: bytes, place: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    names = {code: kind for kind, code in _KINDS.items()}
    while place + _HEAD.size <= len(data):
        code, exact, n, n_columns, digest = _HEAD.unpack_from(data, place)
        size = 8 * n + n * n_columns * (4 if exact else 8)
        body = data[place + _HEAD.size : place + _HEAD.size + size]
        if code not in names or len(body) < size or zlib.crc32(body) != digest:
            return
        samples = np.frombuffer(body, "<f4" if exact else "<f8", offset=8 * n)
        times = np.frombuffer(body, "<f8", n)
        yield names[code], samples.reshape(n, n_columns).astype(float), times.astype(float)
        place += _HEAD.size + size
