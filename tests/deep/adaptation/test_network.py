import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.adaptation.network import check_statistics, norm_arrays, trained_names
from deep.layers import BatchNorm, LayerNorm, Linear
from deep.layers.batching import BATCH
from deep.layers.normalisation import Gathered


def test_norms_are_found_by_their_kind():
    model = {"a": Linear(2, 2, key=jax.random.key(0)), "b": [LayerNorm(2), LayerNorm(3)]}
    assert norm_arrays(model) == {"b.0.weight", "b.0.bias", "b.1.weight", "b.1.bias"}
    assert trained_names(model, "norm") == norm_arrays(model)
    assert len(trained_names(model, "all")) == 6


def test_a_network_without_batch_norms_is_told_what_makes_sense():
    linear = {"a": Linear(2, 2, key=jax.random.key(0))}
    with pytest.raises(ValueError, match=r"parameters='norm' chooses nothing.*take 'all'"):
        trained_names(linear, "norm")
    with pytest.raises(ValueError, match="this network has none: take statistics='stored'"):
        check_statistics(linear, "tracked")
    check_statistics(linear, "stored")


def test_gathered_statistics_are_those_of_the_sample(rng):
    """In any parts, with filling that counts nothing; share 1 is the batch alone."""
    x = rng.normal(2, 3, size=(9, 5, 3)).astype(np.float32)
    norm, state = eqx.nn.make_with_state(BatchNorm)(3)

    def gather(state, x, n, weight):
        filled = np.concatenate([x[:n], 100 + x[: 4 - n]]) if n < 4 else x[:n]
        weights = (np.arange(len(filled)) < n).astype(np.float32)

        def one(x, w):
            return norm(x, state, Gathered(n / (weight + n), w))

        return jax.vmap(one, out_axes=(0, None), axis_name=BATCH)(jnp.asarray(filled), weights)

    y, state = gather(state, x, 4, 0)
    flat = x[:4].reshape(-1, 3)
    np.testing.assert_allclose(y[:4].reshape(-1, 3), (flat - flat.mean(0)) / flat.std(0), atol=1e-4)
    _, state = gather(state, x[4:], 4, 4)
    _, state = gather(state, x[8:], 1, 8)
    mean, variance = state.get(norm.index)
    np.testing.assert_allclose(mean, x.reshape(-1, 3).mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, x.reshape(-1, 3).var(0), rtol=1e-4)
