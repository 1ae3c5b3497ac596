"""The two compiled programs of a training: an update, and the loss alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax

from deep.training.optimizers import Optimizer
from deep.training.trees import TreeStructure, array_names, frozen_parts, in_inference, split

PRECISIONS = ("float32", "bfloat16")


#: Objective of a training: a function of a module, or a frozen data class that can be called, as
#: ``task(model, state, batch, key) -> (loss, (state, metrics))``. The model is in inference mode
#: when it is only evaluated; the batch is from `Examples.take`; loss and metrics, which are further
#: numbers for the history, are means over the examples.
Task = Callable[[Any, Any, Any, jax.Array], tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]]


class TrainState(NamedTuple):
    """All that an update changes; weights and state are its first arrays, `healthy` is its last."""

    weights: Any
    state: Any
    optimizer: Any
    step: jax.Array
    healthy: jax.Array


@dataclass(frozen=True)
class Forward:
    """Static configuration of the loss of a model, without the optimizer."""

    task: Task
    precision: str
    learnt: TreeStructure
    fixed: TreeStructure
    frozen: tuple[str, ...] = ()

    @cached_property
    def program(self) -> Callable:
        """`evaluation` with this configuration, compiled at its first call."""
        return _evaluation_program(self)

    def model(self, weights: Any, fixed: Any) -> Any:
        """Combine trained and fixed parts into a model in the precision of the computation.

        Parts without a trained array are in inference mode: a batch norm that is not trained keeps
        its running statistics. With "bfloat16", arrays of two and more axes are cast; biases,
        scales and scalars keep their digits.
        """
        model = in_inference(eqx.combine(weights, fixed), self.frozen)
        if self.precision == "float32":
            return model
        return jax.tree.map(
            lambda leaf: (
                leaf.astype(jnp.bfloat16) if eqx.is_inexact_array(leaf) and leaf.ndim > 1 else leaf
            ),
            model,
        )


@dataclass(frozen=True)
class StepConfig:
    """Static configuration of the compiled training step; equal ones share their programs."""

    forward: Forward
    optimizer: Optimizer
    n_steps: int
    train_state: TreeStructure

    @cached_property
    def programs(self) -> tuple[Callable, Callable]:
        """Training step and `evaluation` with this configuration, compiled at their first call."""
        return _training_program(self), self.forward.program


# The configuration is hashed once per fit, not at each step.
@lru_cache(maxsize=16)
def _training_program(config: StepConfig) -> Callable:
    def train(arrays: list, fixed: list, seed: Any, batch: Any) -> Any:
        return training_step(config, arrays, fixed, seed, batch)

    return jax.jit(train, donate_argnums=0)


@lru_cache(maxsize=16)
def _evaluation_program(forward: Forward) -> Callable:
    def evaluate(learnt: list, fixed: list, seed: Any, batch: Any) -> Any:
        return evaluation(forward, learnt, fixed, seed, batch)

    return jax.jit(evaluate)


def start(
    model: Any,
    state: Any,
    task: Task,
    optimizer: Optimizer,
    n_steps: int,
    precision: str = "float32",
    trainable: Callable[[str], bool] | None = None,
) -> tuple[StepConfig, list[jax.Array], list[jax.Array]]:
    """Prepare a training: its static configuration, arrays that steps change, fixed arrays.

    `n_steps` is the length of the whole training, for the schedule of the learning rate; weights
    stay in float32 whatever the `precision` of the computation, "float32" or "bfloat16".
    `trainable` tells by the name of an array, such as "encoder.weight", whether it is trained; None
    for all.

    Raises `ValueError` if the precision is unknown, or nothing is trained.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}")
    chosen = iter([trainable is None or trainable(name) for name in array_names(model)])
    spec = jax.tree.map(
        lambda leaf: eqx.is_array(leaf) and next(chosen) and eqx.is_inexact_array(leaf), model
    )
    weights, rest = eqx.partition(model, spec)
    if not jax.tree.leaves(weights):
        raise ValueError(
            f"nothing of the model is trained: trainable chose none of {array_names(model)}"
        )
    frozen = frozen_parts(model, set(array_names(weights)))
    if optimizer.schedule == "constant":
        n_steps = 0  # equal programs for trainings of any length
    optimizer_state = optimizer.build(n_steps).init(weights)
    train_state = TrainState(
        weights, state, optimizer_state, jnp.zeros((), jnp.int32), jnp.array(True)
    )
    arrays, structure = split(train_state)
    fixed_arrays, fixed = split(rest)
    # Copies, since a step takes over the memory of what it changes; and without the weak types
    # of Python's numbers, which would make the second step another program than the first.
    arrays = [jnp.array(array, dtype=array.dtype, copy=True) for array in arrays]
    learnt = split((weights, state))[1]
    forward = Forward(task, precision, learnt, fixed, frozen)
    return StepConfig(forward, optimizer, n_steps, structure), arrays, fixed_arrays


def training_step(
    config: StepConfig, arrays: list, fixed: list, seed: Any, batch: Any
) -> tuple[list, tuple]:
    """Change the weights by one batch, unless loss or gradient are not finite.

    After a number that is not finite nothing changes any more, so that whoever looks at the losses
    later still finds the last good weights. The memory of `arrays` is reused for the result; each
    step derives its own random key from `seed`, a uint32. Returns the changed arrays and a report:
    whether all was finite so far, loss, norm of the gradient, metrics of the task.

    Raises `TypeError` if the task returns a state of other arrays than it got.
    """
    current = config.train_state.join(arrays)
    forward = config.forward
    key = jax.random.fold_in(jax.random.key(seed), current.step)

    def loss_of(weights: Any) -> Any:
        model = forward.model(weights, forward.fixed.join(fixed))
        loss, (state, metrics) = forward.task(model, current.state, batch, key)
        return loss.astype(jnp.float32), (state, metrics)

    # A task may change the state that it is given in place.
    old_state = config.train_state.join(arrays).state
    (loss, (state, metrics)), gradient = jax.value_and_grad(loss_of, has_aux=True)(current.weights)
    _check_state(old_state, state)
    norm = jnp.sqrt(sum(jnp.square(part).sum() for part in jax.tree.leaves(gradient)))
    healthy = current.healthy & jnp.isfinite(loss) & jnp.isfinite(norm)

    def updated(weights: Any, optimizer_state: Any, gradient: Any) -> Any:
        updates, optimizer_state = config.optimizer.build(config.n_steps).update(
            gradient, optimizer_state, weights
        )
        new = optax.apply_updates(weights, updates), optimizer_state
        return jax.tree.map(
            lambda x, old: x.astype(old.dtype), new, (current.weights, current.optimizer)
        )

    def kept(weights: Any, optimizer_state: Any, gradient: Any) -> Any:
        return weights, optimizer_state

    # A choice between two computations, and not between two results for each array: that would
    # take the memory of one more set of weights and of one more state of the optimizer.
    weights, optimizer_state = lax.cond(
        healthy, updated, kept, current.weights, current.optimizer, gradient
    )
    state = jax.tree.map(lambda new, old: jnp.where(healthy, new, old), state, old_state)
    step = current.step + healthy
    new, _ = split(TrainState(weights, state, optimizer_state, step, healthy))
    return new, (healthy, loss, norm, metrics)


def evaluation(
    forward: Forward, learnt: list, fixed: list, seed: Any, batch: Any
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Loss (scalar) and metrics of the model in inference mode; the random key is fixed."""
    weights, state = forward.learnt.join(learnt)
    model = eqx.nn.inference_mode(forward.model(weights, forward.fixed.join(fixed)))
    loss, (_, metrics) = forward.task(model, state, batch, jax.random.key(seed))
    return loss.astype(jnp.float32), metrics


def _check_state(old: Any, new: Any) -> None:
    got, expected = (jax.tree.map(jax.typeof, state) for state in (new, old))
    structures: list[Any] = [jax.tree.structure(state) for state in (got, expected)]
    if structures[0] != structures[1] or jax.tree.leaves(got) != jax.tree.leaves(expected):
        raise TypeError(f"the task returned the state {got}, expected arrays as in {expected}")
