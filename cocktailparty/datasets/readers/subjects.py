"""Which subjects of a corpus are read: large ones do not fit into memory as a whole."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def subject_files(
    path: Path, pattern: re.Pattern[str], example: str, subjects: Sequence[str] | None = None
) -> dict[str, Path]:
    """Find the files of a corpus that has one file a subject.

    Parameters
    ----------
    path : Path
        Folder of the files.
    pattern : re.Pattern
        Pattern of a whole file name, whose first group is the number of the subject.
    example : str
        Name of such a file, for the message.
    subjects : sequence of str, optional
        Subjects to keep, such as "S1"; None for all.

    Returns
    -------
    files : dict of str to Path
        File of each subject, sorted by number.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a wanted subject is not there.
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
    """Keep the wanted subjects.

    Parameters
    ----------
    available : dict
        What there is of each subject, by its label.
    subjects : sequence of str, optional
        Labels to keep; None for all.
    path : Path
        Folder of the corpus, for the message.

    Returns
    -------
    chosen : dict
        The part of `available` that was asked for, in its order.

    Raises
    ------
    ValueError
        If a wanted subject is not there.

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
