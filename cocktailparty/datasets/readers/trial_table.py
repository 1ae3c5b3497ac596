"""Table of trials: one row per trial, read and checked before any other file is opened."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from cocktailparty.metadata import typed_columns

FILE = "trials.csv"
REQUIRED = ("eeg", "audio")
OPTIONAL = (
    "attended",
    "audio_sfreq",
    "onset",
    "trigger",
    "duration",
    "eeg_clock",
    "bads",
    "reference",
    "mixture",
    "subject",
    "story",
    "name",
)

_KNOWN = (*REQUIRED, *OPTIONAL)
# References that are no names of channels.
_ALONE = (("average",), ("none",))
# A name that has so much in common with one that the table takes is that one, misspelt.
_NEAR = 0.85


@dataclass(frozen=True)
class Row:
    """One trial as the table describes it.

    Attributes
    ----------
    label : str
        How messages name the row.
    eeg : Path
        EEG file.
    audio : tuple of Path
        Competing sounds.
    attended : int or None
        Index into `audio`.
    onset : float
        Start of the sounds in the EEG file, in seconds.
    has_onset : bool
        Whether the table states it.
    duration : float or None
        Length of the trial in seconds.
    eeg_clock : float
        Seconds of the EEG's clock in one of the sound card's.
    mixture : Path or None
        What was played.
    audio_sfreq : float or None
        Rate in hertz of features that stand in the place of sounds.
    trigger : str
        Marker at which the sounds start.
    bads : tuple of str
        Channels to leave out, besides those that the recording marks.
    reference : str or list of str or None
        Reference of this trial; None for that of all.
    subject, story, name : str
        Labels of the trial.
    metadata : dict of str to str, int, float or None
        All other columns.
    """

    label: str
    eeg: Path
    audio: tuple[Path, ...]
    attended: int | None
    onset: float
    has_onset: bool
    duration: float | None
    eeg_clock: float
    mixture: Path | None
    subject: str
    story: str
    name: str
    audio_sfreq: float | None = None
    trigger: str = ""
    bads: tuple[str, ...] = ()
    reference: str | list[str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def given_reference(self) -> str | list[str] | None:
        """Reference as `cocktailparty.recordings.trial_from_raw` takes it."""
        return None if self.reference == "none" else self.reference


def read_table(file: Path) -> list[Row]:
    """Read a table of trials, see `load`, and check all that needs no other file.

    Raises a FileNotFoundError if there is no such file, a ValueError if the table has mistakes;
    all of them are listed with row and column.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist: give the folder that holds {FILE}")
    with file.open(newline="", encoding="utf-8-sig") as stream:
        try:
            reader = csv.reader(stream, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            lines = [(reader.line_num, cells) for cells in reader if any(c.strip() for c in cells)]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file} is no comma-separated table in UTF-8 ({error}): export it again"
            ) from error
    if len(header) == 1 and header[0].count(";") > 1:
        raise ValueError(
            f"{file} is separated by semicolons, as Excel writes it in many countries, and sounds "
            "of one cell are: save it as 'CSV UTF-8 (comma delimited)', or replace the separators"
        )
    _check_header(file, header, len(lines))
    mistakes: list[str] = []
    rows, others = [], []
    for i, (line, cells) in enumerate(lines, start=1):
        label = f"{FILE}, row {i} (line {line})"
        if len(cells) != len(header):
            mistakes.append(f"{label}: {len(cells)} cells for {len(header)} columns")
            continue
        values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        rows.append(_parsed(values, file.parent, label, mistakes))
        others.append({name: values[name] for name in header if name not in _KNOWN})
    raise_all(mistakes)
    pairs = zip(rows, typed_columns(others), strict=True)
    return [replace(row, metadata=metadata) for row, metadata in pairs]


def _check_header(file: Path, header: list[str], n_rows: int) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing or "" in header or len(set(header)) < len(header):
        unnamed = " and one without a name" if "" in header else ""
        raise ValueError(
            f"{file} has the columns {header}: missing {missing}{unnamed}; it takes "
            f"{list(REQUIRED)}, optionally {list(OPTIONAL)}, and others as metadata, each once, "
            "separated by commas"
        )
    absent = [name for name in OPTIONAL if name not in header]
    for name in header:
        near = [] if name in _KNOWN else get_close_matches(name.lower(), absent, 1, _NEAR)
        if near:
            raise ValueError(
                f"{file} has a column {name!r} but none {near[0]!r}: if that is meant, rename it; "
                "if it is something else, give it a name that is not so near"
            )
    if not n_rows:
        raise ValueError(f"{file} has no rows: write one for each trial")


def _parsed(values: dict[str, str], folder: Path, label: str, mistakes: list[str]) -> Row:
    """Turn cells into values; what is wrong with them is added to the mistakes."""

    def wrong(column: str, problem: str) -> None:
        mistakes.append(f"{label}, column {column!r}: {problem}")

    def files(column: str) -> list[Path]:
        cell = values.get(column, "")
        if not cell:
            if column in REQUIRED:
                wrong(column, "is empty")
            return []
        names = cell.split(";") if column == "audio" else [cell]
        paths = [folder / name.strip() for name in names]
        for path in paths:
            if not path.exists():
                wrong(column, f"file {path} does not exist")
        return paths

    def number(
        column: str, default: float | None, accepts: Callable[[float], bool], kind: str
    ) -> Any:
        cell = values.get(column, "")
        if not cell:
            return default
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not isfinite(value) or not accepts(value):
            wrong(column, f"expected {kind}, got {cell!r}")
            return default
        return value

    def listed(column: str) -> tuple[str, ...]:
        return tuple(x.strip() for x in values.get(column, "").split(";") if x.strip())

    eeg, audio, mixture = files("eeg"), files("audio"), files("mixture")
    cell = values.get("attended", "")
    attended = attended_index(cell, audio)
    if cell and attended is None:
        wrong(
            "attended",
            f"expected an index into the {len(audio)} sounds, from 0, one of their names, or "
            f"nothing, got {cell!r}",
        )
    reference = listed("reference")
    return Row(
        label=label,
        eeg=eeg[0] if eeg else folder,
        audio=tuple(audio),
        attended=attended,
        has_onset=bool(values.get("onset", "")),
        onset=number("onset", 0.0, lambda value: value >= 0, "seconds from 0"),
        duration=number("duration", None, lambda value: value > 0, "a positive number of seconds"),
        eeg_clock=number(
            "eeg_clock", 1.0, lambda value: 0.9 < value < 1.1, "a ratio of clocks close to 1"
        ),
        mixture=mixture[0] if mixture else None,
        subject=values.get("subject", ""),
        story=values.get("story") or ";".join(sorted(sound.name for sound in audio)),
        name=values.get("name", ""),
        audio_sfreq=number(
            "audio_sfreq", None, lambda value: value > 0, "a positive number of hertz"
        ),
        trigger=values.get("trigger", ""),
        bads=listed("bads"),
        reference=reference[0] if reference in _ALONE else list(reference) or None,
    )


def attended_index(cell: str, audio: Sequence[Path]) -> int | None:
    """Find which sound a cell means, by its number from 0, name or path; None if it means none."""
    named = [i for i, path in enumerate(audio) if cell in (path.name, path.stem)]
    if cell and not named:
        named = [i for i, path in enumerate(audio) if path.as_posix().endswith(f"/{cell}")]
    if len(named) == 1:
        return named[0]
    try:
        number = float(cell)
    except ValueError:
        return None
    return int(number) if number in range(len(audio)) else None


def raise_all(mistakes: list[str]) -> None:
    """Raise a ValueError that lists mistakes, the first twenty of them, if there are any."""
    if mistakes:
        shown = mistakes[:20] + [f"and {len(mistakes) - 20} more"] * (len(mistakes) > 20)
        raise ValueError("\n".join(shown))
