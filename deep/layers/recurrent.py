"""Recurrent layers of both directions."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax


class BidirectionalLSTM(eqx.Module):
    """Long short-term memory in both directions: (n_times, n_inputs) -> (n_times, 2 * n_units).

    The first half of the outputs has seen the past, the second half the future [1]_. Frames whose
    `mask` is False, such as padding, change nothing: the memory stays as it was, and their outputs
    repeat it.

    Parameters
    ----------
    n_inputs : int
        Number of features.
    n_units : int
        Number of units in each direction.
    gate : callable
        Activation of the gates, the logistic function unless another is given.
    key : jax.Array
        Random key of the initial weights: uniform for the inputs, orthogonal from one time to the
        next. The forget gates start open, with a bias of 1.

    References
    ----------
    .. [1] Graves & Schmidhuber (2005), "Framewise phoneme classification with bidirectional LSTM
       and other neural network architectures", Neural Networks 18(5-6),
       https://doi.org/10.1016/j.neunet.2005.06.042.
    """

    inputs: jax.Array
    recurrent: jax.Array
    bias: jax.Array
    gate: Callable[[jax.Array], jax.Array] = eqx.field(static=True)

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        gate: Callable[[jax.Array], jax.Array] = jax.nn.sigmoid,
        *,
        key: jax.Array,
    ) -> None:
        keys = jax.random.split(key)
        glorot = jax.nn.initializers.glorot_uniform(in_axis=1, out_axis=3, batch_axis=(0, 2))
        orthogonal = jax.nn.initializers.orthogonal()
        # Gates in the order input, forget, cell, output; the direction is the first axis.
        self.inputs = glorot(keys[0], (2, n_inputs, 4, n_units)).reshape(2, n_inputs, -1)
        square = [orthogonal(k, (n_units, n_units)) for k in jax.random.split(keys[1], 8)]
        self.recurrent = jnp.stack(
            [jnp.concatenate(square[4 * d : 4 * d + 4], axis=1) for d in range(2)]
        )
        self.bias = jnp.zeros((2, 4, n_units)).at[:, 1].set(1.0).reshape(2, -1)
        self.gate = gate

    def __call__(self, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """Run through the frames from both ends."""
        if mask is None:
            mask = jnp.ones(x.shape[0], bool)
        return jnp.concatenate([self._direction(x, mask, d) for d in range(2)], axis=-1)

    def _direction(self, x: jax.Array, mask: jax.Array, direction: int) -> jax.Array:
        weight = self.recurrent[direction]
        # The inputs of all times in one product: only the recurrence has to wait for its turn.
        driven = x.astype(weight.dtype) @ self.inputs[direction]
        driven = driven + self.bias[direction].astype(weight.dtype)

        def step(memory: tuple, inputs: tuple) -> tuple:
            cell, hidden = memory
            driven, present = inputs
            i, f, g, o = jnp.split(driven + hidden @ weight, 4)
            new = self.gate(f) * cell + self.gate(i) * jnp.tanh(g)
            cell = jnp.where(present, new, cell)
            hidden = jnp.where(present, self.gate(o) * jnp.tanh(cell), hidden)
            return (cell, hidden), hidden

        silence = jnp.zeros(weight.shape[0], weight.dtype)
        outputs: jax.Array
        _, outputs = lax.scan(step, (silence, silence), (driven, mask), reverse=direction == 1)
        return outputs
