"""One training step at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deep.training.devices import choose_device, to_jax
from deep.training.optimizers import Optimizer
from deep.training.programs import PRECISIONS, Task, TrainState, start
from deep.training.trees import array_names, split

__all__ = ["PRECISIONS", "Report", "Stepper", "Task"]


class Report(NamedTuple):
    """What a step reports, as scalars on the device.

    `healthy`: whether all was finite so far; `loss` of the batch before the step and `norm` of its
    gradient; `metrics` of the task.
    """

    healthy: jax.Array
    loss: jax.Array
    norm: jax.Array
    metrics: dict[str, jax.Array]


class Stepper:
    """A model in training, whose weights stay on the device.

    Parameters
    ----------
    model : equinox.Module
        Model to start from; stays as it is.
    state : equinox.nn.State
        Its state.
    task : Task
        Loss.
    optimizer : Optimizer, optional
        How gradients change the weights; None for a model that is only evaluated.
    n_steps : int
        Steps of the whole training, for the schedule of the learning rate.
    seed : int
        Decides all that is random in the model.
    precision : {"float32", "bfloat16"}
        Of the computation; the weights stay in float32.
    trainable : callable, optional
        Tells by the name of an array, such as "encoder.weight", whether it is trained; None for
        all.
    device : jax.Device, optional
        Where to compute; None for a GPU if JAX sees one.

    Raises
    ------
    ValueError
        If the precision is unknown, or nothing is trained.

    Examples
    --------
    >>> import equinox as eqx, numpy as np
    >>> from deep.layers import Linear
    >>> def error(model, state, batch, key):
    ...     return jnp.square(model(batch["x"])).mean(), (state, {})
    >>> model, state = eqx.nn.make_with_state(Linear)(2, 1, key=jax.random.key(0))
    >>> stepper = Stepper(model, state, error, Optimizer("sgd", 0.1))
    >>> batch = {"x": np.ones((4, 2), np.float32)}
    >>> losses = [float(stepper.step(batch).loss) for _ in range(3)]
    >>> losses[0] > losses[1] > losses[2] > float(stepper.evaluate(batch)[0])
    True
    """

    def __init__(
        self,
        model: Any,
        state: Any,
        task: Task,
        optimizer: Optimizer | None = None,
        *,
        n_steps: int = 0,
        seed: int = 0,
        precision: str = "float32",
        trainable: Callable[[str], bool] | None = None,
        device: jax.Device | None = None,
    ) -> None:
        self.device = choose_device() if device is None else device
        self.trains = optimizer is not None
        # Plain gradient descent keeps nothing, so that an evaluation costs no memory for it.
        self.config, *lists = start(
            model, state, task, optimizer or Optimizer("sgd"), n_steps, precision, trainable
        )
        self.arrays: list[jax.Array]
        self.arrays, self.fixed = jax.device_put(lists, self.device)
        self._key = jax.device_put(np.uint32(seed), self.device)
        self._n_learnt = len(split(self._train_state[:2])[0])

    def step(self, batch: Any) -> Report:
        """Change the weights by one batch, see `deep.training.programs.training_step`.

        Parameters
        ----------
        batch : dict of str to arrays of shape (n_examples, ...)
            Examples.

        Returns
        -------
        report : Report
            The device may still be computing it.

        Raises
        ------
        RuntimeError
            If there is no optimizer.
        """
        if not self.trains:
            raise RuntimeError("this model is only evaluated: give an optimizer to train it")
        train = self.config.programs[0]
        self.arrays, report = train(self.arrays, self.fixed, self._key, self.load(batch))
        return Report(*report)

    def evaluate(self, batch: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Compute the loss of the model in inference mode, and change nothing.

        Parameters
        ----------
        batch : dict of str to arrays of shape (n_examples, ...)
            Examples.

        Returns
        -------
        loss : jax.Array
            Scalar.
        metrics : dict of str to scalars
            Metrics of the task.
        """
        program = self.config.forward.program
        report: tuple[jax.Array, dict[str, jax.Array]] = program(
            self.learnt, self.fixed, self._key, self.load(batch)
        )
        return report

    def load(self, batch: Any) -> Any:
        """Put a batch on the device; costs nothing for one that is there.

        Parameters
        ----------
        batch : dict of str to arrays
            Examples.

        Returns
        -------
        batch : dict of str to jax.Array
            The same numbers.
        """
        return jax.tree.map(lambda x: to_jax(x, self.device), batch)

    def snapshot(self) -> list[jax.Array]:
        """Copy all that the next steps depend on.

        Returns
        -------
        arrays : list of jax.Array
            On the device; for `restore`.
        """
        # Copies: the next step takes over the memory of the arrays.
        return [jnp.array(array, copy=True) for array in self.arrays]

    def restore(self, arrays: list[Any]) -> None:
        """Go back to where the model was, bit for bit.

        Parameters
        ----------
        arrays : list of arrays
            From `snapshot`, of this model or an equal one; they stay as they are.

        Raises
        ------
        ValueError
            If they are those of another model.
        """
        given, expected = (
            [(np.shape(array), jnp.result_type(array)) for array in which]
            for which in (arrays, self.arrays)
        )
        if given != expected:
            raise ValueError("the arrays are not those of this model: by number, shape or type")
        put = jax.device_put(list(arrays), self.device)
        self.arrays = [jnp.array(array, copy=True) for array in put]

    @property
    def learnt(self) -> list[jax.Array]:
        """Weights and state, the first ones of `arrays`."""
        return self.arrays[: self._n_learnt]

    @property
    def trained(self) -> list[str]:
        """Names of the arrays that are trained, such as "encoder.weight"."""
        return array_names(self._train_state.weights)

    def result(self, learnt: list[jax.Array] | None = None) -> tuple[Any, Any]:
        """Model and state as they are now.

        Parameters
        ----------
        learnt : list of arrays, optional
            A copy of `learnt` from another moment, to use in its place.

        Returns
        -------
        model, state : object
            With all parts in the mode in which they were given.
        """
        arrays = self.arrays if learnt is None else [*learnt, *self.arrays[len(learnt) :]]
        train_state = self.config.train_state.join(arrays)
        fixed = self.config.forward.fixed.join(self.fixed)
        return eqx.combine(train_state.weights, fixed), train_state.state

    @property
    def _train_state(self) -> TrainState:
        train_state: TrainState = self.config.train_state.join(self.arrays)
        return train_state
