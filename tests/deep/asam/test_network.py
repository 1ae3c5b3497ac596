import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.asam.network import SelectionNetwork
from deep.training.trees import n_parameters

CONFIG = {
    "n_fft": 16, "n_channels": 4, "n_shared": 1, "n_steered": 1, "n_voice": 4, "n_talkers": 3,
    "n_cue_channels": 3,
}  # fmt: skip
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    return SelectionNetwork(**CONFIG, key=jax.random.key(0))


@pytest.fixture(scope="module")
def select():
    return eqx.filter_jit(lambda model, x, voices: model(x, voices))


@pytest.fixture(scope="module")
def encode():
    return eqx.filter_jit(lambda model, cue, n: model.voice(cue, n))


MIXTURE = RNG.normal(size=400).astype(np.float32)
VOICES = (RNG.normal(size=(2, 4)) / 2).astype(np.float32)


def test_shapes_and_size(model, select):
    found = select(model, MIXTURE, VOICES)
    assert found.waveforms.shape == (2, 400)
    assert found.presence.shape == (2, 51)
    assert found.masks.shape == (2, 51, 9)
    assert model.context == (1 + 2 + 2) * 8
    full = eqx.filter_eval_shape(
        SelectionNetwork, n_fft=256, n_channels=160, n_shared=3, n_steered=5, n_voice=64,
        n_talkers=7, n_cue_channels=64, key=jax.random.key(0),
    )  # fmt: skip
    steered = 5 * (64 * 320 + 320)
    layers = 387 * 160 + 160 + 8 * (3 * 160 * 160 + 320) + steered + 160 * 259 + 260
    encoder = 129 * 64 + 64 + 3 * (3 * 64 * 64 + 128) + 128 * 64 + 64
    sizes = [x.size for x in jax.tree.leaves(full) if hasattr(x, "size")]
    assert sum(sizes) == layers + encoder + 7 * 64 == 879_012
    assert n_parameters(model) == sum(x.size for x in jax.tree.leaves(model) if eqx.is_array(x))


def test_a_voice_changes_its_own_output_only(model, select):
    found = select(model, MIXTURE, VOICES)
    other = select(model, MIXTURE, np.stack([VOICES[0], -VOICES[1]]))
    assert np.array_equal(found.waveforms[0], other.waveforms[0])
    assert not np.allclose(found.waveforms[1], other.waveforms[1], atol=1e-3)


def test_what_is_outside_of_the_context_changes_nothing(model, select):
    changed = MIXTURE.copy()
    changed[300:] = 0
    one, other = (select(model, x, VOICES).waveforms for x in (MIXTURE, changed))
    first = 300 - model.context
    np.testing.assert_allclose(one[:, :first], other[:, :first], atol=1e-6)
    assert not np.allclose(one[:, first:300], other[:, first:300], atol=1e-6)


def test_a_mixture_in_a_batch_equals_it_alone(model, select):
    batch = np.stack([MIXTURE, 30 * RNG.normal(size=400)]).astype(np.float32)
    together = eqx.filter_jit(lambda m, x: jax.vmap(lambda one: m(one, VOICES))(x))(model, batch)
    alone = select(model, MIXTURE, VOICES)
    np.testing.assert_allclose(together.waveforms[0], alone.waveforms, atol=1e-5)


def test_the_rest_of_a_cue_is_not_heard(model, encode):
    cue = RNG.normal(size=200).astype(np.float32)
    other = np.r_[cue[:120], 50 * RNG.normal(size=80)].astype(np.float32)
    v = encode(model, cue, np.int32(120))
    assert np.array_equal(v, encode(model, other, np.int32(120)))
    assert not np.allclose(v, encode(model, cue, np.int32(200)), atol=1e-4)
    assert np.linalg.norm(v) == pytest.approx(1, abs=1e-3)
    # Not a number would spoil all that follows, even if nobody gives such a cue.
    assert np.isfinite(encode(model, 0 * cue, np.int32(200))).all()


def test_all_weights_have_a_gradient(model):
    def loss(model):
        v = model.voice(jnp.asarray(MIXTURE[:200]), 200)
        found = model(jnp.asarray(MIXTURE), jnp.stack([v, VOICES[0]]))
        return jnp.square(found.waveforms).sum() + found.presence.sum() + (model.talkers @ v).sum()

    gradient = eqx.filter_jit(eqx.filter_grad(loss))(model)
    for path, leaf in jax.tree_util.tree_flatten_with_path(gradient)[0]:
        assert np.isfinite(leaf).all(), path
        assert np.asarray(leaf).any(), path
