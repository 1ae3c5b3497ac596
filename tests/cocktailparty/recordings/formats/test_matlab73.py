import numpy as np
import pytest

from cocktailparty.recordings.formats.matlab73 import read_mat73, variables73

h5py = pytest.importorskip("h5py")


def stored(group, name, value, kind, **attributes):
    """Write as MATLAB does: axes reversed, the class as an attribute."""
    made = group.create_dataset(name, data=value)
    made.attrs["MATLAB_class"] = np.bytes_(kind)
    for key, attribute in attributes.items():
        made.attrs[key] = attribute
    return made


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        stored(file, "matrix", np.arange(6.0).reshape(3, 2), "double")
        stored(file, "text", np.array([[ord(c)] for c in "Fp1"], dtype="u2"), "char")
        stored(file, "none", np.array([0, 4], dtype="u8"), "double", MATLAB_empty=np.uint8(1))
        waves = np.zeros((1, 1), dtype=[("real", "f8"), ("imag", "f8")])
        waves["real"], waves["imag"] = 1, -2
        stored(file, "complex", waves, "double")
        kept = file.create_group("#refs#")
        first = stored(kept, "a", [[1.0]], "double")
        second = stored(kept, "b", [[2.0], [3.0]], "double")
        cells = np.array([[first.ref], [second.ref]], dtype=h5py.ref_dtype)
        stored(file, "cells", cells, "cell")
        struct = file.create_group("struct")
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        stored(struct, "rate", [[64.0]], "double")
        # Columns of [[0, 5], [7, 0]]: 7 in row 1 of the first, 5 in row 0 of the second.
        sparse = file.create_group("sparse")
        sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), 2
        for name, value in {"data": [7.0, 5.0], "ir": [1, 0], "jc": [0, 1, 2]}.items():
            sparse[name] = value
    return tmp_path / "a.mat"


def test_values_come_in_the_order_of_matlab(path):
    found = read_mat73(path, ("matrix", "text", "none", "complex", "sparse", "absent"))
    assert sorted(found) == ["complex", "matrix", "none", "sparse", "text"]
    np.testing.assert_array_equal(found["matrix"], [[0, 2, 4], [1, 3, 5]])
    assert found["text"].tolist() == ["Fp1"]
    assert found["none"].shape == (0, 4)
    assert found["complex"] == 1 - 2j
    np.testing.assert_array_equal(found["sparse"], [[0, 5], [7, 0]])


def test_cells_and_structs_hold_values(path):
    found = read_mat73(path, ("cells", "struct"))
    assert found["cells"].shape == (1, 2)
    assert [cell.tolist() for cell in found["cells"][0]] == [[[1.0]], [[2.0, 3.0]]]
    assert found["struct"][0, 0].rate == 64
    assert found["struct"][0, 0]._fieldnames == ["rate"]


def test_variables_are_listed_without_what_is_matlabs_own(path):
    expected = ["cells", "complex", "matrix", "none", "sparse", "struct", "text"]
    assert variables73(path) == expected
