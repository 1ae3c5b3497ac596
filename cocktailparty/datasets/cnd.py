"""Continuous-event Neural Data (CND), the exchange format of the CNSP workshops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.datasets.arrayfiles import cells, number, read_mat_struct, text
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.positions import BIOSEMI_64, head_positions
from cocktailparty.files import replacing
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials

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
    for n, file in files:
        own = path / f"dataStim{n}.mat"
        stimuli_file = own if own.is_file() else path / "dataStim.mat"
        if stimuli_file not in stimuli:
            stimuli[stimuli_file] = _load_stimuli(stimuli_file, feature)
        trials += _load_subject(file, f"sub-{n:02d}", stimuli[stimuli_file])
    return trials


def write_cnd(
    folder: Path | str,
    trials: Sequence[Trial],
    feature: str = "Speech Envelope Vectors",
    device: str = "",
) -> None:
    """Write single-talker trials as a CND folder, for the MATLAB toolboxes that read it.

    Subjects and stories are numbered in alphabetical order: `load` gives back the same signals
    with labels such as "sub-01" and "stimulus-01". Audio is not written, the format has no place
    for it.

    Parameters
    ----------
    folder : path-like
        Where to write ``dataSub{n}.mat`` and `dataStim.mat`, or, if the subjects did not hear the
        same stimuli in the same order, ``dataStim{n}.mat``. It is made if need be, and must not
        hold a CND set.
    trials : sequence of Trial
        Trials of one stimulus each, in the order of presentation.
    feature : str
        Name of the stimulus feature.
    device : str
        Name of the EEG amplifier.

    Raises
    ------
    FileExistsError
        If the folder holds a CND set already.
    ValueError
        If a trial has not exactly one stimulus, or trials differ in rate or channels.

    References
    ----------
    Di Liberto, G. M., et al. (2024). A standardised open science framework for sharing and
    re-analysing neural data acquired to continuous stimuli. arXiv.
    https://doi.org/10.48550/arXiv.2309.07671

    Examples
    --------
    >>> import tempfile
    >>> rng = np.random.default_rng(0)
    >>> trial = Trial(rng.normal(size=(640, 2)), rng.random((1, 640)), sfreq=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_cnd(folder, [trial])
    ...     load(folder)
    [Trial('sub-01/stimulus-01/dataSub1 trial 1', 10.0 s at 64 Hz, 2 channels,
     1 stimulus x 1 feature, attended 0)]
    """
    trials = check_trials(trials)
    folder = Path(folder)
    for i, trial in enumerate(trials):
        if trial.n_stimuli != 1:
            raise ValueError(
                f"trials[{i}] has {trial.n_stimuli} stimuli, a CND trial has one: keep the attended"
                " one by trial.replace(stimuli=trial.stimuli[[trial.attended]], attended=0)"
            )
    old = [file.name for file in folder.glob("data*.mat")]
    if old:
        raise FileExistsError(f"{folder} holds {sorted(old)} already: give an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    stories = sorted({trial.story for trial in trials})
    subjects = {
        subject: [trial for trial in trials if trial.subject == subject]
        for subject in sorted({trial.subject for trial in trials})
    }
    first = next(iter(subjects.values()))
    shared = all(_same_stimuli(own, first) for own in subjects.values())
    for n, own in enumerate(subjects.values(), start=1):
        if n == 1 or not shared:
            name = "dataStim.mat" if shared else f"dataStim{n}.mat"
            _write_struct(folder / name, "stim", _stimulus_fields(own, stories, feature))
        _write_struct(folder / f"dataSub{n}.mat", "eeg", _recording_fields(own, device))


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
    names = [text(name, f"{file}: stim.names") for name in fields["names"].ravel()]
    if feature not in names and feature not in range(len(data)):
        raise ValueError(
            f"feature must be one of {names} or a position from 0 to {len(data) - 1}, "
            f"got {feature!r}"
        )
    row = names.index(feature) if isinstance(feature, str) else feature
    numbers = np.ravel(fields.get("stimIdxs", ()))
    if not len(numbers):
        numbers = np.arange(1, data.shape[1] + 1)
    return _Stimuli(file, number(fields["fs"], f"{file}: stim.fs"), list(data[row]), numbers)


def _load_subject(file: Path, subject: str, stimuli: _Stimuli) -> list[Trial]:
    fields = read_mat_struct(file, "eeg", "data", "fs")
    eegs = cells(fields["data"], f"{file}: eeg.data").ravel()
    sfreq = number(fields["fs"], f"{file}: eeg.fs")
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
    what = f"{file}: eeg.paddingStartSample"
    padding = int(number(fields.get("paddingStartSample", 0), what))
    names = _channel_names(fields.get("chanlocs"), f"{file}: eeg.chanlocs")
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


def _channel_names(chanlocs: Any, what: str) -> list[str] | None:
    if chanlocs is None or not chanlocs.size:
        return None
    labels = [text(channel.labels, what) for channel in chanlocs.ravel()]
    return [label for label in labels if label not in _NO_ELECTRODE]


def _same_stimuli(trials: list[Trial], others: list[Trial]) -> bool:
    return len(trials) == len(others) and all(
        a.story == b.story and np.array_equal(to_numpy(a.stimuli), to_numpy(b.stimuli))
        for a, b in zip(trials, others, strict=True)
    )


def _stimulus_fields(trials: list[Trial], stories: list[str], feature: str) -> dict[str, Any]:
    return {
        "names": _row([feature]),
        "data": _row([to_numpy(trial.stimuli)[0] for trial in trials]),
        "fs": trials[0].sfreq,
        "stimIdxs": np.array([[stories.index(trial.story) + 1.0 for trial in trials]]),
        "condIdxs": np.ones((1, len(trials))),
        "condNames": _row(["Listening"]),
    }


def _recording_fields(trials: list[Trial], device: str) -> dict[str, Any]:
    fields = {
        "dataType": "EEG",
        "deviceName": device,
        "fs": trials[0].sfreq,
        "data": _row([to_numpy(trial.eeg) for trial in trials]),
        "origTrialPosition": np.arange(1.0, len(trials) + 1)[None],
    }
    names = trials[0].channel_names
    return fields if names is None else {**fields, "chanlocs": _chanlocs(list(names))}


def _chanlocs(names: list[str]) -> np.ndarray:
    """Describe electrodes as EEGLAB does; with positions, if those of all are known."""
    columns: dict[str, Sequence[Any]] = {"labels": names}
    if set(names) <= set(BIOSEMI_64):
        right, nose, up = head_positions(names).T
        # EEGLAB looks along the nose: angles in degrees clockwise from it, the equator at 1/2.
        columns["theta"] = np.degrees(np.arctan2(right, nose))
        columns["radius"] = np.degrees(np.arccos(np.clip(up, -1, 1))) / 180
        columns |= {"X": nose, "Y": -right, "Z": up}
    rows = np.empty((1, len(names)), dtype=[(column, object) for column in columns])
    for column, values in columns.items():
        rows[column] = _row(values)
    return rows


def _row(values: Sequence[Any]) -> np.ndarray:
    row = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):  # a whole assignment would stack arrays of equal shape
        row[0, i] = value
    return row


def _write_struct(file: Path, name: str, fields: dict[str, Any]) -> None:
    from scipy.io import savemat

    with replacing(file) as temporary:
        savemat(temporary, {name: fields}, do_compression=True)
