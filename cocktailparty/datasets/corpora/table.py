"""Any recordings, described by a table: one row per trial, with its EEG file and its sounds."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, partial
from math import isfinite
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.features import speech_envelope
from cocktailparty.metadata import typed_columns
from cocktailparty.provenance import of_sounds
from cocktailparty.recordings.audio.reading import audio_duration, sound_features
from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.events import event_times
from cocktailparty.recordings.interruptions import BadSpanError
from cocktailparty.recordings.trial_requests import whole_trials
from cocktailparty.recordings.trials import trial_from_raw
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial

FILE = "trials.csv"
REQUIRED = ("eeg", "audio")
OPTIONAL = (
    "attended",
    "onset",
    "duration",
    "eeg_clock",
    "mixture",
    "subject",
    "story",
    "name",
)

_KNOWN = (*REQUIRED, *OPTIONAL)
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
    metadata: dict[str, Any] = field(default_factory=dict)


def load(
    path: Path | str,
    *,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    events: str | Sequence[str] | None = None,
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the trials of a folder that holds a table of them.

    The table is a file ``trials.csv`` with a header line and one row per trial:

    ========== ==================================================================================
    eeg        EEG file, of any format that MNE-Python reads, or XDF
    audio      the competing sounds, separated by ``;``
    attended   optional: which of them was attended, 0 for the first; may be left empty
    onset      optional: second of the EEG file at which the sounds start; empty for 0, or for the
               next event if `events` are given
    duration   optional: length of the trial in seconds; empty for that of the sounds
    eeg_clock  optional: seconds of the EEG's clock in one of the sound's, see `clock_drift`
    mixture    optional: sound file of what was played
    subject    optional label
    story      optional label; empty for the names of the sound files
    name       optional label
    ========== ==================================================================================

    Any other columns are kept as `Trial.metadata` and become columns of the tables of results. One
    whose cells are all numbers holds numbers, any other the text of its cells; an empty cell is
    None. A name that is nearly one of those above, which the table lacks, is taken for a slip and
    refused.

    Paths are relative to the folder. The whole table is checked before any signal is read.

    Parameters
    ----------
    path : path-like
        Folder with the table.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    events : str or sequence of str, optional
        Markers of the recordings (annotations or trigger values, see
        `cocktailparty.recordings.event_times`) at which sounds start. The rows of an EEG file that
        state no onset take its events in their order, one each.
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`: `l_freq`, `h_freq`,
        `reference`, `picks`, `filter_stimuli`, `on_bad`, `on_flat`.

    Returns
    -------
    trials : list of Trial
        In the order of the rows, without those that ``on_bad="drop"`` leaves out.

    Raises
    ------
    FileNotFoundError
        If the folder has no table.
    ValueError
        If the table has mistakes; all of them are listed with row and column.
    OSError
        If a file is damaged.
    """
    rows = read_table(Path(path) / FILE)
    with shown_once():
        return _loaded(rows, sfreq, envelope, events, arguments)


def _loaded(
    rows: list[Row],
    sfreq: float,
    envelope: Callable[..., Any],
    events: str | Sequence[str] | None,
    arguments: dict[str, Any],
) -> list[Trial]:
    rows = _with_onsets(rows, events)
    _check_headers(rows)

    @cache  # a sound that many subjects heard is analysed once
    def features(sound: Path) -> Any:
        return sound_features(sound, sfreq, envelope)

    opened: dict[Path, Any] = {}

    def cut(row: Row) -> Trial:
        if row.eeg not in opened:  # a recording is opened once, and one at a time
            opened.clear()
            opened[row.eeg] = read_eeg(row.eeg)
        try:
            trial = trial_from_raw(
                opened[row.eeg],
                [features(sound) for sound in row.audio],
                row.onset,
                duration=row.duration,
                attended=row.attended,
                audio=row.mixture,
                sfreq=sfreq,
                eeg_clock=row.eeg_clock,
                subject=row.subject,
                story=row.story,
                name=row.name,
                **arguments,
            )
        except ValueError as error:
            kind = BadSpanError if isinstance(error, BadSpanError) else ValueError
            raise kind(f"{row.label}: {error}") from error
        # The files are not known any more to what cuts the trial.
        provenance = {**trial.provenance, **of_sounds(row.audio, envelope)}
        return trial.replace(metadata=row.metadata, provenance=provenance)

    files = list(dict.fromkeys(row.eeg for row in rows))
    order = sorted(range(len(rows)), key=lambda i: files.index(rows[i].eeg))
    trials = whole_trials((partial(cut, rows[i]) for i in order), arguments)
    by_row = dict(zip(order, trials, strict=True))
    return [trial for i in range(len(rows)) if (trial := by_row[i]) is not None]


def _detect(path: Path) -> bool:
    return (path / FILE).is_file()


CORPUS = Corpus(
    key="table",
    title="Your own recordings",
    description="Any EEG files and sounds, listed in a table with one row a trial",
    layout=f"{FILE} with the columns {', '.join(REQUIRED)} and optionally {', '.join(OPTIONAL)}; "
    "others are kept as metadata",
    obtain="Write the table for your recordings; see cocktailparty.datasets.corpora.table.load",
    reference="",
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
)


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
    _raise_all(mistakes)
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

    eeg, audio, mixture = files("eeg"), files("audio"), files("mixture")
    attended = number(
        "attended",
        None,
        lambda value: value in range(len(audio)),
        f"an index into the {len(audio)} sounds, from 0, or nothing",
    )
    return Row(
        label=label,
        eeg=eeg[0] if eeg else folder,
        audio=tuple(audio),
        attended=None if attended is None else int(attended),
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
    )


def _with_onsets(rows: list[Row], events: str | Sequence[str] | None) -> list[Row]:
    """Fill in onsets that the table does not state."""
    if events is None:
        return rows
    mistakes: list[str] = []
    onsets: dict[int, float] = {}
    for file in dict.fromkeys(row.eeg for row in rows):
        waiting = [i for i, row in enumerate(rows) if row.eeg == file and not row.has_onset]
        if not waiting:
            continue
        try:
            times = event_times(read_eeg(file), events)
        except ValueError as error:
            mistakes.append(f"{file}: {error}")
            continue
        if len(times) != len(waiting):
            listed = ", ".join(f"{time:.3f}" for time in times[:10])
            mistakes.append(
                f"{file} has {len(times)} events {events!r}, at {listed}"
                f"{' ...' if len(times) > 10 else ''} s, for {len(waiting)} rows without an onset: "
                "write the onset of each row into the table, or leave the others out by their names"
            )
        onsets.update(zip(waiting, times.tolist(), strict=False))
    _raise_all(mistakes)
    return [replace(row, onset=onsets.get(i, row.onset)) for i, row in enumerate(rows)]


def _check_headers(rows: list[Row]) -> None:
    """Compare onsets and durations with what the headers of the files tell."""

    @cache
    def recording(file: Path) -> float:
        raw = read_eeg(file)
        return len(raw.times) / float(raw.info["sfreq"])

    sound = cache(audio_duration)
    mistakes = []
    for row in rows:
        lasts = recording(row.eeg)
        sounds = {file: sound(file) for file in (*row.audio, row.mixture) if file is not None}
        if row.onset >= lasts:
            mistakes.append(
                f"{row.label}, column 'onset': {row.onset:g} s lies beyond {row.eeg}, which lasts "
                f"{lasts:g} s"
            )
        elif row.duration is not None:
            available = {row.eeg: (lasts - row.onset) / row.eeg_clock, **sounds}
            file, longest = min(available.items(), key=lambda item: item[1])
            if row.duration > longest + 0.01:  # a table may be rounded to such a degree
                mistakes.append(
                    f"{row.label}, column 'duration': {row.duration:g} s is longer than the "
                    f"{longest:g} s that {file} has from the onset on"
                )
    _raise_all(mistakes)


def _raise_all(mistakes: list[str]) -> None:
    if mistakes:
        shown = mistakes[:20] + [f"and {len(mistakes) - 20} more"] * (len(mistakes) > 20)
        raise ValueError("\n".join(shown))
