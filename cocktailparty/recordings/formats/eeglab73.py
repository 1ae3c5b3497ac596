"""EEGLAB files of MATLAB 7.3, which are HDF5 files and not those of older versions."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import mne

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# MATLAB puts it behind 512 bytes of its own.
_PLACES = (512, 0)
_MICROVOLT = 1e-6
# What EEGLAB leaves empty and a reader looks for.
_EMPTY = ("chanlocs", "event", "urevent")


def is_eeglab73(path: Path) -> bool:
    """Say whether a file is an EEGLAB recording in MATLAB 7.3: an HDF5 file named .set."""
    if path.suffix.lower() != ".set" or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(max(_PLACES) + len(_SIGNATURE))
    return any(start.startswith(_SIGNATURE, place) for place in _PLACES)


def read_eeglab73(path: Path, **arguments: Any) -> "mne.io.BaseRaw":
    """Read an EEGLAB recording in MATLAB 7.3 into memory by h5py.

    Everything except the samples, which may lie in a file .fdt beside it, is handed to MNE-Python
    in the form of older versions, so that channels, positions and events are what they are in all
    other files. Takes the arguments of `mne.io.read_raw_eeglab`. Raises an ImportError if h5py is
    not installed, a FileNotFoundError if there is no file with the samples, an OSError if the file
    is damaged, and a ValueError if the samples are not those of a continuous recording.
    """
    import mne
    from scipy.io import savemat

    from cocktailparty.recordings.formats.matlab73 import read_mat73, variables73

    content = read_mat73(path, tuple(variables73(path)))
    if "EEG" in content:
        (struct,) = content["EEG"].ravel()
        content = {name: getattr(struct, name) for name in struct._fieldnames}
    if "data" not in content:
        raise ValueError(f"holds no data, only {sorted(content)}")
    data = _samples(path, content)
    header = {name: _older(value) for name, value in content.items() if name != "data"}
    for name in _EMPTY:
        header.setdefault(name, np.zeros((0, 0)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "header.set"
        file.with_suffix(".fdt").touch()  # named, but not read
        savemat(file, {"EEG": {**header, "data": "header.fdt"}}, long_field_names=True)
        shell = mne.io.read_raw_eeglab(file, **{**arguments, "preload": False})
    raw = mne.io.RawArray(_MICROVOLT * data.astype(float), shell.info, verbose="WARNING")
    raw.set_annotations(shell.annotations, verbose="WARNING")
    raw.filenames = [path]
    return raw


def _samples(path: Path, content: dict[str, Any]) -> np.ndarray:
    """Find the samples, of shape (n_channels, n_times)."""
    shape = (_number(content, "nbchan"), _number(content, "pnts"))
    if (trials := _number(content, "trials", 1)) > 1:
        raise ValueError(
            f"The number of trials is {trials}: please use mne.io.read_epochs_eeglab and "
            "trials_from_epochs, if the file contains epochs"
        )
    stored = content["data"]
    if stored.dtype.kind in "US":
        named = "".join(stored.ravel())
        # Files are renamed together more often than MATLAB is told of it.
        file = next(
            (f for f in (path.parent / named, path.with_suffix(".fdt")) if f.exists()), None
        )
        if file is None:
            raise FileNotFoundError(f"{path.parent / named} is missing, which holds the samples")
        stored = np.fromfile(file, "<f4")
        if stored.size != shape[0] * shape[1]:
            raise ValueError(f"{file} holds {stored.size} numbers for {shape} channels and times")
        stored = stored.reshape(shape, order="F")
    if stored.shape != shape or stored.dtype.kind not in "iuf":
        raise ValueError(f"data of shape {stored.shape} for {shape} channels and times")
    samples: np.ndarray = stored
    return samples


def _number(content: dict[str, Any], name: str, default: int | None = None) -> int:
    value = np.asarray(content.get(name, [] if default is None else default)).ravel()
    if value.size != 1:
        raise ValueError(f"{name} of an EEGLAB recording is missing")
    return int(value[0])


def _older(value: Any) -> Any:
    """Turn arrays of structs, as `read_mat73` gives them, into what SciPy writes as such."""
    from scipy.io.matlab import mat_struct

    if not isinstance(value, np.ndarray) or value.dtype != object:
        return value
    if not value.size or not all(isinstance(item, mat_struct) for item in value.flat):
        cells = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            cells[index] = _older(value[index])
        return cells
    names = value.flat[0]._fieldnames
    if not names:
        return np.zeros((0, 0))
    structs = np.empty(value.shape, dtype=[(name, object) for name in names])
    for index in np.ndindex(value.shape):
        for name in names:
            structs[index][name] = _older(getattr(value[index], name))
    return structs
