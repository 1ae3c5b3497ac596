"""Two-talker EEG of KU Leuven (KUL AAD), as published on Zenodo."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import cells, number, read_mat, struct_fields, text
from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.datasets.readers.subjects import subject_files
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.trial import Trial

_SUBJECT_FILE = re.compile(r"S(\d+)\.mat")
_SOUND_FOLDER = "stimuli"
_SOUND_FILE = re.compile(r"((?:rep_)?(part\d+)_track\d+)_(?:dry|hrtf)\.wav")
_EARS = "LR"


def load(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the two-talker trials.

    The stimuli are in the order of the ears, (left, right), so that `attended` says on which side
    the attended talker was. Their features come from the dry sound files, also where the subject
    heard them through head-related filters, as the authors of the corpus do it.

    Four pairs of sounds, called parts, were played: with attention to the first track in
    experiment 1 and to the second one in experiment 2; experiment 3 repeats the first two minutes
    of them three times. The story of a trial is its part, so that a split by story holds out a
    pair of sounds with all its repetitions, whoever was attended. Talkers and tales may go on
    from one part to the next.

    Parameters
    ----------
    path : path-like
        Folder with the files ``S{subject}.mat`` and the folder `stimuli` of sound files.
    subjects : sequence of str, optional
        Subjects to read, such as ["S1", "S2"]; None for all.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`: `l_freq`, `h_freq`,
        `filter_stimuli`, `picks` and `reference`; the authors subtract ``reference=["Cz"]``.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and order of presentation. The EEG was published high-pass filtered at
        0.5 Hz, in a unit that is not stated (microvolts by its size).

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject is unknown, a file holds something else, or values are unfit for a trial.

    References
    ----------
    Das, N., Francart, T., Bertrand, A. Auditory Attention Detection Dataset KULeuven. Zenodo.
    https://doi.org/10.5281/zenodo.4004271

    Biesmans, W., Das, N., Francart, T., Bertrand, A. (2017). Auditory-inspired speech envelope
    extraction methods for improved EEG-based auditory attention detection in a cocktail party
    scenario. IEEE Transactions on Neural Systems and Rehabilitation Engineering, 25(5), 402-412.
    https://doi.org/10.1109/TNSRE.2016.2571900
    """
    path = Path(path)

    @cache  # all subjects heard the same sounds
    def features(sound: Path) -> Any:
        return sound_features(sound, sfreq, envelope)

    trials = []
    for subject, file in subject_files(path, _SUBJECT_FILE, "S1.mat", subjects).items():
        records = cells(read_mat(file, "trials")["trials"], f"{file}: trials")
        for i, record in enumerate(records.ravel(), start=1):
            what = f"{file}: trials{{{i}}}"
            fields = struct_fields(
                record, what, "RawData", "FileHeader", "attended_ear", "stimuli", "condition"
            )
            sounds, part = _sounds(fields["stimuli"], path / _SOUND_FOLDER, f"{what}.stimuli")
            trial = trial_with_sounds(
                _recording(fields, what),
                [features(sound) for sound in sounds],
                sfreq=sfreq,
                what=what,
                attended=_attended(fields["attended_ear"], f"{what}.attended_ear"),
                subject=subject,
                story=part,
                name=f"{subject}-{i:02d}-{text(fields['condition'], what).lower()}",
                **arguments,
            )
            trials.append(on_cap(trial, "biosemi64"))
    return trials


def _detect(path: Path) -> bool:
    return (path / _SOUND_FOLDER).is_dir() and any(
        _SUBJECT_FILE.fullmatch(file.name) for file in path.iterdir()
    )


CORPUS = Corpus(
    key="kul",
    title="Two-talker EEG of KU Leuven (KUL AAD)",
    description=(
        "Attention to the left or right of two talkers: 16 subjects, 20 trials (8 of 6 min, 12 "
        "repeats of 2 min), 64 channels at 128 Hz, high-passed at 0.5 Hz, with the sounds"
    ),
    layout="S1.mat, ..., S16.mat, and stimuli.zip unpacked as the folder stimuli of wav files",
    obtain="Zenodo record 4004271 (licence not confirmed; reported as CC BY-NC 4.0)",
    reference=(
        "Das, N., Francart, T., Bertrand, A. Auditory Attention Detection Dataset KULeuven. "
        "doi:10.5281/zenodo.4004271; Das, N., Biesmans, W., Bertrand, A., Francart, T. (2016). "
        "Journal of Neural Engineering, 13(5), 056014. doi:10.1088/1741-2560/13/5/056014"
    ),
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
    zenodo=4004271,
    files=("S*.mat", "stimuli.zip"),
)


def _recording(fields: dict[str, Any], what: str) -> Any:
    raw = struct_fields(fields["RawData"], f"{what}.RawData", "EegData")
    header = struct_fields(fields["FileHeader"], f"{what}.FileHeader", "SampleRate")
    return raw_from_array(
        raw["EegData"],
        number(header["SampleRate"], f"{what}.FileHeader.SampleRate"),
        BIOSEMI_64,
        BIOSEMI_64,
        f"{what}.RawData.EegData",
    )


def _sounds(stimuli: Any, folder: Path, what: str) -> tuple[list[Path], str]:
    """Dry sound files of the left and the right ear, and the part that both belong to."""
    names = [text(name, what) for name in cells(stimuli, what).ravel()]
    matches = [_SOUND_FILE.fullmatch(name) for name in names]
    parts = {match[2] if match else None for match in matches}
    if len(names) != 2 or len(parts) > 1 or None in parts:
        raise ValueError(
            f"{what} must name two sounds of one part, such as part1_track1_dry.wav and "
            f"part1_track2_dry.wav, got {names}"
        )
    files = [folder / f"{match[1]}_dry.wav" for match in matches if match]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file} is missing: unpack stimuli.zip of the corpus as the folder {folder}"
            )
    return files, parts.pop() or ""


def _attended(ear: Any, what: str) -> int:
    side = text(ear, what)
    if side not in tuple(_EARS):
        raise ValueError(f"{what} must be 'L' or 'R', got {side!r}")
    return _EARS.index(side)
