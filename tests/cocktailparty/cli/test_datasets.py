import json

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
