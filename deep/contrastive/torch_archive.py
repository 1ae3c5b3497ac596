"""Reader of the zip archives of PyTorch, whose members lie uncompressed in the file."""

import struct
import zlib
from typing import Any, NamedTuple

# Entries of a directory of this size take some 100 MB; that of thousands of tensors has 200 kB.
_LARGEST_DIRECTORY = 2**22
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")


class Member(NamedTuple):
    """A member of an archive: first byte, number of bytes, and their CRC-32."""

    start: int
    size: int
    checksum: int


class Archive:
    """Members of a zip archive, none of which is compressed, encrypted or overlaps another.

    `data` is the whole file, `where` its name in errors. Raises `ValueError` if it is damaged, or
    not as PyTorch writes archives.
    """

    def __init__(self, data: Any, where: str) -> None:
        self._data, self._where = memoryview(data).cast("B"), where
        start, size, count = self._directory()
        self.members = self._members(start, size, count)
        self._check_overlap(start)

    def read(self, name: str) -> memoryview:
        """Give the bytes of a member, without a copy.

        Raises `ValueError` if there is no such member, or its checksum is wrong.
        """
        if name not in self.members:
            raise ValueError(f"{self._where} has no member {name}")
        start, size, checksum = self.members[name]
        content = self._data[start : start + size]
        if zlib.crc32(content) != checksum:
            raise ValueError(f"{self._where} is damaged: the checksum of {name} is another")
        return content

    def _error(self, why: str) -> ValueError:
        return ValueError(f"{self._where} is no archive of weights that can be read safely: {why}")

    def _directory(self) -> tuple[int, int, int]:
        """Start, size and number of entries of the central directory."""
        tail = bytes(self._data[-(2**16 + _END.size) :])
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + _END.size > len(tail):
            raise self._error("it has no directory, so it may be cut off")
        _, disk, first, n_here, count, size, start, _ = _END.unpack_from(tail, at)
        end = len(self._data) - len(tail) + at
        if end >= _LOCATOR64.size:
            mark, _, place, _ = _LOCATOR64.unpack_from(self._data, end - _LOCATOR64.size)
            if mark == b"PK\x06\x07":
                if place + _END64.size > end:
                    raise self._error("its directory lies outside")
                record = _END64.unpack_from(self._data, place)
                if record[0] != b"PK\x06\x06":
                    raise self._error("its directory is damaged")
                disk, first, n_here, count, size, start = record[4:10]
                end = place
        if disk or first or n_here != count or start + size > end:
            raise self._error("its directory is damaged")
        if size > _LARGEST_DIRECTORY:
            raise self._error(f"its directory has {size} bytes")
        return start, size, count

    def _members(self, start: int, size: int, count: int) -> dict[str, Member]:
        members: dict[str, Member] = {}
        at, end = start, start + size
        for _ in range(count):
            if at + _ENTRY.size > end:
                raise self._error("its directory is cut off")
            entry = _ENTRY.unpack_from(self._data, at)
            flags, method, checksum = entry[3], entry[4], entry[7]
            packed, whole, n_name, n_extra, n_comment = entry[8:13]
            header = entry[16]
            at += _ENTRY.size
            if entry[0] != b"PK\x01\x02" or at + n_name + n_extra + n_comment > end:
                raise self._error("its directory is damaged")
            name = bytes(self._data[at : at + n_name]).decode("utf-8", "replace")
            extra = bytes(self._data[at + n_name : at + n_name + n_extra])
            at += n_name + n_extra + n_comment
            whole, packed, header = self._large(extra, [whole, packed, header])
            if method:
                raise self._error(f"member {name!r} is compressed")
            if flags & 1:
                raise self._error(f"member {name!r} is encrypted")
            if packed != whole:
                raise self._error(f"member {name!r} has two sizes")
            folders = name.split("/")
            if "\\" in name or ":" in name or "\0" in name or {"", ".", ".."} & set(folders):
                raise self._error(f"member {name!r} has a name that is no plain path")
            if name in members:
                raise self._error(f"there are two members {name!r}")
            members[name] = Member(self._content(header, name, start, whole), whole, checksum)
        return members

    def _large(self, extra: bytes, sizes: list[int]) -> list[int]:
        """Numbers of more than 32 bits, which stand in an extra field."""
        at = 0
        while at + 4 <= len(extra):
            kind, n = struct.unpack_from("<2H", extra, at)
            field = extra[at + 4 : at + 4 + n]
            at += 4 + n
            if kind != 1:
                continue
            for i, size in enumerate(sizes):
                if size == 0xFFFFFFFF:
                    if len(field) < 8:
                        raise self._error("its directory is damaged")
                    sizes[i] = int.from_bytes(field[:8], "little")
                    field = field[8:]
        return sizes

    def _content(self, header: int, name: str, end: int, size: int) -> int:
        """Start of the bytes of a member, behind its own header."""
        if header + _LOCAL.size > end:
            raise self._error(f"member {name!r} lies outside")
        local = _LOCAL.unpack_from(self._data, header)
        n_name, n_extra = local[9:11]
        first = header + _LOCAL.size
        if local[0] != b"PK\x03\x04" or local[3]:
            raise self._error(f"the header of member {name!r} is damaged")
        if bytes(self._data[first : first + n_name]) != name.encode():
            raise self._error(f"member {name!r} has two names")
        start: int = first + n_name + n_extra
        if start + size > end:
            raise self._error(f"member {name!r} lies outside")
        return start

    def _check_overlap(self, end: int) -> None:
        last = 0
        for start, size, _ in sorted(self.members.values()):
            if start < last:
                raise self._error("its members overlap")
            last = start + size
        if last > end:
            raise self._error("its members overlap the directory")
