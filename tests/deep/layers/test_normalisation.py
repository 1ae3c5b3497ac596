import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.layers import BatchNorm, InstanceNorm, LayerNorm, batched
from tests.deep.gradients import check_gradient


class Normed(eqx.Module):
    norm: BatchNorm

    def __init__(self, n_features):
        self.norm = BatchNorm(n_features)

    def __call__(self, x, *, state, key=None, source=None):
        return self.norm(x, state, source)


@pytest.fixture
def x(rng):
    return (3 + 2 * rng.normal(size=(5, 6, 4))).astype(np.float32)


def standardised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def test_instance_norm_is_the_formula(x):
    np.testing.assert_allclose(jax.vmap(InstanceNorm())(x), standardised(x, 1), atol=1e-5)
    np.testing.assert_allclose(InstanceNorm(eps=0.1)(x), standardised(x, (0, 1), 0.1), atol=1e-5)


def test_layer_norm_is_equinox_s(x):
    norm = LayerNorm(4)
    norm = eqx.tree_at(lambda n: (n.weight, n.bias), norm, (jnp.arange(4.0), jnp.arange(4.0) - 1))
    other = eqx.tree_at(lambda n: (n.weight, n.bias), eqx.nn.LayerNorm(4), (norm.weight, norm.bias))
    np.testing.assert_allclose(norm(x), jax.vmap(jax.vmap(other))(x), atol=1e-5)


def test_batch_norm_trains_as_torch_does(x):
    torch = pytest.importorskip("torch")
    model, state = eqx.nn.make_with_state(Normed)(4)
    other = torch.nn.BatchNorm1d(4)
    for scale in (1, 2):
        ours, state = batched(model, scale * x, state=state)
        theirs = other(torch.tensor(scale * x).transpose(1, 2)).transpose(1, 2).detach()
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    mean, variance = state.get(model.norm.index)
    np.testing.assert_allclose(mean, other.running_mean, rtol=1e-5)
    np.testing.assert_allclose(variance, other.running_var, rtol=1e-5)
    other.eval()
    ours, after = batched(eqx.nn.inference_mode(model), x, state=state)
    theirs = other(torch.tensor(x).transpose(1, 2)).transpose(1, 2).detach()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert after.get(model.norm.index)[0].tolist() == mean.tolist()


def test_the_source_of_the_statistics_is_chosen_in_each_call(x):
    model, state = eqx.nn.make_with_state(Normed)(4)
    _, state = batched(model, x, state=state)  # running statistics that are none of the others
    leaves, structure = jax.tree.flatten(state)
    mean, variance = state.get(model.norm.index)
    # One batch, of 30 samples, has moved them from 0 and 1 by a tenth.
    np.testing.assert_allclose(mean, 0.1 * x.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var((0, 1), ddof=1), rtol=1e-5)
    quiet = eqx.nn.inference_mode(model)

    def normed(source):
        y, after = batched(quiet, x, state=jax.tree.unflatten(structure, leaves), source=source)
        return y, after.get(model.norm.index)

    def formula(m, v):
        return (x - np.asarray(m)) / np.sqrt(np.asarray(v) + 1e-5)

    batch = x.mean((0, 1)), x.var((0, 1))
    moved = 0.9 * mean + 0.1 * batch[0]
    cases = [
        ("running", mean, variance, mean),
        ("batch", *batch, moved),
        (0.25, 0.25 * mean + 0.75 * batch[0], 0.25 * variance + 0.75 * batch[1], moved),
        ((jnp.ones(4), 4 * jnp.ones(4)), 1, 4, mean),
        (None, mean, variance, mean),
    ]
    for source, m, v, after in cases:
        y, kept = normed(source)
        np.testing.assert_allclose(y, formula(m, v), atol=1e-5)
        np.testing.assert_allclose(kept[0], after, rtol=1e-5)
    with pytest.raises(ValueError, match=r"source must be 'batch', 'running'.*got 'test'"):
        normed("test")


@pytest.mark.parametrize("make", [InstanceNorm, lambda: LayerNorm(2)])
def test_gradient_is_that_of_finite_differences(rng, make):
    x = rng.normal(size=(5, 2))
    check_gradient(lambda t: t[0](t[1]), lambda: (make(), x))


def test_gradient_goes_through_the_statistics_of_the_batch(rng):
    x = rng.normal(size=(3, 2, 2))

    def normed(t):
        _, state = eqx.nn.make_with_state(Normed)(2)
        return batched(t[0], t[1], state=state)[0]

    check_gradient(normed, lambda: (eqx.nn.make_with_state(Normed)(2)[0], x))
