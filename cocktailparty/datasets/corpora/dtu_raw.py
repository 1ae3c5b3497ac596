"""Two-talker EEG of the Technical University of Denmark (DTU), as it was recorded."""

import csv
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.corpora.dtu import CORPUS as PREPROCESSED
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import (
    cells,
    number,
    read_mat_struct,
    struct_fields,
    text,
    unwrapped,
)
from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.datasets.readers.subjects import subject_files
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.trial import Trial

_SUBJECT_FILE = re.compile(r"S(\d+)\.mat")
_SOUND_FILE = re.compile(r"(.+?)_trial_?\d+\.wav")
_COLUMNS = ("attend_mf", "n_speakers", "wavfile_male", "wavfile_female")


def load(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the two-talker trials.

    What was played is described in a MATLAB table, an object that only MATLAB can read. It has to
    be written once, for each subject, as a comma-separated file beside the recording::

        load('S1.mat', 'expinfo')
        writetable(expinfo, 'S1_expinfo.csv')

    The stimuli are in the order (male, female). The ten trials with one talker are left out.

    Parameters
    ----------
    path : path-like
        Folder with the folder `EEG`, which has files ``S{subject}.mat`` and
        ``S{subject}_expinfo.csv``, and the folder `AUDIO` of sound files.
    subjects : sequence of str, optional
        Subjects to read, such as ["S1", "S2"]; None for all.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`: `l_freq`, `h_freq`,
        `filter_stimuli`, `picks` and `reference`, such as the mastoids
        ``reference=["EXG1", "EXG2"]``.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and order of presentation. The story is the pair of tales. Eye artefacts
        are still there; the unit is that of the file (microvolts by its size).

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject is unknown, a file holds something else, or values are unfit for a trial.

    See Also
    --------
    cocktailparty.datasets.corpora.dtu.load : The recordings as their authors preprocessed them.

    References
    ----------
    Fuglsang, S. A., Dau, T., Hjortkjær, J. (2017). Noise-robust cortical tracking of attended
    speech in real-world acoustic scenes. NeuroImage, 156, 435-444.
    https://doi.org/10.1016/j.neuroimage.2017.04.026
    """
    path = Path(path)
    files = subject_files(path / "EEG", _SUBJECT_FILE, "S1.mat", subjects)
    tables = {subject: _read_expinfo(file, path / "AUDIO") for subject, file in files.items()}

    @cache
    def features(sound: Path) -> Any:
        return sound_features(sound, sfreq, envelope)

    trials = []
    for subject, file in files.items():
        raw, edges = _recording(file, len(tables[subject]))
        for i, (row, edge) in enumerate(zip(tables[subject], edges, strict=True), start=1):
            if row["n_speakers"] != "2":
                continue
            sounds = [path / "AUDIO" / row[f"wavfile_{sex}"] for sex in ("male", "female")]
            tales = [_SOUND_FILE.sub(r"\1", sound.name) for sound in sounds]
            trial = trial_with_sounds(
                raw,
                [features(sound) for sound in sounds],
                edge[0],
                stop=edge[1],
                sfreq=sfreq,
                what=f"{file}, trial {i}",
                attended=("1", "2").index(row["attend_mf"]),
                subject=subject,
                story="+".join(tales),
                name=f"{subject}-{i:02d}",
                **arguments,
            )
            trials.append(on_cap(trial, "biosemi64"))
    return trials


def _detect(path: Path) -> bool:
    return (path / "AUDIO").is_dir() and any(
        _SUBJECT_FILE.fullmatch(file.name) for file in path.glob("EEG/*.mat")
    )


CORPUS = Corpus(
    key="dtu-raw",
    title="Two-talker EEG of DTU, as recorded",
    description=(
        "Attention to a male or a female talker in rooms of different reverberation: 18 subjects, "
        "60 trials of 50 s, 64 channels at 512 Hz, with the sounds"
    ),
    layout="EEG/S1.mat, EEG/S1_expinfo.csv (written by MATLAB), ..., and AUDIO with wav files",
    obtain="Zenodo record 1199011, files EEG.zip and AUDIO.zip (licence not confirmed)",
    reference=PREPROCESSED.reference,
    detect=_detect,
    load=load,
    default_cv="trial",
    continuous=True,
    zenodo=1199011,
    files=("EEG.zip", "AUDIO.zip"),
)


def _read_expinfo(eeg_file: Path, audio: Path) -> list[dict[str, str]]:
    file = eeg_file.with_name(f"{eeg_file.stem}_expinfo.csv")
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing: the table expinfo in {eeg_file.name} can only be read by MATLAB. "
            f"Write it there with\n    load('{eeg_file.name}', 'expinfo')\n"
            f"    writetable(expinfo, '{file.name}')"
        )
    with file.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream, skipinitialspace=True))
    missing = [name for name in _COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ValueError(f"{file} has no rows or no column {missing}: write it again from MATLAB")
    for i, row in enumerate(rows, start=1):
        if row["attend_mf"] not in ("1", "2"):
            raise ValueError(
                f"{file}, row {i}: attend_mf must be 1 (male) or 2 (female), got "
                f"{row['attend_mf']!r}"
            )
        for name in (row["wavfile_male"], row["wavfile_female"]):
            if row["n_speakers"] == "2" and not (name and (audio / name).is_file()):
                raise FileNotFoundError(
                    f"{audio / str(name)} is missing, which {file}, row {i} names: unpack "
                    "AUDIO.zip of the corpus"
                )
    return rows


def _recording(file: Path, n_trials: int) -> tuple[Any, np.ndarray]:
    """Continuous recording, and start and end of each trial in seconds."""
    data = read_mat_struct(file, "data", "eeg", "fsample", "dim", "event")

    def inner(name: str, *fields: str) -> Any:
        value, what = data[name], f"{file}: data.{name}"
        for field in fields:
            value = struct_fields(value, what, field)[field]
            what += f".{field}"
        return value

    rate = number(inner("fsample", "eeg"), f"{file}: data.fsample.eeg")
    what = f"{file}: data.dim.chan.eeg"
    names = [text(name, what) for name in cells(unwrapped(inner("dim", "chan", "eeg")), what).flat]
    samples = unwrapped(inner("event", "eeg", "sample")).ravel()
    if len(samples) != 2 * n_trials:
        raise ValueError(
            f"{file} has {len(samples)} events, onsets and offsets, for the {n_trials} trials of "
            f"{file.stem}_expinfo.csv"
        )
    raw = raw_from_array(unwrapped(data["eeg"]), rate, names, BIOSEMI_64, f"{file}: data.eeg")
    return raw, (samples.reshape(n_trials, 2).astype(float) - 1) / rate  # MATLAB counts from 1
