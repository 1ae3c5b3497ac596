"""SparrKULee: single-talker EEG of KU Leuven, as it was recorded."""

import csv
import gzip
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cocktailparty.datasets.corpora.sparrkulee import CORPUS as PREPROCESSED
from cocktailparty.datasets.corpora.sparrkulee import story
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import read_npz
from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.datasets.readers.subjects import chosen
from cocktailparty.datasets.readers.triggers import align_clocks, biosemi_onsets, pulse_onsets
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.trial_requests import whole_trials
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial

_EEG_FILES = "sub-*/ses-*/eeg/*_eeg.bdf*"
_EEG_FILE = re.compile(
    r"(?P<name>(?P<subject>sub-\d+)_ses-[^_]+_task-listeningActive_run-\d+)_eeg\.bdf(\.gz)?"
)
_SOUNDS = Path("stimuli", "eeg")
_COLUMNS = ("stim_file", "trigger_file")
_STATUS = "Status"
_MISSING = "n/a"  # in the tables of BIDS
# What an amplifier calls the electrodes of the cap while nobody has told it their places.
_SOCKETS = tuple(f"{bank}{i}" for bank in "AB" for i in range(1, 33))


class _Recording(NamedTuple):
    """A file of EEG, and what was heard in it."""

    name: str
    eeg: Path
    sound: Path
    triggers: Path


def load(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    **arguments: Any,
) -> list[Trial]:
    """Load, align and preprocess the single-talker trials.

    The sounds were accompanied by a track of triggers, which the amplifier recorded. Both series
    of triggers tell when the sound started and how fast its clock ran, so that EEG and sound stay
    aligned to the end of a quarter of an hour.

    A compressed recording is unpacked into the folder for temporary files, one at a time, and
    removed from there after its trial was cut out. Unpacked files beside the compressed ones are
    read in their place.

    Parameters
    ----------
    path : path-like
        Folder of the corpus, with files
        ``sub-001/ses-.../eeg/sub-001_ses-..._task-listeningActive_run-01_eeg.bdf.gz`` and
        ``..._events.tsv``, and the folder ``stimuli/eeg`` of sounds.
    subjects : sequence of str, optional
        Subjects to read, such as ["sub-001"]; None for all, which takes hours.
    skip : sequence of str
        Recordings to leave out, such as ["sub-001_ses-shortstories01_task-listeningActive_run-01"].
        A few of the corpus have too few triggers to be aligned.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`: `l_freq`, `h_freq`,
        `filter_stimuli`, `picks`, `reference`, `on_bad` and
        `on_flat`.

    Returns
    -------
    trials : list of Trial
        Sorted by subject, session and run; EEG in volts. The story is the sound, one part of an
        audio book or a podcast, whatever was done to it. Eye artefacts are still there. Recordings
        at rest are left out, and so are those that are not in the folder: some are restricted.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject or recording is unknown, a file holds something else, EEG and sound cannot be
        aligned, or values are unfit for a trial.

    See Also
    --------
    cocktailparty.datasets.corpora.sparrkulee.load : As the authors preprocessed the recordings.

    Notes
    -----
    This rests on what the documentation and the programs of the authors say, not on the corpus
    itself: the first 64 channels are the electrodes of the cap in the order of their sockets, the
    track of triggers starts with the sound and is above one half in its pulses, and a recording
    holds one sound.

    References
    ----------
    Accou, B., Bollens, L., Gillis, M., Verheijen, W., Van hamme, H., Francart, T. (2024).
    SparrKULee: A speech-evoked auditory response repository from KU Leuven, containing the EEG of
    85 participants. Data, 9(8), 94. https://doi.org/10.3390/data9080094
    """
    path = Path(path)
    recordings = [
        (subject, _recording(name, file, path / _SOUNDS))
        for subject, files in chosen(_eeg_files(path, skip), subjects, path).items()
        for name, file in files.items()
    ]

    @cache  # many subjects heard the same sounds
    def features(sound: Path) -> Any:
        track = _read_track(sound)
        try:
            return sound_features(track, sfreq, envelope)
        except ValueError as error:
            raise ValueError(f"{sound}: {error}") from error

    @cache
    def onsets(triggers: Path) -> np.ndarray:
        return pulse_onsets(*_read_track(triggers))

    def cut(subject: str, recording: _Recording) -> Trial:
        with _opened(recording.eeg) as raw:
            try:
                with shown_once():
                    status = raw.get_data(_STATUS, verbose="WARNING")[0]
                in_eeg = biosemi_onsets(status, raw.info["sfreq"])
                clock = align_clocks(in_eeg, onsets(recording.triggers))
            except ValueError as error:
                raise ValueError(
                    f"{recording.eeg}: {error}. Leave it out by skip=[{recording.name!r}]"
                ) from error
            end = len(raw.times) / raw.info["sfreq"]
            trial = trial_with_sounds(
                raw,
                [features(recording.sound)],
                clock.offset,
                # The sound's clock has to tell how much of it the recording covers.
                stop=clock.offset + (end - clock.offset) / clock.scale,
                eeg_clock=clock.scale,
                sfreq=sfreq,
                what=str(recording.eeg),
                attended=0,
                subject=subject,
                story=story(recording.sound.name.split(".")[0]),
                name=recording.name,
                **arguments,
            )
            return on_cap(trial, "biosemi64")

    cuts = (partial(cut, *request) for request in recordings)
    trials = whole_trials(cuts, arguments)
    return [trial for trial in trials if trial is not None]


def _detect(path: Path) -> bool:
    # With its derivatives, the folder is read as preprocessed unless this corpus is named.
    return not PREPROCESSED.detect(path) and any(
        _EEG_FILE.fullmatch(file.name) for file in path.glob(_EEG_FILES)
    )


CORPUS = Corpus(
    key="sparrkulee-raw",
    title="SparrKULee, as recorded",
    description=(
        "Listening to one talker, audio books and podcasts of some 15 min: 85 subjects, 64 "
        "channels at 1024 or 8192 Hz, with the sounds. A folder with derivatives as well is taken "
        "for sparrkulee unless this name is given"
    ),
    layout=(
        "sub-001/ses-.../eeg/sub-001_ses-..._task-listeningActive_run-01_eeg.bdf.gz, "
        "..._events.tsv, and stimuli/eeg/NAME.npz.gz, stimuli/eeg/t_NAME.npz.gz"
    ),
    obtain=PREPROCESSED.obtain,
    reference=PREPROCESSED.reference,
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
)


def _eeg_files(path: Path, skip: Sequence[str]) -> dict[str, dict[str, Path]]:
    """Files of each subject by the name of the recording."""
    recordings: dict[str, dict[str, Path]] = {}
    for file in sorted(path.glob(_EEG_FILES)):
        if match := _EEG_FILE.fullmatch(file.name):
            # An unpacked file comes first.
            recordings.setdefault(match["subject"], {}).setdefault(match["name"], file)
    if not recordings:
        raise FileNotFoundError(
            f"{path} has no file sub-001/ses-.../eeg/sub-001_ses-..._task-listeningActive_run-01"
            "_eeg.bdf.gz: download the raw recordings of the corpus"
        )
    left_out = [skip] if isinstance(skip, str) else list(skip)
    unknown = [name for name in left_out if not any(name in files for files in recordings.values())]
    if unknown:
        raise ValueError(f"skip names recording(s) {unknown} that are not in {path}")
    return {
        subject: {name: file for name, file in files.items() if name not in left_out}
        for subject, files in recordings.items()
    }


def _recording(name: str, eeg: Path, sounds: Path) -> _Recording:
    table = eeg.with_name(f"{name}_events.tsv")
    if not table.is_file():
        raise FileNotFoundError(
            f"{table} is missing, which says what was heard: download it, or leave the recording "
            f"out by skip=[{name!r}]"
        )
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if len(rows) != 1 or any(rows[0].get(column) in (None, "", _MISSING) for column in _COLUMNS):
        raise ValueError(
            f"{table} must have one row with {' and '.join(_COLUMNS)}, got {rows}: leave the "
            f"recording out by skip=[{name!r}]"
        )
    # The tables name files with or without the folders that they are in.
    return _Recording(name, eeg, *(_track_file(sounds / Path(rows[0][c]).name) for c in _COLUMNS))


def _track_file(file: Path) -> Path:
    unpacked = file.with_suffix("") if file.suffix == ".gz" else file
    for candidate in (unpacked, file):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"{file} is missing: download the folder {_SOUNDS.as_posix()} of the corpus"
    )


def _read_track(file: Path) -> tuple[np.ndarray, float]:
    arrays = read_npz(file, "audio", "fs")
    audio, rate = np.squeeze(arrays["audio"]), arrays["fs"]
    if audio.ndim != 1 or rate.size != 1:
        raise ValueError(
            f"{file} must hold one channel `audio` and its rate `fs`, got arrays of shape "
            f"{arrays['audio'].shape} and {rate.shape}"
        )
    return audio, float(rate.item())


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open a recording, with the electrodes named by their places and nothing else called EEG."""
    with tempfile.TemporaryDirectory() as folder:
        bdf = file
        if file.suffix == ".gz":
            bdf = Path(folder, file.stem)
            try:
                with gzip.open(file) as source, bdf.open("wb") as target:
                    shutil.copyfileobj(source, target)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise OSError(
                    f"{file} cannot be unpacked ({error}): it is damaged or not complete, "
                    "download it again"
                ) from error
        try:
            raw = read_eeg(bdf)
        except OSError as error:
            raise OSError(f"{file}: {error}") from error
        names, others = tuple(raw.ch_names[: len(BIOSEMI_64)]), raw.ch_names[len(BIOSEMI_64) :]
        if names not in (BIOSEMI_64, _SOCKETS) or _STATUS not in others:
            raise ValueError(
                f"{file} must have the 64 electrodes of the cap, from {BIOSEMI_64[0]} or "
                f"{_SOCKETS[0]} on, then others and {_STATUS}, got {raw.ch_names}"
            )
        raw.rename_channels(dict(zip(names, BIOSEMI_64, strict=True)))
        external = {name: "misc" for name in others if name != _STATUS}
        raw.set_channel_types(external, on_unit_change="ignore", verbose="WARNING")
        yield raw
