import gzip
import struct
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import savemat

from cocktailparty.datasets.readers.arrays import (
    cells,
    mat_variables,
    number,
    read_mat,
    read_mat_struct,
    read_npy,
    read_npz,
    struct_fields,
    text,
    unwrapped,
)
from tests.cocktailparty.datasets.matfiles import save73, save_compactly
from tests.cocktailparty.datasets.miniatures import row_of_cells, struct_array


def write(file, rng, compressed=True):
    values = {"eeg": rng.normal(size=(50, 4)), "stim": {"fs": 64, "data": rng.random((3, 5))}}
    if file.suffix == ".mat":
        savemat(file, values, do_compression=compressed)
    elif file.suffix == ".npz":
        np.savez(file, eeg=values["eeg"], stim=values["stim"]["data"])
    else:
        np.save(file, values["eeg"])
    return values


def read(file):
    if file.suffix == ".npy":
        return {"eeg": read_npy(file)}
    return (read_mat if file.suffix == ".mat" else read_npz)(file, "eeg", "stim")


@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.npy"])
def test_arrays_come_back(tmp_path, rng, name):
    values = write(tmp_path / name, rng)
    np.testing.assert_array_equal(read(tmp_path / name)["eeg"], values["eeg"])


def test_archive_may_be_compressed_again(tmp_path, rng):
    values = write(tmp_path / "a.npz", rng)
    packed = tmp_path / "a.npz.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.npz").read_bytes()))
    np.testing.assert_array_equal(read_npz(packed, "eeg")["eeg"], values["eeg"])
    for damaged in (packed.read_bytes()[:-40], b"", (tmp_path / "a.npz").read_bytes()):
        packed.write_bytes(damaged)
        with pytest.raises(OSError, match=r"a\.npz\.gz cannot be read as a NumPy file"):
            read_npz(packed, "eeg")


def test_struct_comes_back_as_fields(tmp_path, rng):
    values = write(tmp_path / "a.mat", rng)
    fields = read_mat_struct(tmp_path / "a.mat", "stim", "fs")
    np.testing.assert_array_equal(fields["data"], values["stim"]["data"])
    assert fields["fs"].item() == 64


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.npy"])
@given(share=st.floats(0, 0.99))
@example(share=0.0)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_truncated_file_is_named(tmp_path, rng, name, compressed, share):
    file = tmp_path / name
    write(file, rng, compressed)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    # A MATLAB file that is cut between two variables is a whole one with fewer of them.
    with pytest.raises(
        (OSError, ValueError), match=rf"{name} (cannot be read|has no variable) .*not complete"
    ):
        read(file)


@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.npy"])
def test_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.npy"])
def test_file_of_another_kind_is_named(tmp_path, name):
    (tmp_path / name).write_text("subject,trial\n1,2\n" * 20)
    with pytest.raises(OSError, match=rf"{name} cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mat", "a.npz"])
def test_missing_variable_is_named(tmp_path, rng, name):
    write(tmp_path / name, rng)
    reader = read_mat if name.endswith("mat") else read_npz
    with pytest.raises(ValueError, match=rf"{name} has no variable \['mast'\]"):
        reader(tmp_path / name, "eeg", "mast")


def test_matlab_73_that_is_damaged_is_named(tmp_path):
    pytest.importorskip("h5py")
    # Header of such a file: text, subsystem offset, version 0x0200 and the byte order mark.
    header = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + struct.pack("<H", 0x0200) + b"IM"
    (tmp_path / "a.mat").write_bytes(header + bytes(512))
    with pytest.raises(OSError, match=r"a\.mat cannot be read .* damaged .* download it again$"):
        read_mat(tmp_path / "a.mat", "eeg")


def test_matlab_73_without_h5py_says_what_to_install(tmp_path, monkeypatch):
    save73(tmp_path / "a.mat", eeg=np.ones((3, 2)))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"a\.mat cannot be read without h5py: pip install h5py"):
        read_mat(tmp_path / "a.mat", "eeg")


def same(value, other):
    """Compare what came from two files, structs field by field."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        assert (value.shape, other.dtype) == (other.shape, object)
        for a, b in zip(value.flat, other.flat, strict=True):
            same(a, b)
    elif hasattr(value, "_fieldnames"):
        assert value._fieldnames == other._fieldnames
        for field in value._fieldnames:
            same(getattr(value, field), getattr(other, field))
    else:
        assert value.dtype == other.dtype
        np.testing.assert_array_equal(value, other)


def test_versions_of_matlab_files_read_alike(tmp_path, rng):
    values = {
        "eeg": rng.normal(size=(5, 3)),
        "single": rng.normal(size=(2, 4)).astype(np.float32),
        "counts": np.array([[1, 2, 3]], np.int16),
        "flags": np.array([[True, False]]),
        "name": "Größe",
        "empty": np.zeros((0, 3)),
        "complex": rng.normal(size=(2, 2)) + 1j,
        "trials": row_of_cells([rng.normal(size=(4, 2)), np.zeros((0, 0)), "text"]),
        "places": struct_array([{"labels": "Cz", "X": 0.5}, {"labels": "Fz", "X": 1.0}]),
        "nested": {"fs": 64.0, "inner": {"data": row_of_cells([np.ones((2, 1))])}},
    }
    savemat(tmp_path / "5.mat", values)
    save73(tmp_path / "73.mat", **values)
    assert sorted(mat_variables(tmp_path / "5.mat")) == sorted(values)
    assert sorted(mat_variables(tmp_path / "73.mat")) == sorted(values)
    old, new = (read_mat(tmp_path / name, *values) for name in ("5.mat", "73.mat"))
    assert (old["eeg"].shape, old["counts"].dtype) == ((5, 3), np.float64)
    for name in values:
        same(old[name], new[name])


def test_sparse_features_read_alike(tmp_path):
    h5py = pytest.importorskip("h5py")
    onsets = sparse.csc_array(np.diag([0.0, 2.0, 3.0])[:, :2])
    savemat(tmp_path / "5.mat", {"onsets": onsets})
    save73(tmp_path / "73.mat")
    with h5py.File(tmp_path / "73.mat", "r+") as file:
        group = file.create_group("onsets")
        group.attrs["MATLAB_sparse"] = np.uint64(3)
        group["data"], group["ir"], group["jc"] = onsets.data, onsets.indices, onsets.indptr
    for name in ("5.mat", "73.mat"):
        found = read_mat(tmp_path / name, "onsets")["onsets"]
        np.testing.assert_array_equal(found, onsets.toarray())


def test_doubles_that_are_stored_compactly_do_not_wrap_round(tmp_path):
    eeg = np.array([[30000, -30000], [20000, 5]], np.int16)
    save_compactly(tmp_path / "a.mat", eeg=eeg, trials=row_of_cells([eeg, eeg]), stim={"data": eeg})
    found = read_mat(tmp_path / "a.mat", "eeg", "trials", "stim")
    struct_data = read_mat_struct(tmp_path / "a.mat", "stim")["data"]
    for values in (found["eeg"], *found["trials"].flat, struct_data):
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values + values, 2.0 * eeg)


def test_pickled_arrays_are_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(OSError, match=r"a\.npy cannot be read"):
        read_npy(tmp_path / "a.npy")


def test_array_in_place_of_a_struct_is_refused(tmp_path, rng):
    write(tmp_path / "a.mat", rng)
    with pytest.raises(ValueError, match=r"eeg must be a struct, got an array of shape \(50, 4\)"):
        read_mat_struct(tmp_path / "a.mat", "eeg")


def test_missing_field_is_named(tmp_path, rng):
    write(tmp_path / "a.mat", rng)
    with pytest.raises(ValueError, match=r"stim has no field \['names'\], only \['data', 'fs'\]"):
        read_mat_struct(tmp_path / "a.mat", "stim", "names", "fs")


def test_numbers_in_place_of_cells_are_refused():
    with pytest.raises(ValueError, match=r"stim1 must be a cell array, got float64"):
        cells(np.zeros((1, 3)), "stim1")


def test_structs_text_and_numbers_come_out_of_nested_cells(tmp_path):
    inner = np.empty((1, 1), dtype=object)
    inner[0, 0] = {"ear": "L ", "rate": np.uint8(64), "name": ""}
    outer = np.empty((1, 2), dtype=object)
    outer[0, 0], outer[0, 1] = inner, np.ones((3, 1))
    savemat(tmp_path / "a.mat", {"trials": outer})
    trials = cells(read_mat(tmp_path / "a.mat", "trials")["trials"], "trials")
    fields = struct_fields(trials[0, 0], "trials{1}", "ear", "rate")
    assert (text(fields["ear"], "ear"), text(fields["name"], "name")) == ("L", "")
    assert number(fields["rate"], "rate") == 64
    np.testing.assert_array_equal(unwrapped(trials[0, 1]), np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"trials\{1\} has no field \['side'\], only \['ear', "):
        struct_fields(trials[0, 0], "trials{1}", "side")
    with pytest.raises(ValueError, match=r"trials\{2\} must be a struct, got an array of shape"):
        struct_fields(trials[0, 1], "trials{2}")
    with pytest.raises(ValueError, match="rate must be text, got float64"):
        text(fields["rate"], "rate")
    with pytest.raises(ValueError, match="ear must be a number, got <U"):
        number(fields["ear"], "ear")
    with pytest.raises(ValueError, match=r"must be a number, got float64 of shape \(3, 1\)"):
        number(trials[0, 1], "trials")
