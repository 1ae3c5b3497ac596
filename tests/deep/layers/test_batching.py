import jax
import numpy as np

from deep.layers import batched
from tests.deep.tiny import tiny


def test_examples_get_keys_of_their_own_and_share_the_state():
    model, state = tiny()
    x = np.ones((64, 3), np.float32)
    y, after = batched(model, x, state=state, key=jax.random.key(0))
    assert y.shape == (64, 2)
    # Equal examples differ by what dropout leaves of four hidden features.
    assert 1 < len(np.unique(np.asarray(y), axis=0)) <= 16
    assert after.get(model.norm.index)[0].shape == (4,)
