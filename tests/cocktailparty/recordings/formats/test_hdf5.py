import sys

import numpy as np
import pytest

from cocktailparty.recordings.formats.hdf5 import open_hdf5
from tests.cocktailparty.datasets.miniatures import truncate

h5py = pytest.importorskip("h5py")


def write(file):
    with h5py.File(file, "w") as content:
        content["a/b"] = np.arange(1000)


def test_file_is_opened_for_reading(tmp_path):
    write(tmp_path / "x.h5")
    with open_hdf5(tmp_path / "x.h5") as content:
        np.testing.assert_array_equal(content["a"]["b"], np.arange(1000))
        with pytest.raises(ValueError, match="no write intent"):
            content["c"] = 1


def test_errors_name_the_file(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"x\.h5 is missing"):
        open_hdf5(tmp_path / "x.h5")
    write(tmp_path / "x.h5")
    truncate(tmp_path / "x.h5")
    with pytest.raises(OSError, match=r"x\.h5 cannot be read as an HDF5 file .* download it again"):
        open_hdf5(tmp_path / "x.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"x\.h5 cannot be read without h5py: pip install h5py"):
        open_hdf5(tmp_path / "x.h5")
