"""Application of a model of one example to a batch."""

from typing import Any

import jax

#: Name of the axis over which layers may average, as batch normalisation does.
BATCH = "batch"


def batched(model: Any, *inputs: Any, state: Any, key: Any = None, **options: Any) -> Any:
    """Apply a model of one example to a batch.

    Parameters
    ----------
    model : callable
        Called for one example as ``model(*inputs, state=state, key=key, **options)``; returns its
        output and the new state.
    *inputs : arrays of shape (n_examples, ...)
        Trees of arrays whose first axis is that of the batch.
    state : equinox.nn.State
        Shared by all examples.
    key : jax.Array, optional
        Random key, split for the examples; None where nothing is random.
    **options : dict
        The same for all examples.

    Returns
    -------
    output : array of shape (n_examples, ...)
        Outputs.
    state : equinox.nn.State
        New state, the same for all.
    """
    n = jax.tree.leaves(inputs)[0].shape[0]
    keys = None if key is None else jax.random.split(key, n)

    def one(inputs: Any, key: Any) -> Any:
        return model(*inputs, state=state, key=key, **options)

    axes = (0, None if key is None else 0)
    return jax.vmap(one, in_axes=axes, out_axes=(0, None), axis_name=BATCH)(inputs, keys)
