"""Read .mat, .npz and .npy files, with errors that name the file and what to do about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def read_mat(path: Path, *names: str) -> dict[str, Any]:
    """Read variables of a MATLAB file.

    Parameters
    ----------
    path : Path
        File of MATLAB version 4 to 7.2.
    *names : str
        Variables that must be in it.

    Returns
    -------
    variables : dict
        Values by name, at least two-dimensional as in MATLAB: a cell array is an object array, a
        struct an array of objects with attributes.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged, no MATLAB file, or of version 7.3.
    ValueError
        If a variable is missing.
    """
    from scipy.io import loadmat

    def read() -> Any:
        return loadmat(path, variable_names=names, struct_as_record=False)

    return _read(path, read, names, "MATLAB")


def read_mat_struct(path: Path, name: str, *fields: str) -> dict[str, Any]:
    """Read the fields of one struct of a MATLAB file.

    Parameters
    ----------
    path : Path
        File of MATLAB version 5 to 7.2.
    name : str
        Variable that holds the struct.
    *fields : str
        Fields that it must have.

    Returns
    -------
    fields : dict
        Values of all fields by name, as `read_mat` gives them.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged, no MATLAB file, or of version 7.3.
    ValueError
        If the variable is missing, no struct, or lacks a field.
    """
    value = read_mat(path, name)[name]
    if value.shape != (1, 1) or not hasattr(value[0, 0], "_fieldnames"):
        raise ValueError(f"{path}: {name} must be a struct, got an array of shape {value.shape}")
    found = {field: getattr(value[0, 0], field) for field in value[0, 0]._fieldnames}
    missing = [field for field in fields if field not in found]
    if missing:
        raise ValueError(f"{path}: {name} has no field {missing}, only {sorted(found)}")
    return found


def cells(value: Any, what: str) -> np.ndarray:
    """Check that a value from a MATLAB file is a cell array.

    Parameters
    ----------
    value : ndarray
        Value that `read_mat` gave.
    what : str
        File and name of the value in the message.

    Returns
    -------
    cells : ndarray of object
        The same array.

    Raises
    ------
    ValueError
        If it is an array of numbers or text.
    """
    if value.dtype != object:
        raise ValueError(
            f"{what} must be a cell array, got {value.dtype} of shape {value.shape}: "
            "is it a file of another data set?"
        )
    return np.asarray(value)


def read_npz(path: Path, *names: str) -> dict[str, Any]:
    """Read arrays of a NumPy archive.

    Parameters
    ----------
    path : Path
        File that `numpy.savez` wrote.
    *names : str
        Arrays that must be in it.

    Returns
    -------
    arrays : dict
        Arrays by name.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged or no such archive.
    ValueError
        If an array is missing.
    """

    def read() -> dict[str, Any]:
        # NumPy leaves a file open that it opened itself and found to be damaged.
        with path.open("rb") as file, np.load(file) as archive:
            return {name: archive[name] for name in names if name in archive}

    return _read(path, read, names, "NumPy")


def read_npy(path: Path) -> np.ndarray:
    """Read the array of a NumPy file.

    Parameters
    ----------
    path : Path
        File that `numpy.save` wrote.

    Returns
    -------
    array : ndarray
        What is in it.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged or no such file.
    """
    array: np.ndarray = _read(path, lambda: {"": np.load(path)}, ("",), "NumPy")[""]
    return array


def _read(
    path: Path, read: Callable[[], dict[str, Any]], names: tuple[str, ...], kind: str
) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the data set is not complete")
    try:
        found = read()
    except (MemoryError, PermissionError):
        raise
    except NotImplementedError:
        raise OSError(
            f"{path} is a MATLAB 7.3 (HDF5) file, which cannot be read here: load it in MATLAB or "
            "Octave and save it again with the option -v7"
        ) from None
    except Exception as error:
        # A damaged file can fail anywhere in its parser (zlib, struct, unicode, index errors).
        raise OSError(
            f"{path} cannot be read as a {kind} file ({type(error).__name__}: {error}): it is "
            "damaged or not complete, download it again"
        ) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(
            f"{path} has no variable {missing}: it is not complete, or a file of another data set"
        )
    return found
