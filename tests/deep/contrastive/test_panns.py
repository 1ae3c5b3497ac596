import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.contrastive.panns import BACKBONES, PANNs, front_of
from deep.contrastive.weights import n_published
from deep.layers import batched

TINY = {"sfreq": 8000, "n_fft": 128, "hop": 64, "n_mels": 16, "f_min": 50, "f_max": 4000}


def tiny(backbone="cnn6", n_tags=0, seed=0, front=TINY):
    make = eqx.nn.make_with_state(PANNs)
    return make(backbone, front, width=1 / 64, n_tags=n_tags, key=jax.random.key(seed))


@pytest.mark.parametrize(
    ("backbone", "n"), [("cnn6", 4_837_455), ("cnn10", 5_219_279), ("cnn14", 80_753_615)]
)
def test_networks_have_as_many_parameters_as_published(backbone, n):
    assert n_published(backbone) == n


def test_every_backbone_gives_an_embedding():
    for backbone, n_mels in (("cnn6", 16), ("cnn10", 16), ("cnn14", 32)):
        front = {**TINY, "n_mels": n_mels, "n_fft": 512}
        model, state = eqx.filter_eval_shape(tiny, backbone, 5, front=front)
        out, _ = eqx.filter_eval_shape(
            lambda model, state, x: model(x, state=state), eqx.nn.inference_mode(model), state,
            jnp.zeros(64 * 2 ** BACKBONES[backbone].n_halvings),
        )  # fmt: skip
        assert out.shape == (max(BACKBONES[backbone].channels[-1] // 64, 4),)


def test_a_clip_does_not_depend_on_loud_neighbours(rng):
    model, state = tiny(n_tags=3)
    x = rng.normal(size=(3, 2000)).astype(np.float32) * np.array([[0.1], [10], [100]], np.float32)
    forward = jax.jit(lambda x: batched(eqx.nn.inference_mode(model), x, state=state)[0])
    alone, together = forward(x[:1]), forward(x)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)
    tags = np.asarray(model.tag(together))
    assert tags.shape == (3, 3)
    assert ((tags > 0) & (tags < 1)).all()
    with pytest.raises(ValueError, match="no layer for tags"):
        tiny()[0].tag(together)


def test_front_ends():
    published = front_of(16000, published=True)
    assert (published["n_fft"], published["hop"], published["f_max"]) == (512, 160, 8000)
    assert front_of(44100)["n_fft"] == 1024
    assert front_of(48000)["f_max"] == 14000
    with pytest.raises(ValueError, match="for 32 or 16 kHz, got 8000 Hz"):
        front_of(8000, published=True)
