"""Choice of the subjects of a corpus to read: large ones do not fit into memory as a whole."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def subject_files(
    path: Path, pattern: re.Pattern[str], example: str, subjects: Sequence[str] | None = None
) -> dict[str, Path]:
    """Find the files of a corpus that has one file per subject, sorted by number.

    `pattern` matches a whole file name, with the number of the subject as its first group;
    `example` is such a name, for the message. `subjects` to keep are labels such as "S1"; None for
    all. Raises a FileNotFoundError if there is no such file, a ValueError if a wanted subject is
    missing.
    """
    numbered = sorted(
        (int(match[1]), file)
        for file in (path.iterdir() if path.is_dir() else ())
        if (match := pattern.fullmatch(file.name))
    )
    if not numbered:
        raise FileNotFoundError(f"{path} has no file of a subject, such as {example}")
    return chosen({f"S{number}": file for number, file in numbered}, subjects, path)


def chosen(available: dict[str, T], subjects: Sequence[str] | None, path: Path) -> dict[str, T]:
    """Keep the wanted subjects of what is available by label, in its order; None for all.

    Raises a ValueError that names `path`, the folder of the corpus, if a wanted subject is
    missing.

    Examples
    --------
    >>> chosen({"S1": 10, "S2": 20}, ["S2"], Path("corpus"))
    {'S2': 20}
    """
    if subjects is None:
        return available
    wanted = [subjects] if isinstance(subjects, str) else list(subjects)
    unknown = [subject for subject in wanted if subject not in available]
    if unknown or not wanted:
        raise ValueError(
            f"subjects={subjects!r}: {path} has {', '.join(available)}; name one or more"
        )
    return {subject: value for subject, value in available.items() if subject in wanted}
