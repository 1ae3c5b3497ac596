import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from deep.layers import MultiHeadAttention
from tests.deep.gradients import check_gradient

KEY = jax.random.key(0)
made = jax.jit(MultiHeadAttention, static_argnums=(0, 1))
apply = jax.jit(lambda layer, x: layer(x))


def formula(x, layer):
    size = x.shape[1] // layer.n_heads
    q, k, v = np.split(
        x @ np.asarray(layer.projection.weight) + np.asarray(layer.projection.bias), 3, axis=1
    )
    heads = [slice(h * size, (h + 1) * size) for h in range(layer.n_heads)]
    mixed = [softmax(q[:, h] @ k[:, h].T / np.sqrt(size), axis=1) @ v[:, h] for h in heads]
    out = np.concatenate(mixed, axis=1)
    return out @ np.asarray(layer.output.weight) + np.asarray(layer.output.bias)


def test_attention_is_the_formula(rng):
    layer = made(6, 3, key=KEY)
    x = rng.normal(size=(7, 6)).astype(np.float32)
    np.testing.assert_allclose(apply(layer, x), formula(x, layer), atol=1e-5)
    x *= 100  # exponentials beyond the range of float32
    np.testing.assert_allclose(apply(layer, x), formula(x, layer), rtol=1e-3, atol=1e-3)


def test_half_precision_is_close(rng):
    layer = made(6, 3, key=KEY)
    half = jax.tree.map(lambda w: w.astype(jnp.bfloat16) if w.ndim > 1 else w, layer)
    x = rng.normal(size=(7, 6)).astype(np.float32)
    outputs = apply(half, x)
    assert outputs.dtype == jnp.bfloat16
    np.testing.assert_allclose(outputs.astype(np.float32), apply(layer, x), atol=0.05)


def test_it_is_torch_s(rng):
    torch = pytest.importorskip("torch")
    layer = made(8, 2, key=KEY)
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        for theirs, ours in (
            (other.in_proj_weight, layer.projection.weight.T),
            (other.in_proj_bias, layer.projection.bias),
            (other.out_proj.weight, layer.output.weight.T),
            (other.out_proj.bias, layer.output.bias),
        ):
            assert theirs.shape == ours.shape
            theirs.copy_(torch.tensor(np.array(ours)))
    x = rng.normal(size=(2, 5, 8)).astype(np.float32)
    expected = other(torch.tensor(x), torch.tensor(x), torch.tensor(x))[0].detach().numpy()
    np.testing.assert_allclose(jax.vmap(layer)(x), expected, atol=1e-5)


def test_gradient_is_that_of_finite_differences(rng):
    x = rng.normal(size=(3, 4))
    check_gradient(lambda t: t[0](t[1]), lambda: (MultiHeadAttention(4, 2, key=KEY), x))


def test_features_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="n_features=5 cannot be shared by n_heads=2"):
        MultiHeadAttention(5, 2, key=KEY)
