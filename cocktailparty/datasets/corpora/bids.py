"""Folders in BIDS: EEG, events, bad channels and electrodes by MNE-BIDS, sounds by `stim_file`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpora import table
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.trial_table import Row, attended_index, raise_all
from cocktailparty.features import speech_envelope
from cocktailparty.metadata import typed_columns
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial

# Columns of events.tsv that say something of a trial; all others are metadata.
_TOLD = ("onset", "duration", "stim_file", "attended", "story", "name", "sample", "value")
_FORMATS = (".vhdr", ".edf", ".bdf", ".set")


def load(
    path: Path | str,
    *,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    bads: Sequence[str] = (),
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the trials of a folder in BIDS.

    A trial is an event with a ``stim_file``: the competing sounds in the folder ``stimuli``, with
    ``;`` between them, or features that state their rate, as
    `cocktailparty.datasets.corpora.table.load` takes them. Of further columns of the events,
    ``attended`` is a number from 0 or the name of a sound, ``story`` and ``name`` are labels;
    others are kept as `Trial.metadata`. ``duration``, if it is positive, is the length of the
    trial. Bad channels are those of ``channels.tsv``, electrodes those of ``electrodes.tsv``.

    Parameters
    ----------
    path : path-like
        Root of the data set.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    bads : sequence of str
        Channels to leave out of all recordings, besides those that are marked.
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`.

    Returns
    -------
    trials : list of Trial
        In the order of subjects, recordings and onsets.

    Raises
    ------
    ImportError
        If MNE-BIDS is not installed.
    ValueError
        If there is no recording, no event names a sound, or the events have mistakes, which are
        listed with file, row and column.
    OSError
        If a file is missing or damaged.
    """
    root = Path(path)
    recordings = _recordings(root)
    mistakes: list[str] = []
    rows = [row for file in recordings for row in _rows(root, file, mistakes)]
    raise_all(mistakes)
    if not rows:
        raise ValueError(
            f"no event of the {len(recordings)} recordings in {root} has a stim_file: add it to "
            "events.tsv, the sounds of the folder stimuli with ; between those that compete, and "
            "a column attended"
        )
    return table.load_rows(rows, sfreq=sfreq, envelope=envelope, bads=bads, read=_read, **arguments)


def _recordings(root: Path) -> list[Path]:
    found = sorted(_found(root))
    if not found:
        raise ValueError(
            f"{root} has no EEG in BIDS: no sub-*/eeg/*_eeg with one of {', '.join(_FORMATS)}"
        )
    return found


def _found(root: Path) -> Iterator[Path]:
    for where in ("sub-*/eeg", "sub-*/ses-*/eeg"):
        for suffix in _FORMATS:
            yield from root.glob(f"{where}/*_eeg{suffix}")


def _read(file: Path) -> Any:
    """Open a recording with its events, bad channels and electrodes."""
    try:
        from mne_bids import get_bids_path_from_fname, read_raw_bids
    except ModuleNotFoundError as error:
        raise ImportError(
            "folders in BIDS need mne-bids: pip install 'cocktailparty[bids]'"
        ) from error
    with shown_once(("The unit for chann", "Did not find", "participants.tsv")):
        path = get_bids_path_from_fname(file, verbose="WARNING")
        return read_raw_bids(path, verbose="WARNING")


def _rows(root: Path, file: Path, mistakes: list[str]) -> list[Row]:
    """Rows of one recording; what is wrong with its events is added to the mistakes."""
    events = file.with_name(f"{file.stem.removesuffix('_eeg')}_events.tsv")
    if not events.is_file():
        return []
    lines = [line.split("\t") for line in events.read_text(encoding="utf-8-sig").splitlines()]
    header = [name.strip() for name in lines[0]] if lines else []
    cells = [
        {
            name: "" if cell.strip() == "n/a" else cell.strip()
            for name, cell in zip(header, line, strict=False)
        }
        for line in lines[1:]
        if line != [""]
    ]
    told = [(i, row) for i, row in enumerate(cells, start=1) if row.get("stim_file")]
    extra = typed_columns([{k: v for k, v in row.items() if k not in _TOLD} for _, row in told])
    entities = dict(part.split("-", 1) for part in file.stem.split("_") if "-" in part)
    run = " ".join(entities[key] for key in ("ses", "task", "run") if key in entities)
    rows = []
    for (i, row), metadata in zip(told, extra, strict=True):
        label = f"{events.relative_to(root)}, row {i}"
        audio = tuple(root / "stimuli" / name.strip() for name in row["stim_file"].split(";"))
        missing = [sound for sound in audio if not sound.exists()]
        mistakes += [f"{label}, column 'stim_file': {sound} does not exist" for sound in missing]
        numbers = [_number(row, name, label, mistakes) for name in ("onset", "duration")]
        attended = attended_index(row.get("attended", ""), audio)
        if row.get("attended") and attended is None:
            mistakes.append(
                f"{label}, column 'attended': expected an index into the {len(audio)} sounds, from "
                f"0, or one of their names, got {row['attended']!r}"
            )
        rows.append(
            Row(
                label=label, eeg=file, audio=audio, attended=attended, onset=numbers[0] or 0.0,
                has_onset=True, duration=numbers[1] or None, eeg_clock=1.0, mixture=None,
                subject=entities.get("sub", ""), name=row.get("name") or f"{run} {i}".strip(),
                story=row.get("story") or ";".join(sorted(sound.name for sound in audio)),
                metadata=metadata,
            )
        )  # fmt: skip
    return rows


def _number(row: dict[str, str], name: str, label: str, mistakes: list[str]) -> float | None:
    try:
        value = float(row.get(name) or 0)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        mistakes.append(f"{label}, column {name!r}: expected seconds from 0, got {row[name]!r}")
        return None
    return value


def _detect(path: Path) -> bool:
    # SparrKULee looks alike, but for recordings that are compressed: it has readers of its own.
    described = (path / "dataset_description.json").is_file()
    return described and not (path / table.FILE).exists() and any(_found(path))


CORPUS = Corpus(
    key="bids",
    title="A data set in BIDS",
    description="EEG in BIDS, whose events name the sounds that played (stim_file) and the one "
    "that was attended",
    layout="dataset_description.json, sub-*/eeg/*_eeg.* with *_events.tsv, and stimuli/",
    obtain="Yours, or one of those at https://openneuro.org",
    reference="Pernet, C. R., et al. (2019). EEG-BIDS, an extension to the brain imaging data "
    "structure for electroencephalography. Scientific Data, 6, 103. "
    "https://doi.org/10.1038/s41597-019-0104-8",
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
)
