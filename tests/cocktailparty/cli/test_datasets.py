import errno
import io
import json

from cocktailparty import datasets
from cocktailparty.cli import main
from cocktailparty.datasets import CORPORA
from tests.cocktailparty.datasets import miniatures


def test_datasets_are_listed_and_recognised(tmp_path, rng, capsys):
    miniatures.write_dtu(tmp_path, rng, n_times=64)
    assert main(["datasets"]) == 0
    listing = capsys.readouterr().out
    assert all(f"{key}: " in listing for key in CORPORA)
    assert main(["datasets", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert all(entry["layout"] for entry in entries.values())
    assert main(["datasets", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["corpus"] in entries
    assert main(["datasets", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path} holds dtu")


def test_a_corpus_is_fetched_into_the_folder(tmp_path, monkeypatch, capsys):
    calls = []

    def download(name, folder, progress):
        calls.append((name, folder, progress))
        return folder / "unpacked"

    monkeypatch.setattr(datasets, "download", download)
    assert main(["datasets", str(tmp_path), "--download", "dtu"]) == 0
    assert calls == [("dtu", tmp_path, True)]
    assert f"--data {tmp_path / 'unpacked'}" in capsys.readouterr().out
    assert main(["datasets", "--download", "dtu"]) == 2
    assert "needs a folder" in capsys.readouterr().err


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    record = {"files": [{"key": "DATA_preproc.zip", "links": {"self": "x"}, "checksum": "md5:0"}]}

    def full(*arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device")

    answer = io.BytesIO(json.dumps(record).encode())
    monkeypatch.setattr("cocktailparty.datasets.downloads.urlopen", lambda *_, **__: answer)
    monkeypatch.setattr("pooch.retrieve", full)
    assert main(["datasets", str(tmp_path), "--download", "dtu"]) == 2
    assert "No space left on device: make room" in capsys.readouterr().err.splitlines()[-1]


def test_what_is_printed_onto_a_full_disk(monkeypatch, capsys):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    assert main(["datasets"]) == 2
    assert "No space left on device: make room" in capsys.readouterr().err


def test_a_corpus_that_cannot_be_fetched_says_where_it_is(tmp_path, capsys):
    assert main(["datasets", str(tmp_path), "--download", "broderick-cocktail-party"]) == 2
    assert "dryad" in capsys.readouterr().err.lower()
