"""Writing Continuous-event Neural Data (CND), the exchange format of the CNSP workshops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.datasets.readers.chanlocs import written_chanlocs
from cocktailparty.files import replacing
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials


def write_cnd(
    folder: Path | str,
    trials: Sequence[Trial],
    feature: str = "Speech Envelope Vectors",
    device: str = "",
) -> None:
    """Write single-talker trials as a CND folder, for the MATLAB toolboxes that read it.

    Subjects and stories are numbered in alphabetical order:
    `cocktailparty.datasets.corpora.cnd.load` gives back the same signals with labels such as
    "sub-01" and "stimulus-01". Electrodes get the positions of the first trial of a subject. Audio
    is not written, the format has no place for it.

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
    >>> from cocktailparty.datasets.corpora import cnd
    >>> rng = np.random.default_rng(0)
    >>> trial = Trial(rng.normal(size=(640, 2)), rng.random((1, 640)), sfreq=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_cnd(folder, [trial])
    ...     cnd.load(folder)
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
    shared = all(_same_stimuli(heard, first) for heard in subjects.values())
    for n, recorded in enumerate(subjects.values(), start=1):
        if n == 1 or not shared:
            name = "dataStim.mat" if shared else f"dataStim{n}.mat"
            _write_struct(folder / name, "stim", _stimulus_fields(recorded, stories, feature))
        _write_struct(folder / f"dataSub{n}.mat", "eeg", _recording_fields(recorded, device))


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
    names, places = trials[0].channel_names, trials[0].channel_positions
    if names is None:
        return fields
    return {**fields, "chanlocs": written_chanlocs(list(names), places)}


def _row(values: Sequence[Any]) -> np.ndarray:
    row = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):  # a whole assignment would stack arrays of equal shape
        row[0, i] = value
    return row


def _write_struct(file: Path, name: str, fields: dict[str, Any]) -> None:
    from scipy.io import savemat

    with replacing(file) as temporary:
        savemat(temporary, {name: fields}, do_compression=True)
