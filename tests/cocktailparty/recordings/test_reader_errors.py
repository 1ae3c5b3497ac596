import builtins
import sys

import numpy as np
import pytest

from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.reader_errors import reader_error


@pytest.fixture
def without(monkeypatch):
    """Make a package one that is not installed."""

    def forget(package):
        monkeypatch.delitem(sys.modules, package, raising=False)
        original = builtins.__import__

        def fail(name, *args, **kwargs):
            if name.split(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
            return original(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", fail)
        monkeypatch.setitem(sys.modules, package, None)  # for importlib

    return forget


def reading_fails(path, **arguments):
    with pytest.raises(OSError) as caught:
        read_eeg(path, **arguments)
    return str(caught.value)


@pytest.mark.filterwarnings("ignore")  # not what this is about
def test_a_missing_package_is_named_and_the_file_not_blamed(tmp_path, without):
    folder = tmp_path / "a.mff"
    folder.mkdir()
    (folder / "signal1.bin").write_bytes(bytes(64))
    without("mffpy")
    text = reading_fails(folder)
    assert "a.mff cannot be read" in text
    assert "pip install mffpy" in text
    assert "broken" not in text
    assert "\n" not in text  # one line at the command line


def test_a_missing_h5py_is_named(tmp_path, without):
    pytest.importorskip("h5py")
    (tmp_path / "a.set").write_bytes(bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(100))
    without("h5py")
    text = reading_fails(tmp_path / "a.set")
    assert "pip install h5py" in text
    assert "broken" not in text


@pytest.mark.filterwarnings("ignore")
def test_all_readers_of_an_extension_and_their_reasons_are_listed(tmp_path, without):
    (tmp_path / "a.cnt").write_bytes(bytes(2000))
    without("antio")
    text = reading_fails(tmp_path / "a.cnt")
    assert "as CNT, by mne.io.read_raw_cnt: " in text
    assert "as ANT, by mne.io.read_raw_ant: " in text
    assert "pip install antio" in text
    assert "Parameters of a reader can be given to read_eeg" in text
    assert "broken" not in text


def test_a_reader_that_has_to_be_called_with_parameters_is_named(tmp_path):
    (tmp_path / "a.mat").write_bytes(bytes(500))
    text = reading_fails(tmp_path / "a.mat")
    assert "use mne.io.read_raw_fieldtrip with the parameters that it needs" in text
    assert "broken" not in text


def test_annotations_in_another_encoding_name_the_parameter_that_reads_them(tmp_path):
    write_edf_with_latin1(tmp_path / "a.edf")
    text = reading_fails(tmp_path / "a.edf")
    assert "encoding='latin1'" in text
    assert "broken" not in text
    raw = read_eeg(tmp_path / "a.edf", encoding="latin1")
    assert list(raw.annotations.description) == ["Geräusch"]


def test_a_suggested_file_is_named(tmp_path):
    (tmp_path / "a.vmrk").write_text("Brain Vision Data Exchange Marker File, Version 1.0")
    text = reading_fails(tmp_path / "a.vmrk")
    assert "Try reading a .vhdr file instead" in text
    assert "broken" not in text


def test_what_a_parser_ran_into_says_that_the_file_is_broken(tmp_path):
    error = reader_error(tmp_path / "a.fif", KeyError("nchan"), {})
    assert "(KeyError: 'nchan'): it is broken, or not a continuous recording" in str(error)
    error = reader_error(tmp_path / "a.fif", IndexError(), {})
    assert "(IndexError): it is broken" in str(error)


def write_edf_with_latin1(file):
    """Write one second of one channel, with an annotation that is not UTF-8."""
    fields = [
        ("0", 8), ("X X X X", 80), ("Startdate X X X X", 80), ("01.01.24", 8), ("10.00.00", 8),
        (str(256 * 3), 8), ("EDF+C", 44), ("1", 8), ("1", 8), ("2", 4),
        ("Fz", 16), ("EDF Annotations", 16), ("", 80), ("", 80), ("uV", 8), ("", 8),
        ("-100", 8), ("-1", 8), ("100", 8), ("1", 8), ("-32768", 8), ("-32768", 8),
        ("32767", 8), ("32767", 8), ("", 80), ("", 80), ("100", 8), ("40", 8), ("", 32), ("", 32),
    ]  # fmt: skip
    header = "".join(text.ljust(width) for text, width in fields).encode("ascii")
    notes = b"+0\x14\x14\x00+0.5\x14" + "Geräusch".encode("latin-1") + b"\x14\x00"
    file.write_bytes(header + np.arange(100, dtype="<i2").tobytes() + notes.ljust(80, b"\x00"))
