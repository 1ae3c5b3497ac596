"""Two-talker EEG of the Technical University of Denmark (DTU), as its authors preprocessed it."""

import re
from collections.abc import Sequence
from pathlib import Path

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import cells, number, read_mat_struct, struct_fields
from cocktailparty.datasets.readers.subjects import subject_files
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.trial import Trial
from cocktailparty.validation import check_time_first

_SFREQ = 64.0
_SUBJECT_FILE = re.compile(r"S(\d+)_data_preproc\.mat")
# After the electrodes of the cap come two external ones.
_N_CHANNELS = len(BIOSEMI_64) + 2


def load(path: Path | str, *, subjects: Sequence[str] | None = None) -> list[Trial]:
    """Load the two-talker trials.

    The stimuli are always in the order (male, female), so that `attended` varies from trial to
    trial; the files have the attended one first.

    Parameters
    ----------
    path : path-like
        Folder with files ``S{subject}_data_preproc.mat``.
    subjects : sequence of str, optional
        Subjects to read, such as ["S1", "S2"]; None for all.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and order of presentation. The EEG is high-pass filtered at 0.1 Hz,
        freed of eye artefacts and average-referenced, in a unit that is not stated (microvolts by
        its size). The files do not say what was told, so that there are no stories.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If a file is damaged.
    ValueError
        If a subject is unknown, a file holds something else, or values are unfit for a trial.

    See Also
    --------
    cocktailparty.datasets.corpora.dtu_raw.load : The recordings as they were made.

    References
    ----------
    Fuglsang, S. A., Dau, T., Hjortkjær, J. (2017). Noise-robust cortical tracking of attended
    speech in real-world acoustic scenes. NeuroImage, 156, 435-444.
    https://doi.org/10.1016/j.neuroimage.2017.04.026
    """
    files = subject_files(Path(path), _SUBJECT_FILE, "S1_data_preproc.mat", subjects)
    return [trial for subject, file in files.items() for trial in _load_subject(file, subject)]


def _detect(path: Path) -> bool:
    return any(_SUBJECT_FILE.fullmatch(file.name) for file in path.iterdir())


CORPUS = Corpus(
    key="dtu",
    title="Two-talker EEG of DTU, preprocessed",
    description=(
        "Attention to a male or a female talker in rooms of different reverberation: 18 subjects, "
        "60 trials of 50 s, 64 channels at 64 Hz, eye artefacts removed, with envelopes"
    ),
    layout="S1_data_preproc.mat, ..., S18_data_preproc.mat",
    obtain="Zenodo record 1199011, file DATA_preproc.zip (licence not confirmed)",
    reference=(
        "Fuglsang, S. A., Dau, T., Hjortkjær, J. (2017). Noise-robust cortical tracking of "
        "attended speech in real-world acoustic scenes. NeuroImage, 156, 435-444. "
        "doi:10.1016/j.neuroimage.2017.04.026"
    ),
    detect=_detect,
    load=load,
    default_cv="trial",
    zenodo=1199011,
    files=("DATA_preproc.zip",),
)


def _load_subject(file: Path, subject: str) -> list[Trial]:
    data = read_mat_struct(file, "data", "eeg", "wavA", "wavB", "event")
    event = struct_fields(data["event"], f"{file}: data.event", "eeg")["eeg"]
    data["value"] = struct_fields(event, f"{file}: data.event.eeg", "value")["value"]
    columns = {
        name: cells(data[name], f"{file}: {name}").ravel()
        for name in ("eeg", "wavA", "wavB", "value")
    }
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{file}: data differ in number of trials: {lengths}")
    trials = []
    for i, (eeg, attended, ignored, value) in enumerate(
        zip(*columns.values(), strict=True), start=1
    ):
        sex = number(value, f"{file}: data.event.eeg.value{{{i}}}")
        if sex not in (1, 2):
            raise ValueError(
                f"{file}: data.event.eeg.value{{{i}}} must be 1 (male talker attended) or 2 "
                f"(female), got {sex:g}"
            )
        check_time_first(eeg.shape, f"{file}: data.eeg{{{i}}}")
        if eeg.shape[1] != _N_CHANNELS:
            raise ValueError(
                f"{file}: data.eeg{{{i}}} must have {_N_CHANNELS} channels, got {eeg.shape}"
            )
        trial = Trial(
            eeg[:, : len(BIOSEMI_64)],
            [attended, ignored] if sex == 1 else [ignored, attended],
            sfreq=_SFREQ,
            attended=int(sex) - 1,
            subject=subject,
            name=f"{subject}-{i:02d}",
            channel_names=BIOSEMI_64,
            provenance={"eeg_file": file.name, "features": "envelopes of the data set"},
        )
        trials.append(on_cap(trial, "biosemi64"))
    return trials
