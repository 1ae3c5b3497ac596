import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.layers import dot_product, dot_product_blocked
from tests.deep.gradients import check_gradient


def weighted(attend, over_batch, weight):
    """Return outputs and gradients of a function of heads, batched so many times."""
    for _ in range(over_batch):
        attend = jax.vmap(attend)

    def total(*parts):
        outputs = attend(*parts)
        return (weight * outputs).sum(), outputs

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))


@pytest.mark.parametrize("lead", [(4,), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("maps_of_a_block", [0.5, 2, 5, 100])
def test_blocks_are_the_formula(monkeypatch, rng, lead, maps_of_a_block):
    monkeypatch.setattr(dot_product_blocked, "BLOCK", int(maps_of_a_block * 4 * 7 * 9))
    queries, weight = 3 * rng.normal(size=(2, *lead, 5, 7)).astype(np.float32)
    keys, values = 3 * rng.normal(size=(2, *lead, 5, 9)).astype(np.float32)
    parts = queries, keys, values
    expected, ours = (
        weighted(module.attend, len(lead) - 1, weight)(*parts)
        for module in (dot_product, dot_product_blocked)
    )
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_large_scores_stay_finite(rng):
    parts = 100 * rng.normal(size=(3, 2, 4, 6)).astype(np.float32)
    (_, ours), gradients = weighted(dot_product_blocked.attend, 0, 1.0)(*parts)
    np.testing.assert_allclose(ours, jax.jit(dot_product.attend)(*parts), rtol=1e-4)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_what_is_not_batched_is_shared(rng):
    queries, values = rng.normal(size=(2, 3, 2, 4, 6)).astype(np.float32)
    keys = rng.normal(size=(2, 4, 6)).astype(np.float32)
    ours, expected = (
        jax.jit(jax.vmap(m.attend, (0, None, 0)))(queries, keys, values)
        for m in (dot_product_blocked, dot_product)
    )
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_half_precision_is_close(rng):
    parts = rng.normal(size=(3, 2, 4, 6)).astype(np.float32)
    half = [jnp.asarray(x, jnp.bfloat16) for x in parts]
    (_, ours), slopes = weighted(dot_product_blocked.attend, 0, 1.0)(*half)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, jax.jit(dot_product.attend)(*parts), atol=0.05)
    assert {x.dtype for x in slopes} == {jnp.dtype(jnp.bfloat16)}


def test_gradient_is_that_of_finite_differences(rng):
    parts = rng.normal(size=(3, 1, 2, 4))
    check_gradient(lambda t: dot_product_blocked.attend(*t), lambda: list(parts))


def test_maps_of_all_heads_are_never_held():
    parts = [jax.ShapeDtypeStruct((64, 2, 4, 192), jnp.float32)] * 3
    compiled = weighted(dot_product_blocked.attend, 1, 1.0).lower(*parts).compile()
    one_map = 4 * 192 * 192
    assert compiled.memory_analysis().temp_size_in_bytes < 64 * one_map  # formula: 3 * 128
