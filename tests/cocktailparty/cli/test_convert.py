import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from cocktailparty.cli import main
from tests.deep.contrastive.torchlike import write


@pytest.mark.parametrize("container", ["zip", "old"])
def test_weights_become_safetensors(tmp_path, capsys, container):
    arrays = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3)}
    write(tmp_path / "w.pth", arrays, container)
    out = tmp_path / "w.safetensors"
    assert main(["convert", str(tmp_path / "w.pth"), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": str(out), "n_arrays": 2, "n_numbers": 7,
    }  # fmt: skip
    found = load_file(out)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert main(["convert", str(tmp_path / "w.pth"), str(out)]) == 0
    assert "2 arrays with 7 numbers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("w.pth", "w.bin"), "must end in .safetensors"),
        (("w.pth", "none/w.safetensors"), "does not exist: make it first"),
        (("none.pth", "w.safetensors"), "No such file"),
        (("w.pth", "w.safetensors"), "was not saved with torch.save"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, capsys, arguments, message):
    (tmp_path / "w.pth").write_bytes(b"RIFF" + bytes(99))
    assert main(["convert", *(str(tmp_path / name) for name in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["w.pth"]
