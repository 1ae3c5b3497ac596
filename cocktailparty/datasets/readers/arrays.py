"""Readers of .mat, .npz and .npy files, with errors that name the file and the remedy."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.third_party_warnings import shown_once


def read_mat(path: Path, *names: str) -> dict[str, Any]:
    """Read variables of a MATLAB file.

    Parameters
    ----------
    path : Path
        File of MATLAB version 4 to 7.3; the last one is HDF5 and takes h5py.
    *names : str
        Variables that must be in it.

    Returns
    -------
    variables : dict
        Values by name, at least two-dimensional as in MATLAB: a cell array is an object array, a
        struct an array of objects with attributes. Integers are float64: MATLAB stores doubles
        in as few bytes as they fit into, and its integers saturate where NumPy's wrap round.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ImportError
        If it is of version 7.3 and h5py is not installed.
    OSError
        If the file is damaged or no MATLAB file.
    ValueError
        If a variable is missing.
    """
    from scipy.io import loadmat

    from cocktailparty.recordings.formats.matlab73 import read_mat73

    def read() -> Any:
        if _is_hdf5(path):
            return {name: _floats(value) for name, value in read_mat73(path, names).items()}
        # SciPy announces another class of sparse arrays; both are made dense here.
        with shown_once(["The default value for `spmatrix`"]):
            variables = loadmat(path, variable_names=names, struct_as_record=False)
        return {name: _floats(variables[name]) for name in names if name in variables}

    return _read(path, read, names, "MATLAB")


def mat_variables(path: Path) -> list[str]:
    """List the variables of a MATLAB file that `read_mat` can read; raises the same errors."""
    from scipy.io import whosmat

    from cocktailparty.recordings.formats.matlab73 import variables73

    def read() -> dict[str, Any]:
        variables = variables73(path) if _is_hdf5(path) else [entry[0] for entry in whosmat(path)]
        return {"": variables}

    names: list[str] = _read(path, read, ("",), "MATLAB")[""]
    return names


def read_mat_struct(path: Path, name: str, *fields: str) -> dict[str, Any]:
    """Read the fields of one struct of a MATLAB file.

    Parameters
    ----------
    path : Path
        File of MATLAB version 5 to 7.3.
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
        If the file is damaged or no MATLAB file.
    ValueError
        If the variable is missing, no struct, or lacks a field.
    """
    return struct_fields(read_mat(path, name)[name], f"{path}: {name}", *fields)


def struct_fields(value: Any, what: str, *fields: str) -> dict[str, Any]:
    """Take apart a struct that `read_mat` gave, alone or as the content of a cell.

    Returns the values of all fields by name, as `read_mat` gives them. Raises a ValueError that
    names `what`, file and name of the value, if it is not a struct or lacks one of `fields`.
    """
    value = unwrapped(value)
    if value.shape != (1, 1) or not hasattr(value[0, 0], "_fieldnames"):
        raise ValueError(f"{what} must be a struct, got an array of shape {value.shape}")
    values = {field: getattr(value[0, 0], field) for field in value[0, 0]._fieldnames}
    missing = [field for field in fields if field not in values]
    if missing:
        raise ValueError(f"{what} has no field {missing}, only {sorted(values)}")
    return values


def unwrapped(value: Any) -> np.ndarray:
    """Take a value of `read_mat` out of the cells of one element that are wrapped around it."""
    value = np.asarray(value)
    while value.dtype == object and value.size == 1 and isinstance(value.flat[0], np.ndarray):
        value = value.flat[0]
    return value


def text(value: Any, what: str) -> str:
    """Take a value of `read_mat` as text, without white space at its ends.

    Raises a ValueError that names `what`, file and name of the value, if it is not text.
    """
    value = unwrapped(value)
    if value.dtype.kind != "U":
        raise ValueError(f"{what} must be text, got {value.dtype} of shape {value.shape}")
    return "".join(value.ravel()).strip()


def number(value: Any, what: str) -> float:
    """Take a value of `read_mat` as a float.

    Raises a ValueError that names `what`, file and name of the value, if it is not exactly one
    number.
    """
    value = unwrapped(value)
    if value.dtype.kind not in "biuf" or value.size != 1:
        raise ValueError(f"{what} must be a number, got {value.dtype} of shape {value.shape}")
    return float(value.item())


def cells(value: Any, what: str) -> np.ndarray:
    """Check that a value of `read_mat` is a cell array, and return it.

    Raises a ValueError that names `what`, file and name of the value, if it is of numbers or text.
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
        File that `numpy.savez` wrote, or the same compressed by gzip, with a name that ends in
        ``.gz``.
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
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file, np.load(file) as archive:
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

    def read() -> dict[str, Any]:
        loaded = np.load(path)
        if not isinstance(loaded, np.ndarray):
            loaded.close()
            raise ValueError("it is an archive of arrays (.npz), expected one array (.npy)")
        return {"": loaded}

    array: np.ndarray = _read(path, read, ("",), "NumPy")[""]
    return array


def _is_hdf5(path: Path) -> bool:
    from scipy.io.matlab import matfile_version

    return bool(matfile_version(path)[0] == 2)


def _floats(value: Any) -> Any:
    """Turn the integers in a value from a MATLAB file into float64, in cells and structs, too."""
    from scipy import sparse

    if sparse.issparse(value):
        matrix: Any = value
        value = matrix.toarray()
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind in "iu":
        return value.astype(np.float64)
    if value.dtype == object:
        for index in np.ndindex(value.shape):
            item = value[index]
            for field in getattr(item, "_fieldnames", ()):
                setattr(item, field, _floats(getattr(item, field)))
            value[index] = _floats(item)
    return value


def _read(
    path: Path, read: Callable[[], dict[str, Any]], names: tuple[str, ...], kind: str
) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the data set is not complete")
    try:
        variables = read()
    except (ImportError, MemoryError, PermissionError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and str(path) in str(error):  # says it all already
            raise
        # A damaged file can fail anywhere in its parser (zlib, struct, unicode, index errors).
        raise OSError(
            f"{path} cannot be read as a {kind} file ({type(error).__name__}: {error}): it is "
            "damaged or not complete, download it again"
        ) from error
    missing = [name for name in names if name not in variables]
    if missing:
        raise ValueError(
            f"{path} has no variable {missing}: it is not complete, or a file of another data set"
        )
    return variables
