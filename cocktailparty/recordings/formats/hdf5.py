"""HDF5 files opened with errors that name the file and the remedy."""

from pathlib import Path
from typing import Any


def open_hdf5(path: Path) -> Any:
    """Open an HDF5 file for reading, in a `with` statement.

    Raises an ImportError if h5py is not installed, a FileNotFoundError if the file does not exist,
    an OSError if it is damaged or not an HDF5 file.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{path} cannot be read without h5py: pip install h5py") from error
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the data set is not complete")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise OSError(
            f"{path} cannot be read as an HDF5 file ({error}): it is damaged or not complete, "
            "download it again"
        ) from error
