"""How long a training may be to end in time, with a learning rate that has fallen by then."""

import time
from typing import Any

import equinox as eqx
import jax
import numpy as np

from deep.data.examples import Examples
from deep.training.optimizers import Optimizer
from deep.training.step import Stepper, Task

# Steps whose time is taken.
_TIMED = 3


def epochs_in_time(
    architecture: Any, config: dict[str, Any], task: Task, optimizer: Optimizer,
    examples: Examples, *, batch_size: int, minutes: float, precision: str, device: jax.Device,
) -> int:  # fmt: skip
    """Count the epochs that fit into some minutes, from the time of a few steps.

    Parameters
    ----------
    architecture : type
        Class of the model.
    config : dict of str to object
        Its arguments.
    task : Task
        Loss.
    optimizer : Optimizer
        How gradients change the weights.
    examples : Examples
        To learn from.
    batch_size : int
        Number of examples in a batch.
    minutes : float
        How long the training may last, without compiling it.
    precision : str
        Of the computation.
    device : jax.Device
        Where to compute.

    Returns
    -------
    n_epochs : int
        At least 1. Depends on the machine and on what else it does.
    """
    model, state = eqx.nn.make_with_state(architecture)(**config, key=jax.random.key(0))
    stepper = Stepper(
        model, state, task, optimizer, n_steps=1, seed=0, precision=precision, device=device
    )
    batch = examples.take(np.arange(batch_size), None)
    jax.block_until_ready(stepper.step(batch))
    began = time.perf_counter()
    for _ in range(_TIMED):
        jax.block_until_ready(stepper.step(batch))
    seconds = (time.perf_counter() - began) / _TIMED * (len(examples) // batch_size)
    return max(1, int(60 * minutes // seconds))
