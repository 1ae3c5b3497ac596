import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cocktailparty.cli.recording import check_files, read_array, read_recording


def options(tmp_path, eeg="eeg.npy", eeg_sfreq=64.0):
    eeg = None if eeg is None else tmp_path / eeg
    return argparse.Namespace(eeg=eeg, eeg_sfreq=eeg_sfreq, out=tmp_path / "out")


@pytest.fixture
def files(tmp_path, rng):
    np.save(tmp_path / "eeg.npy", 1e-5 * rng.normal(size=(640, 3)))
    (tmp_path / "eeg.fif").write_text("not looked at")
    return tmp_path


def test_what_is_there_is_accepted(files):
    check_files(options(files), [files / "eeg.fif", None])
    check_files(options(files, "eeg.fif", None), [])
    check_files(options(files, None, None), [files / "eeg.npy"])


@pytest.mark.parametrize(
    ("given", "others", "error", "message"),
    [
        ({"eeg_sfreq": None}, [], ValueError, "--eeg-sfreq missing"),
        ({"eeg": "eeg.fif"}, [], ValueError, "--eeg-sfreq 64"),
        ({"eeg": None}, [], ValueError, "--eeg-sfreq is for"),
        ({"eeg": "no.npy"}, [], FileNotFoundError, "no.npy does not exist"),
        ({}, [Path("no.wav")], FileNotFoundError, "no.wav does not exist"),
    ],
)
def test_what_is_wrong_is_named(files, given, others, error, message):
    with pytest.raises(error, match=message):
        check_files(options(files, **given), others)


def test_the_folder_for_results_is_no_file(files):
    (files / "out").write_text("")
    with pytest.raises(NotADirectoryError, match="name a folder"):
        check_files(options(files), [])


@pytest.mark.parametrize("names", [["Fz", "Cz", "Pz"], None])
def test_an_array_gets_the_channels_of_the_model(files, names):
    model = SimpleNamespace(channel_names=names, n_channels=3)
    raw = read_recording(options(files), model)
    assert raw.ch_names == (names or ["channel 0", "channel 1", "channel 2"])
    assert raw.info["sfreq"] == 64
    np.testing.assert_allclose(raw.get_data().T, read_array(files / "eeg.npy"))


def test_no_array(files):
    with pytest.raises(ValueError, match=r"is not a \.npy file of numbers"):
        read_array(files / "eeg.fif")


def archive(path):
    with open(path, "wb") as file:
        np.savez(file, left=np.arange(3.0), right=np.arange(3.0))


def cut_archive(path):
    archive(path)
    path.write_bytes(path.read_bytes()[:100])


def huge_header(path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    header = header.ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (archive, r"archive \(\.npz\) that holds left, right: save the one array"),
        (cut_archive, "not a .npy file of numbers"),
        (huge_header, "not a .npy file of numbers"),
        (lambda path: path.write_bytes(b""), "not a .npy file of numbers"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: np.save(path, np.array([{}, 1], dtype=object)), "not a .npy file of numbers"),
        (lambda path: np.save(path, np.array(["a", "b"])), "type <U1, expected real numbers"),
        (lambda path: np.save(path, np.ones(3, dtype=complex)), "type complex128"),
        (lambda path: np.save(path, np.zeros(3, dtype=[("a", float)])), "expected real numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(tmp_path, write, message):
    write(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / "x.npy")
