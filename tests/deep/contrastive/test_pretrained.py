import numpy as np
import pytest
from safetensors.numpy import save_file

from deep.contrastive import panns, pretrained, weights
from deep.contrastive.panns import Backbone
from deep.contrastive.pretrained import PANNsEmbedding
from tests.deep.contrastive.sounds import clips


@pytest.fixture
def file(tmp_path, rng, monkeypatch):
    """Weights in the layout of CNN6 with a hundredth of its features."""
    small = {"cnn6": Backbone((4, 4, 4, 6), 5, 1)}
    monkeypatch.setattr(panns, "BACKBONES", small)
    monkeypatch.setattr(pretrained, "BACKBONES", small)
    monkeypatch.setattr(weights, "BACKBONES", small)
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
