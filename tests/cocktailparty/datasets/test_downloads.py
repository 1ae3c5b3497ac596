import hashlib
import json
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from cocktailparty import datasets
from cocktailparty.datasets.downloads import fetch_json
from tests.cocktailparty.datasets.originals import (
    write_dtu_aad,
    write_dtu_raw,
    write_kul_aad,
    write_madeeg,
)
from tests.cocktailparty.datasets.rawfiles import write_etard_raw


class Host:
    """A host on this machine that serves a folder, and a record that describes it."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        host = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                host.asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def publish(self, number):
        files = [
            {
                "key": file.name,
                "checksum": f"md5:{hashlib.md5(file.read_bytes()).hexdigest()}",
                "links": {"self": f"{self.address}/{file.name}"},
            }
            for file in sorted(self.folder.iterdir())
            if file.is_file()
        ]
        records = self.folder / "api" / "records"
        records.mkdir(parents=True)
        (records / str(number)).write_text(json.dumps({"files": files}))

    def fetch(self, address):
        assert address.startswith("https://zenodo.org/api/records/")
        return fetch_json(address.replace("https://zenodo.org", self.address))


@pytest.fixture
def host(tmp_path):
    (tmp_path / "host").mkdir()
    host = Host(tmp_path / "host")
    yield host
    host.close()


def publish_dtu(host, rng, nested):
    source = host.folder.parent / "source"
    source.mkdir()
    write_dtu_aad(source, rng)
    with zipfile.ZipFile(host.folder / "DATA_preproc.zip", "w") as archive:
        for file in source.iterdir():
            archive.write(file, f"{'data/' if nested else ''}{file.name}")
        archive.writestr("__MACOSX/._S1_data_preproc.mat", b"")
    (host.folder / "EEG.zip").write_bytes(b"not needed")
    host.publish(1199011)
    return source


@pytest.mark.parametrize("nested", [True, False])
def test_what_was_downloaded_can_be_loaded(tmp_path, rng, host, nested):
    source = publish_dtu(host, rng, nested)
    path = datasets.download("dtu", tmp_path / "new" / "dtu", progress=False, fetch=host.fetch)
    assert path == tmp_path / "new" / "dtu" / "DATA_preproc"
    trials, expected = datasets.load(path), datasets.load(source)
    assert len(trials) == len(expected) == 8
    for trial, same in zip(trials, expected, strict=True):
        np.testing.assert_array_equal(trial.eeg, same.eeg)
    assert host.asked == ["/api/records/1199011", "/DATA_preproc.zip"]


def test_files_that_are_there_are_not_downloaded_again(tmp_path, rng, host):
    publish_dtu(host, rng, nested=True)
    for _ in range(2):
        datasets.download("dtu", tmp_path / "dtu", progress=False, fetch=host.fetch)
    assert host.asked.count("/DATA_preproc.zip") == 1


def test_files_and_archives_of_a_record_lie_side_by_side(tmp_path, rng, host):
    source = tmp_path / "source"
    source.mkdir()
    write_kul_aad(source, rng, n_subjects=2)
    with zipfile.ZipFile(host.folder / "stimuli.zip", "w") as archive:
        for file in (source / "stimuli").iterdir():
            archive.write(file, file.name)
    for name in ("S1.mat", "S2.mat"):
        (source / name).rename(host.folder / name)
    host.publish(4004271)
    path = datasets.download("kul", tmp_path / "kul", progress=False, fetch=host.fetch)
    assert path == tmp_path / "kul"
    assert len(datasets.load(path)) == 12


@pytest.mark.parametrize(
    ("key", "write"),
    [
        ("kul", write_kul_aad),
        ("dtu-raw", write_dtu_raw),
        ("madeeg", write_madeeg),
        ("etard", write_etard_raw),
    ],
)
def test_every_record_is_found_by_the_name_of_its_corpus(tmp_path, rng, host, key, write):
    if key == "madeeg":
        pytest.importorskip("yaml")
    source = tmp_path / "source"
    source.mkdir()
    write(source, rng)
    for entry in source.iterdir():  # a record has no folders, only archives of them
        if entry.is_dir():
            with zipfile.ZipFile(host.folder / f"{entry.name}.zip", "w") as archive:
                for file in filter(Path.is_file, entry.rglob("*")):
                    archive.write(file, file.relative_to(source))
        else:
            (host.folder / entry.name).write_bytes(entry.read_bytes())
    host.publish(datasets.CORPORA[key].zenodo)
    path = datasets.download(key, tmp_path / key, progress=False, fetch=host.fetch)
    assert datasets.detect(path).key == key
    published = datasets.load(source)
    downloaded = datasets.load(path)
    assert len(downloaded) == len(published) > 0
    for trial, same in zip(downloaded, published, strict=True):
        np.testing.assert_array_equal(trial.eeg, same.eeg)
        np.testing.assert_array_equal(trial.stimuli, same.stimuli)


def test_a_damaged_file_is_refused(tmp_path, rng, host):
    publish_dtu(host, rng, nested=True)
    (host.folder / "DATA_preproc.zip").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"hash .*DATA_preproc\.zip"):
        datasets.download("dtu", tmp_path / "dtu", progress=False, fetch=host.fetch)
    assert not list((tmp_path / "dtu").iterdir())


def test_a_host_that_does_not_answer_is_named(tmp_path, host):
    with pytest.raises(OSError, match=r"records/1199011 cannot be read .*404.*: try again later"):
        datasets.download("dtu", tmp_path / "dtu", fetch=host.fetch)
    assert not (tmp_path / "dtu").exists()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"files": []}, r"records/1199011 has no file \['DATA_preproc\.zip'\], only \[\]"),
        ({"message": "gone"}, "does not list files as expected"),
        ({"files": [{"key": "DATA_preproc.zip"}]}, "does not list files as expected"),
    ],
)
def test_an_unexpected_record_is_refused(tmp_path, record, message):
    with pytest.raises(OSError, match=message):
        datasets.download("dtu", tmp_path / "dtu", fetch=lambda address: record)


def test_an_archive_of_something_else_is_refused(tmp_path, host):
    with zipfile.ZipFile(host.folder / "DATA_preproc.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    host.publish(1199011)
    with pytest.raises(OSError, match=r"does not hold S1_data_preproc\.mat, .* 1199011 changed"):
        datasets.download("dtu", tmp_path / "dtu", progress=False, fetch=host.fetch)


def test_a_name_does_not_lead_out_of_the_folder(tmp_path, rng, host):
    publish_dtu(host, rng, nested=True)
    record = host.fetch("https://zenodo.org/api/records/1199011")
    for entry in record["files"]:
        entry["key"] = "../" + entry["key"]
    with pytest.raises(OSError, match="has no file"):
        datasets.download("dtu", tmp_path / "in" / "dtu", fetch=lambda address: record)


@pytest.mark.parametrize(
    "key", [key for key, corpus in datasets.CORPORA.items() if corpus.zenodo is None]
)
def test_what_cannot_be_downloaded_says_what_to_get_where(tmp_path, key):
    corpus = datasets.CORPORA[key]
    with pytest.raises(ValueError, match="has to be downloaded by hand: get") as error:
        datasets.download(key, tmp_path)
    assert corpus.layout in str(error.value)
    assert corpus.obtain in str(error.value)


def test_unknown_corpus_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"corpus must be one of .*, got 'kull'"):
        datasets.download("kull", tmp_path)
