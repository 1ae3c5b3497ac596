"""Any recordings, described by a table: one row per trial, with its EEG file and its sounds."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.feature_files import (
    is_feature_file,
    read_features,
    resample_features,
)
from cocktailparty.datasets.readers.trial_table import (
    FILE,
    OPTIONAL,
    REQUIRED,
    Row,
    raise_all,
    read_table,
)
from cocktailparty.features import speech_envelope
from cocktailparty.provenance import of_sounds
from cocktailparty.recordings.audio.reading import audio_duration, sound_features
from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.events import event_times
from cocktailparty.recordings.interruptions import BadSpanError
from cocktailparty.recordings.trial_requests import whole_trials
from cocktailparty.recordings.trials import trial_from_raw
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial


def load(
    path: Path | str,
    *,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    events: str | Sequence[str] | None = None,
    bads: Sequence[str] = (),
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the trials of a folder that holds a table of them.

    The table is a file ``trials.csv`` with a header line and one row per trial:

    =========== =================================================================================
    eeg         EEG file, of any format that MNE-Python reads, or XDF
    audio       the competing sounds, separated by ``;``; or their features, computed elsewhere, as
                .npy, .mat or .csv
    attended    optional: which of them was attended, 0 for the first, or its file; may be empty
    audio_sfreq optional: rate of features in hertz, where the files do not state it
    onset       optional: second of the EEG file at which the sounds start; empty for 0, or for the
                next event if there is a `trigger` or `events` are given
    trigger     optional: marker at which the sounds start; rows of one EEG file and trigger take
                its events in their order, one each
    duration    optional: length of the trial in seconds; empty for that of the sounds
    eeg_clock   optional: seconds of the EEG's clock in one of the sound's, see `clock_drift`
    bads        optional: channels to leave out, separated by ``;``
    reference   optional: ``average``, ``none``, or channels separated by ``;``
    mixture     optional: sound file of what was played
    subject     optional label
    story       optional label; empty for the names of the sound files
    name        optional label
    =========== =================================================================================

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
        state neither onset nor trigger take its events in their order, one each.
    bads : sequence of str
        Channels to leave out of all recordings, besides those that they or the table mark.
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
    return load_rows(
        read_table(Path(path) / FILE),
        sfreq=sfreq, envelope=envelope, events=events, bads=bads, **arguments,
    )  # fmt: skip


def load_rows(
    rows: list[Row],
    *,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    events: str | Sequence[str] | None = None,
    bads: Sequence[str] = (),
    read: Callable[[Path], Any] | None = None,
    **arguments: Any,
) -> list[Trial]:
    """Load the trials of rows, see `load`; `read` opens recordings, None for `read_eeg`."""
    opens = read_eeg if read is None else read
    rows = [replace(row, bads=(*row.bads, *bads)) for row in rows]
    with shown_once():
        _warn_of_constant_labels(rows)
        return _loaded(rows, sfreq, envelope, events, opens, arguments)


def _loaded(
    rows: list[Row],
    sfreq: float,
    envelope: Callable[..., Any],
    events: str | Sequence[str] | None,
    read: Callable[[Path], Any],
    arguments: dict[str, Any],
) -> list[Trial]:
    rows = _with_onsets(rows, events, read)
    _check_headers(rows, read)

    @cache  # a sound that many subjects heard is analysed once
    def features(sound: Path, rate: float | None) -> Any:
        if is_feature_file(sound):
            return resample_features(*read_features(sound, rate), sfreq)
        return sound_features(sound, sfreq, envelope)

    opened: dict[Path, Any] = {}

    def cut(row: Row) -> Trial:
        if row.eeg not in opened:  # a recording is opened once, and one at a time
            opened.clear()
            opened[row.eeg] = read(row.eeg)
        reference = {} if row.reference is None else {"reference": row.given_reference}
        try:
            trial = trial_from_raw(
                _marked(opened[row.eeg], row.bads),
                [features(sound, row.audio_sfreq) for sound in row.audio],
                row.onset,
                duration=row.duration,
                attended=row.attended,
                audio=row.mixture,
                sfreq=sfreq,
                eeg_clock=row.eeg_clock,
                subject=row.subject,
                story=row.story,
                name=row.name,
                **{**arguments, **reference},
            )
        except ValueError as error:
            kind = BadSpanError if isinstance(error, BadSpanError) else ValueError
            raise kind(f"{row.label}: {error}") from error
        # The files are not known any more to what cuts the trial.
        provenance = {**trial.provenance, **_described(row, envelope)}
        return trial.replace(metadata=row.metadata, provenance=provenance)

    files = list(dict.fromkeys(row.eeg for row in rows))
    order = sorted(range(len(rows)), key=lambda i: files.index(rows[i].eeg))
    trials = whole_trials((partial(cut, rows[i]) for i in order), arguments)
    by_row = dict(zip(order, trials, strict=True))
    return [trial for i in range(len(rows)) if (trial := by_row[i]) is not None]


def _marked(raw: Any, bads: Sequence[str]) -> Any:
    """Mark channels of a copy of a recording as bad."""
    if not bads:
        return raw
    marked = raw.copy()
    marked.info["bads"] = list(dict.fromkeys([*raw.info["bads"], *bads]))
    return marked


def _described(row: Row, envelope: Callable[..., Any]) -> dict[str, Any]:
    """Provenance of the stimuli of a row."""
    described = of_sounds(row.audio, envelope)
    if row.audio and all(map(is_feature_file, row.audio)):
        described["features"] = "as stored in the files"
    return described


def _warn_of_constant_labels(rows: list[Row]) -> None:
    labels = {row.attended for row in rows if len(row.audio) > 1}
    if len(rows) > 1 and len(labels) == 1 and None not in labels:
        warnings.warn(
            f"the attended sound is number {labels.pop()} of the list in all {len(rows)} rows: "
            "list sounds in an order that does not depend on attention, such as by talker or ear, "
            "or a decoder that prefers one place cannot be told from one that knows",
            UserWarning,
            stacklevel=4,
        )


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


def _with_onsets(
    rows: list[Row], events: str | Sequence[str] | None, read: Callable[[Path], Any]
) -> list[Row]:
    """Fill in onsets that the table does not state."""
    mistakes: list[str] = []
    onsets: dict[int, float] = {}
    # What is waited for in which file: a marker of the table, or those of all.
    waits: dict[tuple[Path, str], list[int]] = {}
    for i, row in enumerate(rows):
        if not row.has_onset and (row.trigger or events is not None):
            waits.setdefault((row.eeg, row.trigger), []).append(i)
    opened: dict[Path, Any] = {}
    for (file, trigger), waiting in waits.items():
        wanted: Any = trigger or events
        try:
            if file not in opened:
                opened.clear()
                opened[file] = read(file)
            times = event_times(opened[file], wanted)
        except ValueError as error:
            mistakes.append(f"{file}: {error}")
            continue
        if len(times) != len(waiting):
            listed = ", ".join(f"{time:.3f}" for time in times[:10])
            mistakes.append(
                f"{file} has {len(times)} events {wanted!r}, at {listed}"
                f"{' ...' if len(times) > 10 else ''} s, for {len(waiting)} rows without an onset: "
                "write the onset of each row into the table, or leave the others out by their names"
            )
        onsets.update(zip(waiting, times.tolist(), strict=False))
    raise_all(mistakes)
    return [replace(row, onset=onsets.get(i, row.onset)) for i, row in enumerate(rows)]


def _check_headers(rows: list[Row], read: Callable[[Path], Any]) -> None:
    """Compare onsets and durations with what the headers of the files tell."""

    @cache
    def recording(file: Path) -> tuple[float, list[str]]:
        raw = read(file)
        return len(raw.times) / float(raw.info["sfreq"]), list(raw.ch_names)

    @cache
    def sound(file: Path, rate: float | None) -> float:
        if is_feature_file(file):
            features, rate = read_features(file, rate)
            return len(features) / rate
        return audio_duration(file)

    mistakes = []
    for row in rows:
        lasts, names = recording(row.eeg)
        sounds = {
            file: sound(file, row.audio_sfreq)
            for file in (*row.audio, row.mixture)
            if file is not None
        }
        unknown = [name for name in row.bads if name not in names]
        if unknown:
            mistakes.append(
                f"{row.label}, column 'bads': channel(s) {unknown} are not in {row.eeg}, which has "
                f"{names}"
            )
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
    raise_all(mistakes)
