"""Trials in a folder of memory-mapped arrays, for corpora that do not fit into memory."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.files import replacing
from cocktailparty.trial import Trial
from cocktailparty.validation import check_rate, same_rate

_INDEX = "store.json"
_FORMAT = "cocktailparty trial store"
_VERSION = 1
# Arrays of a trial; what was not recorded has no file.
_ARRAYS = ("eeg", "stimuli", "audio", "channel_positions")
_LABELS = (
    "sfreq", "attended", "subject", "story", "name", "channel_names", "audio_sfreq", "provenance",
    "metadata",
)  # fmt: skip


class TrialStore(Sequence[Trial]):
    """Trials that stay on the disk until their samples are asked for.

    A store is a folder with an array of NumPy for the EEG and the stimuli of each trial, in
    float32, and an index, ``store.json``. It is a sequence of trials, which every decoder takes;
    their arrays are memory-mapped, so that a corpus may be larger than the memory. A trial is
    checked each time that it is taken out, which reads it once.

    Parameters
    ----------
    folder : path-like
        Folder of the store.
    sfreq : float, optional
        Rate in hertz that is expected; None takes that of the store.

    Attributes
    ----------
    folder : Path
        As given.
    sfreq : float
        Sampling rate of all trials in hertz.
    description : dict
        What the writer said about the whole, such as the settings of a simulation.
    subjects : list of str
        Subject of each trial.
    stories : list of str
        Story of each trial.

    Raises
    ------
    FileNotFoundError
        If there is no index, as after writing was interrupted, or an array is missing.
    OSError
        If the index or an array is damaged or truncated.
    ValueError
        If the store is of another version or another rate.

    See Also
    --------
    write_trial_store : Writes one.
    simulate_corpus : Simulates one.

    Examples
    --------
    >>> import tempfile
    >>> from cocktailparty.datasets import simulate_two_talkers, write_trial_store
    >>> trials = simulate_two_talkers(n_trials=2, duration=4, n_channels=2, random_state=0).trials
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = write_trial_store(trials, folder, {"about": "two short trials"})
    ...     print(len(store), store.sfreq, type(store[0].eeg).__name__, store[0].eeg.dtype)
    2 64.0 memmap float32
    """

    def __init__(self, folder: Path | str, sfreq: float | None = None) -> None:
        self.folder = Path(folder)
        index = _read_index(self.folder / _INDEX)
        self.sfreq = float(index["sfreq"])
        self.description: dict[str, Any] = index["description"]
        self._entries: list[dict[str, Any]] = index["trials"]
        self.subjects = [str(entry["subject"]) for entry in self._entries]
        self.stories = [str(entry["story"]) for entry in self._entries]
        if sfreq is not None:
            check_rate(sfreq, "sfreq")
            if not same_rate(self.sfreq, sfreq):
                raise ValueError(
                    f"{self.folder} holds trials at {self.sfreq:g} Hz, expected sfreq={sfreq:g}: "
                    "resample them by cocktailparty.preprocessing.preprocess"
                )
        for entry in self._entries:
            for part in (entry, *entry["streams"].values()):
                for name, size in part["bytes"].items():
                    _check_size(self.folder / name, size)

    def __len__(self) -> int:
        """Count the trials."""
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...

    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        """Take out a trial, or a list of some."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._trial(self._entries[index])

    def _trial(self, entry: dict[str, Any]) -> Trial:
        arrays: dict[str, Any] = {
            what: np.load(self.folder / name, mmap_mode="r") if name else None
            for what, name in entry["arrays"].items()
        }
        labels: dict[str, Any] = {name: entry[name] for name in _LABELS}
        streams = {name: self._trial(stream) for name, stream in entry["streams"].items()}
        return Trial(**arrays, **labels, streams=streams)

    def __repr__(self) -> str:
        return (
            f"TrialStore({str(self.folder)!r}, {len(self)} trials of {len(set(self.subjects))} "
            f"subject(s) at {self.sfreq:g} Hz)"
        )


def write_trial_store(
    trials: Iterable[Trial], folder: Path | str, description: dict[str, Any] | None = None
) -> TrialStore:
    """Write trials into a folder, one at a time.

    The trials may come from a generator: no more than one is in memory. Samples are stored in
    float32, EEG in the unit in which it comes. The index is written last, so that an interrupted
    writing is never taken for a whole store.

    Parameters
    ----------
    trials : iterable of Trial
        Trials of one rate and the same channels.
    folder : path-like
        New or empty folder.
    description : dict, optional
        What to say about the whole, in values that JSON can hold.

    Returns
    -------
    store : TrialStore
        The trials, memory-mapped.

    Raises
    ------
    FileExistsError
        If the folder holds something.
    TypeError
        If something is not a Trial.
    ValueError
        If there is no trial, or a trial differs from the first in rate, channels or features.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something already: name a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    first: Trial | None = None
    for i, trial in enumerate(trials):
        if not isinstance(trial, Trial):
            raise TypeError(f"trials[{i}] is a {type(trial).__name__}, expected a Trial")
        first = first or trial
        _check_like(trial, first, i)
        entries.append(_written(trial, folder, f"{i:06d}"))
    if first is None:
        raise ValueError("no trials were given")
    index = {
        "format": _FORMAT,
        "version": _VERSION,
        "sfreq": first.sfreq,
        "description": description or {},
        "trials": entries,
    }
    with replacing(folder / _INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
    return TrialStore(folder)


def load(path: Path | str) -> list[Trial]:
    """List the trials of a store, whose arrays stay on the disk.

    Parameters
    ----------
    path : path-like
        Folder of the store.

    Returns
    -------
    trials : list of Trial
        All of them.

    Raises
    ------
    OSError
        If a file is missing, damaged or truncated.
    ValueError
        If the store is of another version.
    """
    return list(TrialStore(path))


CORPUS = Corpus(
    key="store",
    title="Trial store",
    description="Trials of any origin on the disk, such as simulated ones",
    layout=f"{_INDEX} and NumPy arrays",
    obtain="cocktailparty.datasets.simulate_corpus or write_trial_store writes it",
    reference="",
    detect=lambda path: (path / _INDEX).exists(),
    load=load,
    default_cv="story",
)


def _read_index(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: the folder is no trial store, or its writing was interrupted"
        )
    try:
        index: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OSError(f"{path} is damaged ({error}): write the store again") from None
    if not isinstance(index, dict) or index.get("format") != _FORMAT:
        raise ValueError(f"{path} is not the index of a trial store")
    if index.get("version") != _VERSION:
        raise ValueError(
            f"{path} is of version {index.get('version')!r} of the format, this library reads "
            f"version {_VERSION}: write the store again, or use the library that wrote it"
        )
    return index


def _check_size(path: Path, expected: int) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: write the store again")
    size = path.stat().st_size
    if size != expected:
        raise OSError(
            f"{path} has {size} bytes, expected {expected}: it is truncated or damaged, write the "
            "store again"
        )


def _check_like(trial: Trial, first: Trial, i: int) -> None:
    for quantity in ("sfreq", "n_channels", "n_features", "channel_names"):
        came, expected = getattr(trial, quantity), getattr(first, quantity)
        if came != expected:
            raise ValueError(
                f"trials[{i}] has {quantity}={came!r} but trials[0] has {expected!r}: the trials "
                "of a store must agree"
            )


def _written(trial: Trial, folder: Path, stem: str) -> dict[str, Any]:
    """Write the arrays of a trial and of its streams; what the index says of them."""
    names: dict[str, str | None] = {}
    sizes = {}
    for what in _ARRAYS:
        array = getattr(trial, what)
        names[what] = None if array is None else f"{stem}.{what}.npy"
        if array is not None:
            path = folder / f"{stem}.{what}.npy"
            # Without an index, which comes last, half an array is part of no store.
            np.save(path, to_numpy(array, what).astype(np.float32, copy=False))
            sizes[path.name] = path.stat().st_size
    streams = {
        name: _written(stream, folder, f"{stem}.{k}")
        for k, (name, stream) in enumerate(trial.streams.items())
    }
    labels = {name: getattr(trial, name) for name in _LABELS}
    return {**labels, "arrays": names, "bytes": sizes, "streams": streams}
