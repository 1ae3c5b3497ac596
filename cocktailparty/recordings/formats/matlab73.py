"""Values of MATLAB 7.3 files, which are HDF5 files of MATLAB's own layout."""

from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.recordings.formats.hdf5 import open_hdf5

# Groups of MATLAB's own beside the variables.
_INTERNAL = ("#refs#", "#subsystem#")


def read_mat73(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Read variables of a MATLAB 7.3 file, in the form in which SciPy gives those of older files.

    Those of `names` that exist are read, in MATLAB's order of axes: a cell array is an object
    array, a struct an array of `scipy.io.matlab.mat_struct`, text an array of rows. Raises an
    ImportError if h5py is not installed, an OSError if the file is damaged.
    """
    with open_hdf5(path) as file:
        return {name: _value(file, file[name]) for name in names if name in file}


def variables73(path: Path) -> list[str]:
    """List the variables of a MATLAB 7.3 file in alphabetical order.

    Raises an ImportError if h5py is not installed, an OSError if the file is damaged.
    """
    with open_hdf5(path) as file:
        return [name for name in file if name not in _INTERNAL]


def _value(file: Any, node: Any) -> Any:
    import h5py

    if isinstance(node, h5py.Group):
        return _sparse(node) if "MATLAB_sparse" in node.attrs else _structs(file, node)
    kind = _text(node.attrs.get("MATLAB_class", b""))
    if node.attrs.get("MATLAB_empty", 0):
        # What is stored of an empty array is its shape.
        shape = tuple(int(n) for n in node[()].ravel())
        return np.zeros(shape, {"cell": object, "struct": object, "char": "U1"}.get(kind, float))
    stored = node[()].T
    if kind == "char":
        return _rows(stored)
    if kind == "cell":
        return _references(file, stored)
    if stored.dtype.names == ("real", "imag"):
        return stored["real"] + 1j * stored["imag"]
    return stored


def _structs(file: Any, group: Any) -> np.ndarray:
    import h5py

    fields = _fields(group)
    # The fields of an array of structs are references without a class, one for each element.
    arrays = {
        name: group[name][()].T
        for name in fields
        if isinstance(group[name], h5py.Dataset)
        and h5py.check_ref_dtype(group[name].dtype) is not None
        and "MATLAB_class" not in group[name].attrs
    }
    if not arrays:
        return _struct({name: _value(file, group[name]) for name in fields})
    shape = next(iter(arrays.values())).shape
    structs = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        content = {name: _value(file, file[array[index]]) for name, array in arrays.items()}
        structs[index] = _struct(content)[0, 0]
    return structs


def _fields(group: Any) -> list[str]:
    order = group.attrs.get("MATLAB_fields")
    if order is None:
        return list(group)
    return [b"".join(np.atleast_1d(name).astype("S1")).decode() for name in order]


def _struct(fields: dict[str, Any]) -> np.ndarray:
    from scipy.io.matlab import mat_struct

    made: Any = mat_struct()
    made._fieldnames = list(fields)
    for name, value in fields.items():
        setattr(made, name, value)
    struct = np.empty((1, 1), dtype=object)
    struct[0, 0] = made
    return struct


def _references(file: Any, references: np.ndarray) -> np.ndarray:
    cells = np.empty(references.shape, dtype=object)
    for index in np.ndindex(references.shape):
        cells[index] = _value(file, file[references[index]])
    return cells


def _rows(codes: np.ndarray) -> np.ndarray:
    rows = codes.reshape(len(codes), -1).astype("<u2")
    return np.array([row.tobytes().decode("utf-16-le", "replace") for row in rows])


def _sparse(group: Any) -> np.ndarray:
    from scipy import sparse

    n_rows, starts = int(group.attrs["MATLAB_sparse"]), group["jc"][()]
    shape = (n_rows, len(starts) - 1)
    if "data" not in group:  # nothing but zeros
        return np.zeros(shape)
    return sparse.csc_array((group["data"][()], group["ir"][()], starts), shape).toarray()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
