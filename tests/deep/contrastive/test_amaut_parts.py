import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deep.contrastive.amaut_parts import StandardisedConv, TransformerBlock


def test_the_weights_of_a_convolution_are_standardised(rng):
    x = rng.normal(size=(20, 3)).astype(np.float32)
    layer = StandardisedConv(3, 5, 7, 2, 3, key=jax.random.key(0))
    changed = eqx.tree_at(lambda m: m.weight, layer, 9 * layer.weight + 2)
    run = eqx.filter_jit(lambda m, x: m(x))
    np.testing.assert_allclose(run(layer, x), run(changed, x), rtol=2e-3, atol=2e-3)
    assert layer(x).shape == (10, 5)


def test_the_original_block_leaves_its_second_norm_out(rng):
    x = rng.normal(size=(4, 8)).astype(np.float32)
    for original in (True, False):
        block = TransformerBlock(8, 2, 16, 0.0, original, key=jax.random.key(0))
        block = eqx.nn.inference_mode(block)
        other = eqx.tree_at(lambda m: m.norms[1].weight, block, jnp.full(8, 3.0))
        run = eqx.filter_jit(lambda m, x: m(x))  # one program for both
        assert np.allclose(run(block, x), run(other, x)) == original
