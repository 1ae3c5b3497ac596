import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.losses import pearson, unit_vectors
from deep.siglip.networks.ablations import LinearHead, SmallVlaai, as_views
from deep.siglip.networks.choice import samples_after
from deep.training.trees import n_parameters

N_TIMES, N_LAGS, N_CHANNELS = 40, 5, 4
FEATURES = np.random.default_rng(1).normal(size=(2, N_TIMES, 3)).astype(np.float32)


def made(network, **options):
    make = eqx.nn.make_with_state(network)
    return make(N_CHANNELS, N_LAGS, **options, key=jax.random.key(0))[0]


def eeg(network):
    n = N_TIMES + samples_after(network, N_LAGS)
    return np.random.default_rng(0).normal(size=(n, N_CHANNELS)).astype(np.float32)


@eqx.filter_jit
def views(model, eeg, key=None):
    return model(eeg, FEATURES, state=None, key=key)[0]


@pytest.mark.parametrize("network", [LinearHead, SmallVlaai])
def test_the_reconstruction_is_compared_with_the_envelope(network):
    model = eqx.nn.inference_mode(made(network))
    found = views(model, eeg(network))
    assert found.reconstruction.shape == (N_TIMES,)
    e, a = unit_vectors(found.eeg[None], True), unit_vectors(found.sounds, True)
    r = pearson(found.reconstruction[None], FEATURES[..., 0])
    np.testing.assert_allclose((e * a).sum((-2, -1)), r, atol=1e-5)
    assert n_parameters(model) < 5000


def test_the_envelope_is_the_first_feature():
    found = as_views(jnp.arange(3.0), jnp.arange(12.0).reshape(2, 3, 2))
    assert found.sounds[..., 0].tolist() == [[0, 2, 4], [6, 8, 10]]
    assert found.eeg[:, 0].tolist() == found.reconstruction.tolist() == [0, 1, 2]


def test_the_linear_head_is_a_weighted_sum_over_lags():
    model, x = made(LinearHead), eeg(LinearHead)
    weight = np.asarray(model.filters.weight)[:, :, 0]
    expected = [(x[t : t + N_LAGS] * weight).sum() + model.filters.bias[0] for t in range(N_TIMES)]
    np.testing.assert_allclose(views(model, x).reconstruction, expected, rtol=1e-4, atol=1e-5)


def test_blocks_refine_the_eeg_beside_a_linear_path():
    """Where the last norms of the blocks give nothing, what is left is linear."""
    model, x = eqx.nn.inference_mode(made(SmallVlaai, n_hidden=3)), eeg(SmallVlaai)
    assert np.abs(views(model, x).reconstruction - views(model, -x).reconstruction).max() > 0.1
    # The second block follows the first without a path beside it.
    silent = [model.blocks[0].last_norm.weight, model.blocks[0].last_norm.bias]
    plain = eqx.tree_at(
        lambda m: [m.blocks[0].last_norm.weight, m.blocks[0].last_norm.bias],
        model,
        [jnp.zeros_like(part) for part in silent],
    )
    refined = np.asarray(eqx.filter_jit(model.blocks[1])(x))
    expected = (refined @ np.asarray(model.last.weight) + model.last.bias)[:N_TIMES, 0]
    np.testing.assert_allclose(views(plain, x).reconstruction, expected, rtol=1e-4, atol=1e-5)


def test_a_block_looks_ahead_by_its_lags():
    """An impulse is seen by the moments up to its lags and the kernels before it, and few after."""
    block = made(SmallVlaai, n_hidden=3).blocks[0]
    x = eeg(SmallVlaai)
    change = np.zeros_like(x)
    change[24] = 3
    moved = np.abs(eqx.filter_jit(block)(x + change) - eqx.filter_jit(block)(x)).max(axis=1) > 1e-4
    # Two kernels of 5 samples reach 4 to either side; the lags reach 4 further back.
    assert np.flatnonzero(moved).tolist() == list(range(24 - 4 - (N_LAGS - 1), 24 + 4 + 1))


def test_values_are_dropped_in_training_alone():
    model, x = made(SmallVlaai, dropout=0.5), eeg(SmallVlaai)
    drawn = [views(model, x, jax.random.key(seed)).reconstruction for seed in (0, 1)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    quiet = eqx.nn.inference_mode(model)
    drawn = [views(quiet, x, jax.random.key(seed)).reconstruction for seed in (0, 1)]
    np.testing.assert_array_equal(*drawn)
