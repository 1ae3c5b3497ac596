"""Application of a trained model to many examples."""

from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import numpy as np

from deep.data.examples import Examples, evaluation_batches
from deep.data.prefetching import prefetched
from deep.training.devices import to_jax
from deep.training.step import Stepper, Task
from deep.training.trees import TreeStructure, split


def apply(
    forward: Callable[[Any, Any, Any], Any],
    model: Any,
    state: Any,
    examples: Examples,
    *,
    batch_size: int,
    device: jax.Device,
) -> Any:
    """Apply a model in inference mode to all examples, batch by batch.

    `forward(model, state, batch)` returns arrays whose first axis is that of the batch. The result
    of an example must not depend on the others: the last batch is filled up with repetitions, so
    that one program computes all batches. Returns a tree of ndarrays of shape (n_examples, ...), in
    the order of the examples.
    """
    arrays, structure = split((eqx.nn.inference_mode(model), state))
    arrays = jax.device_put(arrays, device)
    program = _program(forward, structure)
    n = len(examples)
    size = min(batch_size, n)

    def load(first: int) -> Any:
        indices = np.minimum(np.arange(first, first + size), n - 1)
        return jax.tree.map(lambda x: to_jax(x, device), examples.take(indices, None))

    with closing(prefetched(load, range(0, n, size))) as batches:
        outputs = [jax.device_get(program(arrays, batch)) for batch in batches]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *outputs)


def mean_loss(
    task: Task,
    model: Any,
    state: Any,
    examples: Examples,
    *,
    batch_size: int,
    precision: str,
    device: jax.Device,
    trainable: Callable[[str], bool] | None = None,
) -> float:
    """Mean loss of a model in inference mode, as training computes it for held-out examples.

    `trainable` is that of the training, see `deep.training.programs.start`.
    """
    stepper = Stepper(model, state, task, precision=precision, trainable=trainable, device=device)
    batches = evaluation_batches(len(examples), batch_size, examples.apart)
    losses = [stepper.evaluate(examples.take(indices, None))[0] for indices in batches]
    return float(np.average(np.asarray(losses, float), weights=[len(batch) for batch in batches]))


@lru_cache(maxsize=16)
def _program(forward: Callable, structure: TreeStructure) -> Callable:
    return jax.jit(lambda arrays, batch: forward(*structure.join(arrays), batch))
