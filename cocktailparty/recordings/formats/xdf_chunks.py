"""Chunks of an XDF file, walked through to tell whether it is whole."""

from io import BufferedIOBase
from os import SEEK_CUR
from pathlib import Path

#: Bytes that a length may take.
_LENGTHS = (1, 4, 8)
#: Kinds of chunks: header of the file, of a stream, samples, clock offset, boundary, footer.
_TAGS = range(1, 7)


def check_chunks(file: BufferedIOBase, path: Path) -> int | None:
    """Walk from chunk to chunk of an XDF file, without reading what they hold.

    A reader that meets no chunk where one should be goes on at the next mark, ten seconds later,
    or takes the end of what is left for the end of the recording, without a word. `file` is open,
    unpacked, at its start, and is there again afterwards. Returns None if it is whole, else where
    the last whole chunk ends: its recorder was stopped, or it was not copied completely. Raises an
    OSError if it is not an XDF file, or something in it is not a chunk.

    Examples
    --------
    >>> from io import BytesIO
    >>> whole = b"XDF:" + bytes([1, 5, 1, 0]) + b"abc"
    >>> check_chunks(BytesIO(whole + bytes([1, 9, 3, 0])), Path("a.xdf"))
    11
    """
    if file.read(4) != b"XDF:":
        raise DamagedXDFError(f"EEG file {path} is no XDF file: it does not begin with 'XDF:'")
    end = 4
    while _is_chunk(file, path, end):
        end = file.tell()
    file.seek(end)
    is_whole = not file.read(1)
    file.seek(0)
    return None if is_whole else end


def _is_chunk(file: BufferedIOBase, path: Path, start: int) -> bool:
    """Step over a chunk; or find that it is not there, or not all of it."""
    try:
        width = file.read(1)
        if width and width[0] not in _LENGTHS:
            raise _damaged(path, start)
        head = file.read(width[0] + 2) if width else b""
        if not width or len(head) < width[0] + 2:
            return False
        n, tag = (int.from_bytes(part, "little") for part in (head[:-2], head[-2:]))
        if n < 2 or tag not in _TAGS:
            raise _damaged(path, start)
        if n == 2:
            return True
        # The last byte is read, since one can seek beyond the end of a file.
        file.seek(n - 3, SEEK_CUR)
        return bool(file.read(1))
    except (EOFError, OverflowError):  # the end of what was packed; there is no such length
        return False


class Beginning(BufferedIOBase):
    """Open file up to byte `end`, for readers that do not stop at the end of a chunk."""

    def __init__(self, file: BufferedIOBase, end: int) -> None:
        self._file, self._end = file, end

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes, or all that are left."""
        left = max(0, self._end - self._file.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to `offset` from the start (`whence` 0) or position (1); returns the new position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell the position in bytes from the start."""
        return self._file.tell()


class DamagedXDFError(OSError):
    """A file is damaged, or no XDF file."""


def _damaged(path: Path, start: int) -> DamagedXDFError:
    return DamagedXDFError(
        f"EEG file {path} is damaged: what begins at its byte {start} is no chunk of an XDF file; "
        "copy it again"
    )
