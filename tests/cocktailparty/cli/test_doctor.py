import json

import numpy as np

from cocktailparty.cli import main


def test_doctor_tells_versions_and_what_is_missing(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "numpy" in text
    assert "BLAS" in text or "blas" in text
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["numpy"] == np.__version__
    assert set(found["optional"]) >= {"cupy", "jax", "h5py"}
