"""Number of epochs that fit into a given time, so that the learning rate falls by its end."""

import time
from typing import Any

import equinox as eqx
import jax
import numpy as np

from deep.data.examples import Examples
from deep.training.devices import choose_device
from deep.training.optimizers import Optimizer
from deep.training.step import Stepper, Task

# Number of timed steps.
_TIMED = 3


def epochs_in_time(
    architecture: Any, config: dict[str, Any], task: Task, optimizer: Optimizer,
    examples: Examples, training: Any,
) -> int:  # fmt: skip
    """Count the epochs that fit into some minutes, from the time of a few steps.

    Those of `max_minutes` in the settings `training`, and at least 1; compilation is not counted.
    Depends on the machine and its load.
    """
    model, state = eqx.nn.make_with_state(architecture)(**config, key=jax.random.key(0))
    stepper = Stepper(
        model, state, task, optimizer, n_steps=1, seed=0, precision=training.precision,
        device=choose_device(training.device),
    )  # fmt: skip
    batch = examples.take(np.arange(training.batch_size), None)
    jax.block_until_ready(stepper.step(batch))
    began = time.perf_counter()
    for _ in range(_TIMED):
        jax.block_until_ready(stepper.step(batch))
    seconds = (time.perf_counter() - began) / _TIMED * (len(examples) // training.batch_size)
    return max(1, int(60 * training.max_minutes // seconds))
