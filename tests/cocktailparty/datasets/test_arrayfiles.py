import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from cocktailparty.datasets.arrayfiles import (
    cells,
    number,
    read_mat,
    read_mat_struct,
    read_npy,
    read_npz,
    struct_fields,
    text,
    unwrapped,
)


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


def test_matlab_73_is_told_apart(tmp_path):
    # Header of such a file: text, subsystem offset, version 0x0200 and the byte order mark.
    header = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + struct.pack("<H", 0x0200) + b"IM"
    (tmp_path / "a.mat").write_bytes(header + bytes(512))
    with pytest.raises(OSError, match=r"a\.mat is a MATLAB 7\.3 .* -v7"):
        read_mat(tmp_path / "a.mat", "eeg")


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
    with pytest.raises(ValueError, match="rate must be text, got uint8"):
        text(fields["rate"], "rate")
    with pytest.raises(ValueError, match="ear must be a number, got <U"):
        number(fields["ear"], "ear")
    with pytest.raises(ValueError, match=r"must be a number, got float64 of shape \(3, 1\)"):
        number(trials[0, 1], "trials")
