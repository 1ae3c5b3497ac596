import json
import pickle
import sys

import equinox as eqx
import jax
import numpy as np
import pytest
from safetensors import safe_open
from sklearn.base import clone

from cocktailparty.decoding import saving
from cocktailparty.decoding.saving import load_model, save_model
from deep import Network
from tests.deep.tiny import Tiny, TinyClassifier, made, tiny

CONFIG = {"n_inputs": 3, "n_classes": 2}


@pytest.fixture
def network():
    return Network.of(*tiny(), CONFIG)


def test_a_network_comes_back_bit_for_bit(network):
    model, state = tiny()
    for copy in (network, pickle.loads(pickle.dumps(network))):
        restored = copy.restored(Tiny)
        assert eqx.tree_equal(restored, (model, state))
        assert copy.restored(Tiny) is restored  # made once
        assert jax.tree.structure(restored) == jax.tree.structure((model, state))
    assert b"jax" not in pickle.dumps(network)
    assert set(network.arrays) == {
        "first.weight", "first.bias", "norm.weight", "norm.bias", "last.weight", "last.bias",
        "state.norm.index.0", "state.norm.index.1",
    }  # fmt: skip


class Newer(Tiny):
    version = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("last.bias"), r"missing \['last.bias'\], unknown \[\]"),
        (lambda a: a.update(more=np.ones(1)), r"missing \[\], unknown \['more'\]"),
        (lambda a: a.update({"last.bias": np.ones(3, np.float32)}),
         r"array last.bias of a Tiny is float32 of shape \(3,\), expected float32 of shape \(2"),
        (lambda a: a.update({"last.bias": np.ones(2)}), "is float64 of shape .*expected float32"),
    ],
)  # fmt: skip
def test_arrays_of_another_model_are_refused(network, change, message):
    change(network.arrays)
    with pytest.raises(ValueError, match=message):
        network.restored(Tiny)


def test_another_version_of_the_model_is_refused(network):
    with pytest.raises(ValueError, match="made by version 1 of Newer, this library has version 2"):
        network.restored(Newer)


def test_an_estimator_is_saved_with_its_network(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "_PACKAGES", (*saving._PACKAGES, "tests"))
    _, x, y = made()
    classifier = TinyClassifier(random_state=0, max_epochs=2).fit(x, y)
    file = tmp_path / "model.safetensors"
    save_model(classifier, file)
    loaded = load_model(file)
    assert np.array_equal(loaded.decision_function(x), classifier.decision_function(x))
    assert loaded.history_ == classifier.history_
    assert loaded.get_params() == classifier.get_params()
    with safe_open(file, framework="numpy") as opened:
        assert len(opened.keys()) > len(classifier.network_.arrays)
        model = json.loads(opened.metadata()["model"])
    assert model["estimator"]["set"]["network_"]["class"] == "deep.Network"
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "deep.training.network")
        without.setitem(sys.modules, "jax", None)
        with pytest.raises(ImportError, match=r"needs jax.*pip install 'cocktailparty\[deep\]'"):
            load_model(file)
    again = clone(loaded).fit(x, y)
    assert np.array_equal(again.decision_function(x), classifier.decision_function(x))
