from dataclasses import dataclass

import numpy as np
import pytest
from safetensors.numpy import save_file

from deep.training.checkpoints import Checkpoint, describe


@dataclass(frozen=True)
class Loss:
    weight: float = 1.0


def test_what_was_saved_comes_back(tmp_path, rng):
    file = Checkpoint(tmp_path / "new", {"seed": 1})
    assert file.load() is None
    x = [rng.normal(size=(2, 3)).astype(np.float32), np.array(True), np.int32(4)]
    for notes in ({"history": {"loss": [1.5]}}, {"history": {"loss": [1.5, float("nan")]}}):
        file.save({"now": x, "best": x[:1]}, notes)
    groups, notes = Checkpoint(tmp_path / "new", {"seed": 1}).load()
    assert [len(groups[name]) for name in ("now", "best")] == [3, 1]
    for saved, loaded in zip(x, groups["now"], strict=True):
        assert loaded.dtype == saved.dtype
        assert np.array_equal(loaded, saved)
    assert notes["history"]["loss"][0] == 1.5
    assert np.isnan(notes["history"]["loss"][1])
    assert Checkpoint(tmp_path / "new", {"seed": 2}).load() is None
    assert len(list((tmp_path / "new").iterdir())) == 1
    file.remove()
    assert file.load() is None


def test_without_a_folder_nothing_is_kept():
    file = Checkpoint(None, {"task": lambda: 0})
    file.save({"now": [np.ones(1)]}, {})
    assert file.load() is None
    file.remove()


def test_a_damaged_file_is_named_and_left_aside(tmp_path):
    file = Checkpoint(tmp_path, {})
    file.save({"now": [np.ones(100)]}, {"step": 3})
    whole = file.path.read_bytes()
    wrong = [
        whole[:-8],
        b"",
        whole.replace(b"cocktailparty-checkpoint", b"cocktailparty-something"),
        whole.replace(b"sha256", b"sha257"),
    ]
    positions = np.random.default_rng(0).integers(8 * len(whole), size=200)
    for position in positions.tolist():
        changed = bytearray(whole)
        changed[position // 8] ^= 1 << position % 8
        wrong.append(bytes(changed))
    for content in wrong:
        file.path.write_bytes(content)
        with pytest.warns(
            UserWarning, match=rf"{file.path} is damaged .*: the training starts anew"
        ):
            assert file.load() is None
    file.path.write_bytes(whole)
    assert file.load()[1] == {"step": 3}


def test_a_file_without_digest_is_read(tmp_path):
    file = Checkpoint(tmp_path, {})
    header = {"format": "cocktailparty-checkpoint", "groups": '{"now": 1}', "notes": "{}"}
    save_file({"now.0": np.arange(3.0)}, file.path, header)
    np.testing.assert_array_equal(file.load()[0]["now"][0], np.arange(3.0))


def test_arrays_in_another_order_come_back(tmp_path):
    x = np.arange(24.0).reshape(2, 3, 4)
    arrays = [x.T, np.asfortranarray(x[0]), x[:, ::2], x[::-1], np.float32(3.0), np.empty((0, 2))]
    file = Checkpoint(tmp_path, {})
    file.save({"now": arrays}, {})
    for found, expected in zip(file.load()[0]["now"], arrays, strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


def test_descriptions_are_the_same_in_every_process():
    described = describe({"a": (1, None, "x"), "f": np.mean, "loss": Loss(2.0)})
    assert described["a"] == [1, None, "x"]
    assert described["f"] == "numpy.mean"
    assert described["loss"] == ["tests.deep.training.test_checkpoints.Loss", {"weight": 2.0}]
    for value in (lambda x: x, object()):
        with pytest.raises(TypeError, match="cannot be told from others in another process"):
            describe({"task": value})
