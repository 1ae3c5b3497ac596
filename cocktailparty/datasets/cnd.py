"""Continuous-event Neural Data (CND), the exchange format of the CNSP workshops."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.arrayfiles import cells, read_mat_struct
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.trial import Trial

_SUBJECT_FILE = re.compile(r"dataSub(\d+)\.mat")
# EEGLAB's two-dimensional layouts carry these entries beside the electrodes.
_NO_ELECTRODE = {"COMNT", "SCALE"}


def load(path: Path | str, feature: str | int = 0) -> list[Trial]:
    """Load single-talker trials of all subjects from a CND folder.

    Parameters
    ----------
    path : path-like
        Folder with ``dataSub{n}.mat`` and `dataStim.mat`, or ``dataStim{n}.mat`` for a subject
        who heard other stimuli.
    feature : str or int
        Stimulus feature, by name or by position counting from 0.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and order of presentation. Stimulus and EEG are cut to the shorter of
        the two. The story is the stimulus, so that its repetitions stay together. The EEG is in
        the unit of the file, which the format does not state. Trials without EEG (rejected ones)
        are left out.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged or of MATLAB version 7.3.
    ValueError
        If the feature is unknown, EEG and stimuli differ in rate or number, or values are unfit
        for a trial.

    References
    ----------
    Di Liberto, G. M., et al. (2024). A standardised open science framework for sharing and
    re-analysing neural data acquired to continuous stimuli. arXiv.
    https://doi.org/10.48550/arXiv.2309.07671
    """
    path = Path(path)
    files = sorted(
        (int(match[1]), file)
        for file in path.iterdir()
        if (match := _SUBJECT_FILE.fullmatch(file.name))
    )
    if not files:
        raise FileNotFoundError(f"{path} has no file dataSub{{n}}.mat, such as dataSub1.mat")
    stimuli: dict[Path, _Stimuli] = {}
    trials: list[Trial] = []
    for number, file in files:
        own = path / f"dataStim{number}.mat"
        stimuli_file = own if own.is_file() else path / "dataStim.mat"
        if stimuli_file not in stimuli:
            stimuli[stimuli_file] = _load_stimuli(stimuli_file, feature)
        trials += _load_subject(file, f"sub-{number:02d}", stimuli[stimuli_file])
    return trials


def _detect(path: Path) -> bool:
    return any(_SUBJECT_FILE.fullmatch(file.name) for file in path.iterdir())


CORPUS = Corpus(
    key="cnd",
    title="CND (Continuous-event Neural Data)",
    description=(
        "Any single-talker set in the format of the CNSP workshops: EEG of each subject and one "
        "or more features of the stimuli, trial by trial"
    ),
    layout="dataSub1.mat, dataSub2.mat, ... and dataStim.mat, or one dataStim{n}.mat a subject",
    obtain="https://cnspworkshop.net, list of data sets, each with its own licence",
    reference=(
        "Di Liberto, G. M., et al. (2024). A standardised open science framework for sharing and "
        "re-analysing neural data acquired to continuous stimuli. doi:10.48550/arXiv.2309.07671"
    ),
    detect=_detect,
    load=load,
    default_cv="story",
)


@dataclass(frozen=True, eq=False)
class _Stimuli:
    """One feature of the stimuli of a file, and the number of the stimulus, trial by trial."""

    file: Path
    sfreq: float
    values: list[np.ndarray]
    numbers: np.ndarray


def _load_stimuli(file: Path, feature: str | int) -> _Stimuli:
    fields = read_mat_struct(file, "stim", "names", "data", "fs")
    data = cells(fields["data"], f"{file}: stim.data")
    names = [_text(name) for name in fields["names"].ravel()]
    if feature not in names and feature not in range(len(data)):
        raise ValueError(
            f"feature must be one of {names} or a position from 0 to {len(data) - 1}, "
            f"got {feature!r}"
        )
    row = names.index(feature) if isinstance(feature, str) else feature
    numbers = np.ravel(fields.get("stimIdxs", ()))
    if not len(numbers):
        numbers = np.arange(1, data.shape[1] + 1)
    return _Stimuli(file, _number(fields["fs"]), list(data[row]), numbers)


def _load_subject(file: Path, subject: str, stimuli: _Stimuli) -> list[Trial]:
    fields = read_mat_struct(file, "eeg", "data", "fs")
    eegs = cells(fields["data"], f"{file}: eeg.data").ravel()
    sfreq = _number(fields["fs"])
    if sfreq != stimuli.sfreq:
        raise ValueError(
            f"{file} is sampled at {sfreq:g} Hz but {stimuli.file} at {stimuli.sfreq:g} Hz: "
            "resample one of them"
        )
    positions = np.ravel(fields.get("origTrialPosition", ()))
    for what, n in {
        f"{stimuli.file}: stim.data": len(stimuli.values),
        f"{stimuli.file}: stim.stimIdxs": len(stimuli.numbers),
        f"{file}: eeg.origTrialPosition": len(positions) or len(eegs),
    }.items():
        if n != len(eegs):
            raise ValueError(f"{what} has {n} entries but {file} has {len(eegs)} trials")
    padding = int(_number(fields["paddingStartSample"])) if "paddingStartSample" in fields else 0
    names = _channel_names(fields.get("chanlocs"))
    # The format sorts the EEG of every subject into the order of the stimuli: cell t of the EEG
    # belongs to column t of the stimuli, whatever origTrialPosition says. That field tells when
    # trial t was presented, counting from 1, and serves to bring the trials back into this order.
    order = np.argsort(positions, kind="stable") if len(positions) else np.arange(len(eegs))
    trials = []
    for t in order:
        if not eegs[t].size:
            continue
        eeg, stimulus = eegs[t][padding:], stimuli.values[t]
        n_times = min(len(eeg), len(stimulus))
        trials.append(
            Trial(
                eeg[:n_times],
                stimulus[None, :n_times],
                sfreq=sfreq,
                attended=0,
                subject=subject,
                story=f"stimulus-{int(stimuli.numbers[t]):02d}",
                name=f"{file.stem} trial {t + 1}",
                channel_names=names,
            )
        )
    return trials


def _channel_names(chanlocs: Any) -> list[str] | None:
    if chanlocs is None or not chanlocs.size:
        return None
    labels = [_text(channel.labels) for channel in chanlocs.ravel()]
    return [label for label in labels if label not in _NO_ELECTRODE]


def _text(value: Any) -> str:
    return "".join(np.ravel(value)).strip()


def _number(value: Any) -> float:
    return float(np.ravel(value)[0])
