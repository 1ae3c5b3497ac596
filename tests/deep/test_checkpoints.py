from dataclasses import dataclass

import numpy as np
import pytest

from deep.checkpoints import Checkpoint, describe


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


def test_a_damaged_file_is_refused(tmp_path):
    file = Checkpoint(tmp_path, {})
    file.save({"now": [np.ones(100)]}, {})
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"is damaged .*: remove it to train from the start"):
        file.load()
    file.path.write_bytes(whole.replace(b"cocktailparty-checkpoint", b"cocktailparty-something"))
    with pytest.raises(ValueError, match=r"is damaged|is not a checkpoint"):
        file.load()


def test_descriptions_are_the_same_in_every_process():
    described = describe({"a": (1, None, "x"), "f": np.mean, "loss": Loss(2.0)})
    assert described["a"] == [1, None, "x"]
    assert described["f"] == "numpy.mean"
    assert described["loss"] == ["tests.deep.test_checkpoints.Loss", {"weight": 2.0}]
    for value in (lambda x: x, object()):
        with pytest.raises(TypeError, match="cannot be told from others in another process"):
            describe({"task": value})
