"""Atomic writing: neither an interruption nor a power cut leaves half a file."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Windows has no such locks; left-over files stay there.
_LOCKS = find_spec("fcntl") is not None
# What tempfile puts at the end of a name.
_RANDOM = "[a-z0-9_]{8}"


def short(value: Any) -> Any:
    """Take the errors of rounding off numbers, also in dicts and lists: 0.30000000000000004 is 0.3.

    All other numbers stay exactly as they are.

    Examples
    --------
    >>> short({"start": [0.1 + 0.2, 2]})
    {'start': [0.3, 2]}
    >>> short(2 / 3)
    0.6666666666666666
    """
    if isinstance(value, dict):
        return {key: short(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [short(x) for x in value]
    if not isinstance(value, float):
        return value
    rounded = float(f"{value:.15g}")
    return rounded if len(repr(rounded)) < len(repr(value)) - 3 else value


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV, without its index, and with `short` numbers."""
    table.to_csv(path, index=False, float_format=_short_text)


def _short_text(number: Any) -> str:
    return repr(short(float(number)))


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it when it is complete and on the disk.

    Yields the path to write to: the same name as `path`, in a folder beside it that is removed in
    the end. The folder of `path` must exist. What killed writers of the same file left behind is
    removed.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "table.csv") as temporary:
    ...         _ = temporary.write_text("a,b")
    ...     (Path(folder) / "table.csv").read_text()
    'a,b'
    """
    path = Path(path)
    # In a folder of its own: some writers make temporary files of theirs beside the one they write.
    with scratch_folder(path.parent, path.stem, path.suffix) as scratch:
        temporary = scratch / path.name
        yield temporary
        # Some writers give files that only their owner may read; the result gets the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        # A rename may reach the disk before the content does.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


@contextmanager
def scratch_folder(folder: Path, name: str, suffix: str = "") -> Iterator[Path]:
    """Make a folder for unfinished files in `folder`; it is removed in the end.

    Its name begins with a dot and `name`. Those of earlier processes that were killed are removed
    first, and so are files with `suffix` of earlier versions, which had no such folder.
    """
    remove_leftovers(folder, name, suffix)
    scratch, handle = _new_folder(folder, name)
    try:
        yield scratch
    finally:
        if handle is not None:
            os.close(handle)
        shutil.rmtree(scratch, ignore_errors=True)


def remove_leftovers(folder: Path, stem: str, suffix: str = "", any_stem: bool = False) -> None:
    """Remove temporary folders and files in `folder` whose writer is gone.

    A writer holds a lock on what it writes, which the system releases when it dies. `stem` is the
    name of the finished file without its suffix, or with `any_stem` a regular expression for it;
    files of earlier versions have `suffix` as well.
    """
    if not _LOCKS:
        return
    stem = stem if any_stem else re.escape(stem)
    pattern = re.compile(rf"\.{stem}-{_RANDOM}(?:{re.escape(suffix)})?")
    with os.scandir(folder) as entries:
        leftovers = [Path(entry.path) for entry in entries if pattern.fullmatch(entry.name)]
    for path in leftovers:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue  # finished in between, or of another user
        try:
            if _locked(handle):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError:
            continue  # not ours to remove
        finally:
            os.close(handle)


def _new_folder(folder: Path, name: str) -> tuple[Path, int | None]:
    """Make a folder and lock it."""
    while True:
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}-"))
        if not _LOCKS:
            return scratch, None
        # Another process may take it for a left-over before it is locked: then once more.
        with suppress(FileNotFoundError):
            handle = os.open(scratch, os.O_RDONLY)
            _locked(handle)
            if scratch.exists():
                return scratch, handle
            os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file, unless another process has; some file systems know no locks."""
    if not _LOCKS:
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
