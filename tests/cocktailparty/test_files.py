import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from cocktailparty import files
from cocktailparty.files import replacing, scratch_folder, short, write_csv


def test_numbers_are_written_as_people_write_them(tmp_path):
    assert short((0.1 + 0.2, {"a": 1, "b": [1 / 3]})) == [0.3, {"a": 1, "b": [1 / 3]}]
    table = pd.DataFrame({"start": [0.1 + 0.2, 5.0], "n": [1, 2], "p": [float("nan"), 1e-20]})
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "start,n,p\n0.3,1,\n5.0,2,1e-20\n"


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "table.csv"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]
    assert os.stat(path).st_mode & 0o777 == 0o666 & ~_umask()


def test_an_old_file_survives_a_failure(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


_WRITER = """
import sys, time
from pathlib import Path
from cocktailparty.files import replacing, scratch_folder
with scratch_folder(Path(sys.argv[1]), "report") as scratch:
    (scratch / "half.png").write_text("half")
    with replacing(Path(sys.argv[1]) / "m.json") as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"writing\n"
        before = sorted(tmp_path.iterdir())
        assert len(before) == 2
        _write(tmp_path, "first")
        assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "m.json"])
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert len(list(tmp_path.iterdir())) == 3
    _write(tmp_path, "second")
    assert list(tmp_path.iterdir()) == [tmp_path / "m.json"]
    assert (tmp_path / "m.json").read_text() == "second"


def test_files_that_earlier_versions_left_are_removed(tmp_path):
    (tmp_path / ".m-ab_cd012.json").write_text("half")
    (tmp_path / ".report-ab_cd012").mkdir()
    _write(tmp_path, "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "m.json"]


def test_files_of_others_stay(tmp_path):
    names = [
        ".m-short.json",
        ".m-ABCDEFGH.json",
        ".m-abcdefgh.csv",
        ".n-abcdefgh.json",
        "m-abcdefgh.json",
    ]
    for name in names:
        (tmp_path / name).write_text("mine")
    _write(tmp_path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "m.json"])


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(files.os, "fsync", lambda handle: done.append(os.fstat(handle).st_ino))
    with replacing(tmp_path / "m.json") as temporary:
        temporary.write_text("x")
        inode = temporary.stat().st_ino
    assert done[0] == inode
    assert (tmp_path / "m.json").stat().st_ino == inode
    if os.name == "posix":
        assert done[1:] == [tmp_path.stat().st_ino]


def test_nothing_is_renamed_that_could_not_be_brought_to_the_disk(tmp_path, monkeypatch):
    def full(handle):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        _write(tmp_path, "x")
    assert not list(tmp_path.iterdir())


def _write(folder, text):
    with scratch_folder(folder, "report"), replacing(folder / "m.json") as temporary:
        temporary.write_text(text)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
