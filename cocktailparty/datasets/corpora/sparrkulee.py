"""SparrKULee: single-talker EEG of KU Leuven, as the authors preprocessed it."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import read_npy
from cocktailparty.datasets.readers.subjects import chosen
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.trial import Trial

_SFREQ = 64.0
_EEG = Path("derivatives", "preprocessed_eeg")
_STIMULI = Path("derivatives", "preprocessed_stimuli")
_EEG_FILE = re.compile(
    r"(?P<subject>sub-\d+)_(?P<session>ses-[^_]+)_task-[^_]+_(?P<run>run-\d+)"
    r"_desc-preproc-audio-(?P<sound>.+)_eeg\.npy"
)
_FEATURES = ("envelope", "mel")
# Versions of a sound that were made from the same speech.
_VERSION = re.compile(r"_(shifted|artefact|video)$")


def load(
    path: Path | str, *, subjects: Sequence[str] | None = None, feature: str = "envelope"
) -> list[Trial]:
    """Load the preprocessed single-talker trials.

    Parameters
    ----------
    path : path-like
        Folder of the corpus, with ``derivatives/preprocessed_eeg`` and
        ``derivatives/preprocessed_stimuli``.
    subjects : sequence of str, optional
        Subjects to read, such as ["sub-001"]; None for all, which take several gigabytes.
    feature : {"envelope", "mel"}
        What is taken of the sounds: the envelope, or a mel spectrogram.

    Returns
    -------
    trials : list of Trial
        Sorted by subject, session and run. EEG and stimulus are cut to the shorter of the two.
        The story is the sound, one part of an audio book or a podcast, whatever was done to it.
        The EEG is freed of artefacts and average-referenced, in a unit that is not stated.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If the feature or a subject is unknown, a file holds something else, or values are unfit
        for a trial.

    See Also
    --------
    cocktailparty.datasets.corpora.sparrkulee_raw.load : The recordings as they were made.

    References
    ----------
    Accou, B., Bollens, L., Gillis, M., Verheijen, W., Van hamme, H., Francart, T. (2024).
    SparrKULee: A speech-evoked auditory response repository from KU Leuven, containing the EEG of
    85 participants. Data, 9(8), 94. https://doi.org/10.3390/data9080094
    """
    path = Path(path)
    if feature not in _FEATURES:
        raise ValueError(f"feature must be one of {_FEATURES}, got {feature!r}")
    recordings: dict[str, list[tuple[Path, str]]] = {}
    for file in sorted((path / _EEG).glob("sub-*/*/*_eeg.npy")):
        if match := _EEG_FILE.fullmatch(file.name):
            recordings.setdefault(match["subject"], []).append((file, match["sound"]))
    if not recordings:
        raise FileNotFoundError(
            f"{path / _EEG} has no file sub-001/ses-.../sub-001_ses-..._task-listeningActive_"
            "run-01_desc-preproc-audio-..._eeg.npy: download the folder derivatives of the corpus"
        )
    stimuli = cache(_read_stimulus)  # a sound is heard by many subjects
    return [
        _load_trial(file, subject, sound, stimuli(path / _STIMULI, sound, feature))
        for subject, files in chosen(recordings, subjects, path).items()
        for file, sound in files
    ]


def story(sound: str) -> str:
    """Tell which speech a sound was made from.

    Parameters
    ----------
    sound : str
        Name of the sound.

    Returns
    -------
    story : str
        The same for all versions of a sound.

    Examples
    --------
    >>> story("audiobook_1_shifted")
    'audiobook_1'
    """
    return _VERSION.sub("", sound)


def _detect(path: Path) -> bool:
    return (path / _EEG).is_dir()


CORPUS = Corpus(
    key="sparrkulee",
    title="SparrKULee, preprocessed",
    description=(
        "Listening to one talker, audio books and podcasts of some 15 min: 85 subjects, 64 "
        "channels at 64 Hz, artefacts removed, with envelopes and mel spectrograms"
    ),
    layout=(
        "derivatives/preprocessed_eeg/sub-001/ses-.../sub-001_ses-..._task-listeningActive_run-01"
        "_desc-preproc-audio-..._eeg.npy and derivatives/preprocessed_stimuli/..._envelope.npy"
    ),
    obtain="KU Leuven RDR, doi:10.48804/K3VSND (CC BY-NC 4.0; parts are restricted)",
    reference=(
        "Accou, B., et al. (2024). SparrKULee: A speech-evoked auditory response repository from "
        "KU Leuven, containing the EEG of 85 participants. Data, 9(8), 94. doi:10.3390/data9080094"
    ),
    detect=_detect,
    load=load,
    default_cv="story",
)


def _read_stimulus(folder: Path, sound: str, feature: str) -> np.ndarray:
    # The first form is that of the authors' code, the second that of the published record.
    files = [folder / f"{sound}_-_{feature}.npy", folder / f"{sound}_{feature}.npy"]
    existing = [file for file in files if file.is_file()]
    if not existing:
        raise FileNotFoundError(f"{files[0]} is missing, and so is {files[1].name}")
    return read_npy(existing[0])


def _load_trial(file: Path, subject: str, sound: str, stimulus: np.ndarray) -> Trial:
    eeg = read_npy(file)
    if eeg.ndim != 2 or eeg.shape[0] != len(BIOSEMI_64):
        raise ValueError(f"{file} must have shape ({len(BIOSEMI_64)}, n_times), got {eeg.shape}")
    if stimulus.ndim != 2 or len(stimulus) < stimulus.shape[1]:
        raise ValueError(
            f"{file}: the stimulus {sound!r} must have shape (n_times, n_features), got "
            f"{stimulus.shape}"
        )
    n_times = min(eeg.shape[1], len(stimulus))
    trial = Trial(
        eeg[:, :n_times].T,
        stimulus[None, :n_times],
        sfreq=_SFREQ,
        attended=0,
        subject=subject,
        story=story(sound),
        name=file.stem,
        channel_names=BIOSEMI_64,
        provenance={"eeg_file": file.name, "features": "features of the data set"},
    )
    return on_cap(trial, "biosemi64")
