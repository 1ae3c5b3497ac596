"""Single-talker EEG of the Technical University of Denmark, as the authors of VLAAI prepared it."""

import re
from pathlib import Path

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import read_npz
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.trial import Trial
from cocktailparty.validation import check_time_first

_SFREQ = 64.0
_TRIAL_FILE = re.compile(r"DTU_S(\d+)_(\d+)\.npz")


def load(path: Path | str) -> list[Trial]:
    """Load the single-talker trials.

    All trials of all subjects carry the same 50 s of speech. A decoder that is tested on another
    trial than it was trained on has heard the test sound all the same: split in time.

    Parameters
    ----------
    path : path-like
        Folder with files ``DTU_S{subject}_{trial}.npz``.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and trial, with one stimulus, a gammatone envelope. The EEG is high-pass
        filtered at 0.5 Hz, freed of eye artefacts and average-referenced; its unit is not stated
        (microvolts by its size).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If a file is damaged.
    ValueError
        If a file holds something else, or envelope and EEG differ in length.
    """
    path = Path(path)
    files = sorted(
        (int(match[1]), int(match[2]), file)
        for file in path.iterdir()
        if (match := _TRIAL_FILE.fullmatch(file.name))
    )
    if not files:
        raise FileNotFoundError(
            f"{path} has no file DTU_S{{subject}}_{{trial}}.npz, such as DTU_S2_000.npz"
        )
    return [_load_trial(file, subject, number) for subject, number, file in files]


def _detect(path: Path) -> bool:
    return any(_TRIAL_FILE.fullmatch(file.name) for file in path.iterdir())


CORPUS = Corpus(
    key="dtu-single-talker",
    title="DTU single-talker EEG (prepared for VLAAI)",
    description=(
        "Listening to one talker: up to 18 subjects with 10 trials of 50 s, 64 channels at 64 Hz, "
        "artefacts removed, with a gammatone envelope; all trials carry the same speech"
    ),
    layout="DTU_S{subject}_{trial}.npz, such as DTU_S2_000.npz, each with eeg and envelope",
    obtain=(
        "GitHub, exporl/vlaai, folder evaluation_datasets/DTU (GPL-3.0-or-later); made from "
        "Zenodo record 1199011 (licence not confirmed)"
    ),
    reference=(
        "Fuglsang, S. A., Dau, T., Hjortkjær, J. (2017). Noise-robust cortical tracking of "
        "attended speech in real-world acoustic scenes. NeuroImage, 156, 435-444. "
        "doi:10.1016/j.neuroimage.2017.04.026"
    ),
    detect=_detect,
    load=load,
    default_cv="time",
)


def _load_trial(file: Path, subject: int, number: int) -> Trial:
    arrays = read_npz(file, "eeg", "envelope")
    eeg, envelope = arrays["eeg"], arrays["envelope"]
    check_time_first(eeg.shape, f"{file}: eeg")
    if eeg.shape[1] != len(BIOSEMI_64):
        raise ValueError(f"{file}: eeg must have {len(BIOSEMI_64)} channels, got {eeg.shape}")
    trial = Trial(
        eeg,
        envelope[None],
        sfreq=_SFREQ,
        attended=0,
        subject=f"S{subject}",
        story="dss",
        name=file.stem,
        channel_names=BIOSEMI_64,
        provenance={"eeg_file": file.name, "features": "envelopes of the data set"},
    )
    return on_cap(trial, "biosemi64")
