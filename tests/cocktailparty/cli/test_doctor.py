import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from cocktailparty.cli import doctor, main
from cocktailparty.cli.doctor import OPTIONAL_PARTS


def test_doctor_tells_versions_and_what_is_missing(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "numpy" in text
    assert "BLAS" in text or "blas" in text
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["numpy"] == np.__version__
    assert set(found["optional"]) >= {"cupy", "jax", "h5py"}
    assert int(found["machine"]["cores"]) >= 1
    assert found["machine"]["memory"].endswith(" GiB free")


def test_doctor_tells_of_a_module_that_two_packages_bring(monkeypatch):
    brought = {"cnmf": ["cocktailparty", "cnmf"], "numpy": ["numpy"], "mpl_toolkits": ["a", "b"]}
    monkeypatch.setattr(doctor, "packages_distributions", lambda: brought)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", spec)
    assert doctor.clashes() == {"cnmf": "from cnmf and cocktailparty: uninstall all but one"}


def spec(name):
    return SimpleNamespace(origin=None if name == "mpl_toolkits" else f"{name}/__init__.py")


def test_extras_are_those_that_there_are(capsys):
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    extras = set(project["project"]["optional-dependencies"])
    told = re.findall(r"\(extra (.*?)\)", " ".join(OPTIONAL_PARTS.values()))
    assert {extra for text in told for extra in text.split(" or ")} == extras
