"""Reading Continuous-event Neural Data (CND), the exchange format of the CNSP workshops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import (
    cells,
    mat_variables,
    number,
    read_mat_struct,
    text,
)
from cocktailparty.datasets.readers.chanlocs import read_chanlocs
from cocktailparty.features import resample
from cocktailparty.trial import Trial
from cocktailparty.validation import check_finite, check_time_first, float_array, same_rate

_SUBJECT_FILE = re.compile(r"(pre_)?dataSub(\d+)\.mat")
# Names that the variable with the recording has, depending on what was recorded.
_RECORDINGS = ("eeg", "neural", "meg", "ecog", "ieeg", "seeg", "lfp", "fnirs")


def load(
    path: Path | str,
    feature: str | int | Sequence[str | int] = 0,
    *,
    preprocessed: bool | None = None,
) -> list[Trial]:
    """Load single-talker trials of all subjects from a CND folder.

    Parameters
    ----------
    path : path-like
        Folder with ``dataSub{n}.mat`` or ``pre_dataSub{n}.mat`` (the recording, in a variable
        `eeg`, `neural`, `meg` or of a similar name) and `dataStim.mat`, or ``dataStim{n}.mat`` for
        a subject who heard other stimuli, or, where there are none of these, their ``pre_`` files;
        or the folder that holds such a one as `dataCND`. Numbers may start with zeros, and the
        files be of any MATLAB version; 7.3 takes h5py.
    feature : str, int or sequence of them
        Stimulus feature, by name or by position counting from 0; several are joined, in the given
        order.
    preprocessed : bool, optional
        True for the ``pre_`` files that the workshop's scripts save after filtering, False for
        the others, None for what there is: where a folder has both, the others.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and order of presentation. Padding before the stimulus is dropped. Where
        EEG and stimuli differ in rate, the faster is resampled (against aliasing) to the rate of
        the slower. Both are cut to the shorter of the two. The story is the stimulus, so that its
        repetitions stay together. The EEG is in the unit of the file, which the format does not
        state; electrodes are where `chanlocs` has them. Trials without EEG (rejected ones) are
        left out.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ImportError
        If a file is of MATLAB version 7.3 and h5py is not installed.
    OSError
        If a file is damaged.
    ValueError
        If a feature is unknown, EEG and stimuli differ in number, two files are of one subject, or
        values are unfit for a trial.

    References
    ----------
    Di Liberto, G. M., et al. (2024). A standardised open science framework for sharing and
    re-analysing neural data acquired to continuous stimuli. arXiv.
    https://doi.org/10.48550/arXiv.2309.07671
    """
    path = _data_folder(Path(path))
    stimuli: dict[Path, _Stimuli] = {}
    trials: list[Trial] = []
    for n, file in _subject_files(path, preprocessed):
        stimuli_file = _stimuli_file(path, n, file.name.startswith("pre_"))
        if stimuli_file not in stimuli:
            stimuli[stimuli_file] = _load_stimuli(stimuli_file, feature)
        trials += _load_subject(file, f"sub-{n:02d}", stimuli[stimuli_file])
    return trials


def _detect(path: Path) -> bool:
    return any(_SUBJECT_FILE.fullmatch(file.name) for file in _data_folder(path).iterdir())


def _data_folder(path: Path) -> Path:
    """Find the folder of the files: this one, or the one in it that the format has for them."""
    inner = path / "dataCND"
    has_subjects = path.is_dir() and any(
        _SUBJECT_FILE.fullmatch(file.name) for file in path.iterdir()
    )
    return inner if not has_subjects and inner.is_dir() else path


def _stimuli_file(path: Path, n: int, preprocessed: bool) -> Path:
    """Find the stimuli of a subject: its own or those of all, of its kind or as they were."""
    raw = [_numbered(path, "dataStim", n), path / "dataStim.mat"]
    ready = [_numbered(path, "pre_dataStim", n), path / "pre_dataStim.mat"]
    # Stimuli may have been saved once only, before or after what was done to the recordings.
    existing = [file for file in (*raw, *ready) if file is not None and file.is_file()]
    return existing[0] if existing else path / f"{'pre_' * preprocessed}dataStim.mat"


CORPUS = Corpus(
    key="cnd",
    title="CND (Continuous-event Neural Data)",
    description=(
        "Any single-talker set in the format of the CNSP workshops: EEG of each subject and one "
        "or more features of the stimuli, trial by trial"
    ),
    layout=(
        "dataSub1.mat, dataSub2.mat, ... (or pre_dataSub1.mat, ...) and dataStim.mat or "
        "pre_dataStim.mat, or one dataStim{n}.mat a subject, also in a folder dataCND (MATLAB 7.3 "
        "takes h5py)"
    ),
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
    """The wanted features of the stimuli of a file, and the number of each, trial by trial."""

    file: Path
    sfreq: float
    values: list[np.ndarray]
    numbers: np.ndarray
    features: list[str]


def _subject_files(path: Path, preprocessed: bool | None) -> list[tuple[int, Path]]:
    """Choose the file of each subject."""
    files: dict[bool, dict[int, Path]] = {False: {}, True: {}}
    for file in sorted(path.iterdir()):
        if match := _SUBJECT_FILE.fullmatch(file.name):
            of_kind, n = files[bool(match[1])], int(match[2])
            if n in of_kind:
                raise ValueError(f"{of_kind[n]} and {file} are of one subject: remove one of them")
            of_kind[n] = file
    chosen = {**files[True], **files[False]} if preprocessed is None else files[preprocessed]
    if not chosen:
        name = "dataSub{n}.mat, such as dataSub1.mat"
        raise FileNotFoundError(f"{path} has no file {'pre_' if preprocessed else ''}{name}")
    return sorted(chosen.items())


def _numbered(path: Path, start: str, n: int) -> Path | None:
    """Find the file of a number, which may start with zeros."""
    pattern = re.compile(rf"{start}0*{n}\.mat")
    return next((f for f in sorted(path.iterdir()) if pattern.fullmatch(f.name)), None)


def _load_stimuli(file: Path, feature: str | int | Sequence[str | int]) -> _Stimuli:
    fields = read_mat_struct(file, "stim", "names", "data", "fs")
    data = cells(fields["data"], f"{file}: stim.data")
    names = [text(name, f"{file}: stim.names") for name in fields["names"].ravel()]
    wanted = [feature] if isinstance(feature, str | int | np.integer) else list(feature)
    if not wanted:
        raise ValueError(f"feature must name at least one of {names}, got {feature!r}")
    for one in wanted:
        if one not in names and one not in range(len(data)):
            raise ValueError(
                f"feature must be one of {names} or a position from 0 to {len(data) - 1}, "
                f"got {one!r}"
            )
    rows = [names.index(one) if isinstance(one, str) else int(one) for one in wanted]
    numbers = np.ravel(fields.get("stimIdxs", ()))
    if not len(numbers):
        numbers = np.arange(1, data.shape[1] + 1)
    rates = np.ravel(fields["fs"])
    if rates.size == len(data) > 1:  # one for each feature
        rates = np.unique(rates[rows])
    what = f"{file}: stim.fs"
    joined = [_joined(list(data[rows, t]), f"{file}, trial {t + 1}") for t in range(data.shape[1])]
    features = [names[row] if row < len(names) else f"feature {row}" for row in rows]
    return _Stimuli(file, number(rates, what), joined, numbers, features)


def _joined(features: Sequence[np.ndarray], what: str) -> np.ndarray:
    """Lay features of one stimulus side by side."""
    lengths = [len(feature) for feature in features]
    if len(set(lengths)) > 1:
        raise ValueError(f"{what}: the features have {lengths} samples, expected the same of all")
    joined = np.concatenate(features, axis=1)
    check_time_first(joined.shape, what)
    return joined


def _load_subject(file: Path, subject: str, stimuli: _Stimuli) -> list[Trial]:
    variable = _recording_variable(file)
    fields = read_mat_struct(file, variable, "data", "fs")
    eegs = cells(fields["data"], f"{file}: {variable}.data").ravel()
    sfreq = number(fields["fs"], f"{file}: {variable}.fs")
    positions = np.ravel(fields.get("origTrialPosition", ()))
    padding = np.ravel(fields.get("paddingStartSample", ())).astype(int)
    if padding.size < 2:
        padding = np.repeat(padding if padding.size else 0, len(eegs))
    for what, n in {
        f"{stimuli.file}: stim.data": len(stimuli.values),
        f"{stimuli.file}: stim.stimIdxs": len(stimuli.numbers),
        f"{file}: {variable}.origTrialPosition": len(positions) or len(eegs),
        f"{file}: {variable}.paddingStartSample": len(padding),
    }.items():
        if n != len(eegs):
            raise ValueError(f"{what} has {n} entries but {file} has {len(eegs)} trials")
    names, places = read_chanlocs(fields.get("chanlocs"), f"{file}: {variable}.chanlocs")
    provenance = {
        "eeg_file": file.name,
        "eeg_sfreq": sfreq,
        "features": f"{', '.join(stimuli.features)} of the data set",
        **({} if places is None else {"positions": f"chanlocs of {file.name}"}),
    }
    # The format sorts the EEG of every subject into the order of the stimuli: cell t of the EEG
    # belongs to column t of the stimuli, whatever origTrialPosition says. That field tells when
    # trial t was presented, counting from 1, and serves to bring the trials back into this order.
    order = np.argsort(positions, kind="stable") if len(positions) else np.arange(len(eegs))
    trials = []
    for t in order:
        if not eegs[t].size:
            continue
        check_time_first(eegs[t].shape, f"{file}, trial {t + 1}: {variable}.data")
        eeg, stimulus, rate = eegs[t][padding[t] :], stimuli.values[t], stimuli.sfreq
        if not same_rate(sfreq, rate):
            rate = min(sfreq, rate)
            eeg = _resampled(eeg, sfreq, rate, f"{file}, trial {t + 1}: the recording")
            what = f"{stimuli.file}, trial {t + 1}: the stimulus"
            stimulus = _resampled(stimulus, stimuli.sfreq, rate, what)
        n_times = min(len(eeg), len(stimulus))
        trials.append(
            Trial(
                eeg[:n_times],
                stimulus[None, :n_times],
                sfreq=rate,
                attended=0,
                subject=subject,
                story=f"stimulus-{int(stimuli.numbers[t]):02d}",
                name=f"{file.stem} trial {t + 1}",
                channel_names=names,
                channel_positions=places,
                provenance=provenance,
            )
        )
    return trials


def _recording_variable(file: Path) -> str:
    """Find the variable with the recording."""
    variables = mat_variables(file)
    present = [name for name in _RECORDINGS if name in variables]
    if len(present) > 1:
        raise ValueError(f"{file} holds {present}, expected one recording: remove the others")
    return present[0] if present else _RECORDINGS[0]


def _resampled(x: Any, before: float, after: float, what: str) -> Any:
    if same_rate(before, after):
        return x
    x = float_array(x, what)
    check_finite(x, what)
    # Resampling takes the signal as zero beyond its ends: an offset, such as that of an amplifier
    # without a high-pass, would become a step there.
    offset = x.mean(axis=0, keepdims=True)
    return resample(x - offset, before, after) + offset
