import equinox as eqx
import jax
import numpy as np
import pytest

from deep.asam.paper import PaperNetwork, hard_sigmoid
from deep.asam.settings import Architecture
from deep.asam.task import SelectionTask
from tests.deep.asam.tiny import separator, voices

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    return PaperNetwork(16, 3, 4, sfreq=100.0, key=jax.random.key(0))


def test_the_published_size_has_the_published_number_of_parameters():
    asam = separator(preset="paper", n_channels=None, n_voice=None)
    config = asam._config(10)
    network = eqx.filter_eval_shape(Architecture, **config, key=jax.random.key(0))
    sizes = [x.size for x in jax.tree.leaves(network) if hasattr(x, "size")]
    assert sum(sizes) == 6_332_560
    assert config["network"]["n_fft"] == 256


def test_gates_are_those_of_the_paper():
    assert hard_sigmoid(np.array([-3.0, 0, 1, 3])).tolist() == pytest.approx([0, 0.5, 0.7, 1])


def test_attention_is_the_formula_and_blocks_do_not_show(model):
    mixture = RNG.normal(size=600).astype(np.float32)  # 76 frames: more than two blocks
    v = RNG.normal(size=(2, 4)).astype(np.float32)
    found = eqx.filter_jit(lambda m, x, v: m(x, v))(model, mixture, v)
    assert found.waveforms.shape == (2, 600)
    x = np.asarray(model.magnitude(mixture))
    y = x
    for layer in model.layers:
        y = layer(y)
    h = np.tanh(y @ model.embedding.weight + model.embedding.bias).reshape(76, 9, 4)
    for k in range(2):
        logits = np.tanh(v[k] @ model.of_voice + h @ model.of_bin) @ model.score
        np.testing.assert_allclose(found.masks[k], 1 / (1 + np.exp(-logits)), atol=1e-5)
        # The phase is that of the mixture: a mask of one gives it back.
    assert ((found.masks > 0) & (found.masks < 1)).all()


@pytest.mark.slow
def test_padding_adds_no_gradient(model):
    source = RNG.normal(size=(1, 2, 160)).astype(np.float32)
    source[..., 96:] = 0
    batch = {
        "mixture": source.sum(1), "source": source, "n_cue": np.full((1, 2), 80),
        "cue": RNG.normal(size=(1, 2, 80)).astype(np.float32),
        "talker": np.zeros((1, 2), int), "there": np.ones((1, 2), int),
    }  # fmt: skip
    longer = dict(batch)
    for name in ("mixture", "source"):
        padding = [(0, 0)] * (batch[name].ndim - 1) + [(0, 160)]
        longer[name] = np.pad(batch[name], padding)
    task = SelectionTask("magnitude", speaker_weight=0.0, presence_weight=0.0)
    both = [
        jax.tree.leaves(eqx.filter_grad(lambda m, b=b: task(m, None, b, None)[0])(model))
        for b in (batch, longer)
    ]
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)
        assert np.asarray(one).any()


@pytest.mark.slow
def test_the_preset_is_trained_and_predicts():
    waves, names = voices()
    asam = separator({"batch_size": 3}, preset="paper", n_channels=4, n_mixtures=3, max_epochs=2)
    asam.fit(waves, names)
    assert asam.history_["loss"][1] < asam.history_["loss"][0]
    assert asam.predict([waves[0] + waves[2]], cue=["ann"])[0].shape == (8000,)
    assert 0 < asam.predict_presence([waves[0]], cue=["bob"])[0] < 1
