import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from deep.contrastive import estimator, panns, pretrained, settings, weights
from deep.contrastive.panns import Backbone
from deep.contrastive.pretrained import PANNsEmbedding
from tests.deep.contrastive.sounds import classifier, clips


@pytest.fixture
def file(tmp_path, rng, monkeypatch):
    """Weights in the layout of CNN6 with a hundredth of its features."""
    small = {"cnn6": Backbone((4, 4, 4, 6), 5, 1)}
    for module in (estimator, panns, pretrained, settings, weights):
        monkeypatch.setattr(module, "BACKBONES", small)
    arrays = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in weights.published_layout("cnn6").items()
    }
    arrays = {k: np.abs(v) if k.endswith("var") else v for k, v in arrays.items()}
    save_file(arrays, tmp_path / "w.safetensors")
    return str(tmp_path / "w.safetensors")


def test_embeddings_and_tags_of_published_weights(file):
    x = clips(3)[0]
    model = PANNsEmbedding(file, sfreq=4000, batch_size=3).fit()
    assert (model.backbone_, model.rate_) == ("cnn6", 32000)
    embeddings, tags = model.transform(x), model.tag(x)
    assert embeddings.shape == (3, 6)
    assert tags.shape == (3, 527)
    assert ((tags >= 0) & (tags <= 1)).all()
    assert np.isfinite(embeddings).all()


def test_other_weights_are_refused(file, tmp_path):
    save_file({"x": np.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"the weights of none of \['cnn6'\]"):
        PANNsEmbedding(str(tmp_path / "x.safetensors")).fit()


def test_a_classifier_starts_from_published_weights(file, tmp_path):
    x, y, _ = clips(8)
    options = {"pretrained": file, "width": 1, "max_epochs": 1}
    fitted = classifier(**options, backbone_factor=0).fit(x, y)
    arrays = load_file(file)
    assert fitted.rate_ == 32000
    found = fitted.network_.arrays
    np.testing.assert_array_equal(found["encoder.dense.weight"], arrays["fc1.weight"].T)
    kernel = arrays["conv_block3.conv1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found["encoder.blocks.2.convolutions.0.weight"], kernel)
    # Nothing is left of the layer for tags, and the new one for classes has learnt.
    assert not any("tags" in name for name in found)
    assert fitted.predict_proba(x).shape == (8, 2)
    arrays["fc1.weight"] = np.zeros((7, 7), np.float32)
    save_file(arrays, tmp_path / "other.safetensors")
    message = r"other\.safetensors does not hold the weights of cnn6: .* shape fc1\.weight \(7, 7\)"
    with pytest.raises(ValueError, match=message):
        classifier(**options | {"pretrained": str(tmp_path / "other.safetensors")}).fit(x, y)
