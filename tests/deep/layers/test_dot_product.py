import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.layers.dot_product import attend
from tests.deep.gradients import check_gradient

attend = jax.jit(attend)


def softmax(scores):
    """Weights of the keys (first axis) for each query."""
    weights = np.exp(scores - scores.max(axis=0))
    return weights / weights.sum(axis=0)


def heads(rng, n_heads=2, size=3, n_times=5, n_keys=4):
    queries = rng.normal(size=(n_heads, size, n_times))
    keys, values = rng.normal(size=(2, n_heads, size, n_keys))
    return queries, keys, values


def test_outputs_are_those_of_plain_softmax_attention(rng):
    parts = heads(rng)
    outputs = attend(*parts)
    for head, queries, keys, values in zip(outputs, *parts, strict=True):
        for i, query in enumerate(queries.T):
            weights = softmax(keys.T @ query)
            np.testing.assert_allclose(head[:, i], values @ weights, rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_the_softmax(rng):
    """Closed form: a softmax with weights w has the Jacobian diag(w) - w w'."""
    parts = heads(rng)
    slope = rng.normal(size=parts[0].shape)
    found = jax.jit(jax.grad(lambda *p: (slope * attend(*p)).sum(), argnums=(0, 1, 2)))(*parts)
    for k, (queries, keys, values) in enumerate(zip(*parts, strict=True)):
        weights = softmax(keys.T @ queries)
        of_weights = values.T @ slope[k]
        of_scores = weights * (of_weights - (weights * of_weights).sum(axis=0))
        expected = keys @ of_scores, queries @ of_scores.T, slope[k] @ weights.T
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[k], theirs, rtol=1e-4, atol=1e-5)


def test_gradient_is_that_of_finite_differences(rng):
    check_gradient(lambda parts: attend(*parts), lambda: list(heads(rng, n_heads=1)))


@given(seed=st.integers(0, 2**16), scale=st.sampled_from([0.0, 1.0, 30.0]))
def test_outputs_are_averages_of_values_whatever_their_order(seed, scale):
    rng = np.random.default_rng(seed)
    queries, keys, values = heads(rng)
    outputs = np.asarray(attend(scale * queries, keys, values))
    assert (outputs <= values.max(axis=2, keepdims=True) + 1e-5).all()
    assert (outputs >= values.min(axis=2, keepdims=True) - 1e-5).all()
    order = rng.permutation(keys.shape[2])
    shuffled = attend(scale * queries, keys[..., order], values[..., order])
    np.testing.assert_allclose(shuffled, outputs, rtol=1e-4, atol=1e-5)


def test_large_scores_choose_one_value(rng):
    """A hundredfold softmax is the maximum; without the shift it would be infinite."""
    _, keys, values = heads(rng)
    outputs = attend(1000 * keys, keys / np.linalg.norm(keys, axis=1, keepdims=True), values)
    np.testing.assert_allclose(outputs, values, rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_averages_have_single_precision_at_least(rng, dtype):
    parts = heads(rng)
    outputs = attend(*(jnp.asarray(part, dtype) for part in parts))
    assert outputs.dtype == jnp.float32
    np.testing.assert_allclose(outputs, attend(*parts), atol=0.05)
