"""Models that were saved before classes moved; `version1` holds them and what they decided.

`version2` holds the neural one as it was saved again when its parts were classes of other names,
and a separator and a classifier of sounds from when the settings of their training were their own.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.decoding.trained import TrainedModel

FILES = Path(__file__).parent / "version1"
# Of the models in `version2`, when they were saved.
LEVEL = 0.23715804517269135
PROBABILITIES = [[0.4621208845916504, 0.5378791154083495], [0.4615101244452479, 0.538489875554752]]


@pytest.fixture(scope="module")
def trial():
    options = {"n_trials": 6, "duration": 12, "n_channels": 3, "snr": -5, "random_state": 0}
    return simulate_two_talkers(**options).trials[5]


@pytest.fixture(scope="module")
def expected():
    return json.loads((FILES / "expected.json").read_text())


def test_a_tracker_decides_as_it_did(trial, expected):
    model = TrainedModel.load(FILES / "tracker.safetensors")
    scores = model.tracker.decoder_.window_scores(trial, 5.0)
    np.testing.assert_allclose(scores, expected["scores"], rtol=1e-6)
    probability = model.tracker.track(trial).probability[:, 0]
    np.testing.assert_allclose(probability, expected["probability"], rtol=1e-6)


@pytest.mark.parametrize("version", ["version1", "version2"])
def test_a_neural_decoder_decides_as_it_did(trial, expected, version, tmp_path):
    pytest.importorskip("jax")
    saved = load_model(FILES.parent / version / "siglip.safetensors")
    save_model(saved, tmp_path / "again.safetensors")
    decoder = load_model(tmp_path / "again.safetensors")
    scores = decoder.window_scores(trial, 5.0)
    np.testing.assert_allclose(scores, expected["siglip"], rtol=1e-4, atol=1e-6)


def test_a_separator_with_settings_of_its_own_selects_as_it_did():
    pytest.importorskip("jax")
    from tests.deep.asam.tiny import voices

    saved = load_model(FILES.parent / "version2" / "asam.safetensors")
    assert (saved.training.batch_size, saved.training.device) == (3, "cpu")
    assert saved.training.learning_rate is None
    waves, _ = voices()
    level = np.abs(saved.predict([waves[0] + waves[2]], cue=["ann"])[0]).mean()
    assert level == pytest.approx(LEVEL, rel=1e-4)


def test_a_classifier_with_settings_of_its_own_decides_as_it_did():
    pytest.importorskip("jax")
    from tests.deep.contrastive.sounds import clips

    saved = load_model(FILES.parent / "version2" / "classifier.safetensors")
    training = saved.training
    assert (training.batch_size, training.patience, training.schedule) == (8, 4, "cosine")
    assert (training.learning_rate, training.monitor) == (1e-3, "-val_accuracy")
    np.testing.assert_allclose(saved.predict_proba(clips()[0][:2]), PROBABILITIES, rtol=1e-4)


def test_saved_again_it_names_packages(tmp_path):
    from safetensors import safe_open

    model = TrainedModel.load(FILES / "tracker.safetensors")
    save_model(model.tracker, tmp_path / "again.safetensors")
    with safe_open(tmp_path / "again.safetensors", framework="numpy") as file:
        saved = json.loads(file.metadata()["model"])
    assert saved["version"] == 2
    assert saved["estimator"]["class"] == "cocktailparty.decoding.AttentionTracker"
