"""Optimizers and learning-rate schedules by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from deep.training.trees import array_names

#: Optimizers: functions of the learning rate, which may be a schedule.
OPTIMIZERS: dict[str, Callable[[Any], optax.GradientTransformation]] = {
    "adam": optax.adam,
    "adamax": optax.adamax,
    "adamw": optax.adamw,
    "momentum": lambda rate: optax.sgd(rate, momentum=0.9),
    "nadam": optax.nadam,
    "sgd": optax.sgd,
}

#: Schedules: factors of the learning rate as functions of the elapsed share of the training.
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "constant": jnp.ones_like,
    "cosine": lambda share: 0.5 * (1 + jnp.cos(jnp.pi * share)),
    "warmup-cosine": lambda share: jnp.minimum(
        share / 0.05, 0.5 * (1 + jnp.cos(jnp.pi * (share - 0.05) / 0.95))
    ),
}


@dataclass(frozen=True)
class Optimizer:
    r"""How gradients change the weights.

    Parameters
    ----------
    name : str or callable
        Name in `OPTIMIZERS`: "adam", "adamax", "adamw", "momentum", "nadam" (as Optax has it, see
        Notes) or "sgd"; or a function of the learning rate that returns an Optax transformation.
    learning_rate : float
        Largest step size.
    schedule : str or callable
        Name in `SCHEDULES`: "constant", "cosine", or "warmup-cosine", which rises during the first
        twentieth; or a function of the elapsed share of the training that returns a factor.
    weight_decay : float
        Weight of the squared weights in the loss, halved; with "adamw" the share of each weight
        that is taken off in each step, times the learning rate.
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    factors : tuple of (str, float)
        Factors of the learning rate for arrays whose names begin with a text, such as
        ``(("encoder.", 0.1),)``; the first match counts, and 1 without a match.

    Notes
    -----
    Two algorithms go by the name of Nadam. Here it is Adam with the momentum that the next step
    will have and a constant decay :math:`\beta_1 = 0.9`, as in Optax:

    .. math::

        w_{t+1} = w_t - \eta \,
            \frac{\beta_1 \hat m_{t+1} + (1 - \beta_1) g_t / (1 - \beta_1^t)}
                 {\sqrt{\hat v_t} + \epsilon}

    with :math:`\hat m_{t+1} = m_t / (1 - \beta_1^{t+1})`. Its first step is 1.47 times the
    learning rate. That of Dozat [1]_, which PyTorch and Keras have, warms the momentum up by a
    schedule of :math:`0.96^{t / 250}`, and begins with 1.06 times the rate.

    References
    ----------
    .. [1] Dozat (2016), "Incorporating Nesterov momentum into Adam", ICLR workshop,
       https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.
    """

    name: str | Callable[[Any], optax.GradientTransformation] = "adam"
    learning_rate: float = 1e-3
    schedule: str | Callable[[Any], Any] = "constant"
    weight_decay: float = 0.0
    clip_norm: float | None = None
    factors: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for begin, factor in self.factors:
            if not factor >= 0:
                raise ValueError(f"the factor of {begin!r} must not be negative, got {factor!r}")
        choose("optimizer", self.name, OPTIMIZERS)
        choose("schedule", self.schedule, SCHEDULES)
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate!r}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay!r}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be positive, got {self.clip_norm!r}")

    def rate(self, step: Any, n_steps: int) -> Any:
        """Learning rate of a step.

        Parameters
        ----------
        step : int or array
            Steps done.
        n_steps : int
            Steps of the whole training; what comes later has the rate of the last.

        Returns
        -------
        rate : array
            In float32.

        Examples
        --------
        >>> [round(float(Optimizer(schedule="cosine").rate(s, 4)), 5) for s in (0, 1, 2, 4)]
        [0.001, 0.00085, 0.0005, 0.0]
        """
        share = jnp.minimum(jnp.asarray(step, jnp.float32) / n_steps, 1)
        return self.learning_rate * choose("schedule", self.schedule, SCHEDULES)(share)

    def build(self, n_steps: int) -> optax.GradientTransformation:
        """Make the Optax transformation of gradients.

        Parameters
        ----------
        n_steps : int
            Steps of the whole training.

        Returns
        -------
        transformation : optax.GradientTransformation
            Clipping, decay, optimizer and factors, chained.
        """
        transformations = []
        decay = optax.add_decayed_weights(self.weight_decay)
        if self.clip_norm is not None:
            transformations.append(optax.clip_by_global_norm(self.clip_norm))
        rate = (
            self.learning_rate
            if self.schedule == "constant"
            else lambda step: self.rate(step, n_steps)
        )
        if self.name == "adamw":
            transformations += [optax.scale_by_adam(), decay, optax.scale_by_learning_rate(rate)]
        else:
            if self.weight_decay:
                transformations.append(decay)
            transformations.append(choose("optimizer", self.name, OPTIMIZERS)(rate))
        if self.factors:
            transformations.append(optax.stateless(self._with_factors))
        return optax.chain(*transformations)

    def _with_factors(self, updates: Any, weights: Any = None) -> Any:
        leaves, treedef = jax.tree.flatten(updates)
        factors = [
            next((factor for begin, factor in self.factors if name.startswith(begin)), 1.0)
            for name in array_names(updates)
        ]
        scaled = [x * factor for x, factor in zip(leaves, factors, strict=True)]
        return jax.tree.unflatten(treedef, scaled)


def choose(what: str, name: Any, choices: dict[str, Any]) -> Any:
    """Look a function up by name in `choices`, or take it as it is.

    Raises `ValueError`, which calls the argument `what`, if there is no function of that name.
    """
    if callable(name):
        return name
    if name not in choices:
        raise ValueError(f"{what} must be one of {sorted(choices)} or a function, got {name!r}")
    return choices[name]
