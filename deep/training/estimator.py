"""What all neural estimators have in common: their settings, and how they are trained."""

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from deep.data.examples import Examples, Subset
from deep.data.stratified import stratified_groups
from deep.training.devices import choose_device
from deep.training.inference import apply
from deep.training.loop import fit_network
from deep.training.network import Network
from deep.training.optimizers import Optimizer
from deep.training.step import PRECISIONS, Task


class NeuralEstimator(BaseEstimator, ABC):
    """Base of estimators that train a network.

    A subclass names the class of its model in `architecture`. Its `fit` calls `_train`, and its
    predictions call `_apply`. It may be cloned, pickled and saved, and fitted in parallel.

    Parameters
    ----------
    optimizer : str or callable
        Name of an optimizer, see `Optimizer`.
    learning_rate : float
        Largest size of a step.
    schedule : str or callable
        How the learning rate changes, see `Optimizer`.
    weight_decay : float
        How much large weights cost, see `Optimizer`.
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    batch_size : int
        Number of examples in a batch.
    max_epochs : int
        Largest number of passes through the examples.
    patience : int, optional
        Stop after so many epochs without a smaller loss on the examples held out.
    validation_fraction : float
        Share of the groups of examples that is held out, to stop in time and to choose the best
        epoch; 0 holds none out and trains for `max_epochs`.
    precision : {"float32", "bfloat16"}
        Of the computation; the weights are kept in float32.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.
    checkpoint : str, optional
        Folder where unfinished trainings are kept, see `fit_network`. Needs a number as
        `random_state`.
    random_state : int, RandomState or None
        Decides initial weights, batches, what is held out and all that is random in the model.
    verbose : bool
        Show the progress.
    monitor : str
        What on the examples held out decides which epoch is best, see `fit_network`.
    max_minutes : float, optional
        Stop after the epoch in which so many minutes of training are over; not reproducible.
    """

    #: Class of the model: called with the configuration and ``key``.
    architecture: ClassVar[Any]

    def __init__(
        self,
        *,
        optimizer: str | Callable = "adam",
        learning_rate: float = 1e-3,
        schedule: str | Callable = "constant",
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        batch_size: int = 64,
        max_epochs: int = 100,
        patience: int | None = 10,
        validation_fraction: float = 0.1,
        precision: str = "float32",
        device: str | None = None,
        checkpoint: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
        monitor: str = "val_loss",
        max_minutes: float | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.monitor = monitor
        self.max_minutes = max_minutes

    def _check_settings(self) -> Optimizer:
        """Check the settings of the training before any work."""
        for what in ("batch_size", "max_epochs", "patience"):
            value = getattr(self, what)
            if value is None and what == "patience":
                continue
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{what} must be an integer of at least 1, got {value!r}")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be at least 0 and less than 1, got "
                f"{self.validation_fraction!r}"
            )
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise ValueError(f"max_minutes must be positive, got {self.max_minutes!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")
        if self.checkpoint is not None and not isinstance(self.random_state, int | np.integer):
            raise ValueError(
                f"checkpoint needs an integer as random_state, got {self.random_state!r}: a "
                "training that goes on has to draw the same batches"
            )
        seed = self.random_state
        if isinstance(seed, int | np.integer) and not 0 <= seed < 2**32:
            raise ValueError(f"random_state must be between 0 and {2**32 - 1}, got {seed}")
        choose_device(self.device)
        return Optimizer(
            self.optimizer, self.learning_rate, self.schedule, self.weight_decay, self.clip_norm
        )

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _train(
        self,
        task: Task,
        config: dict[str, Any],
        examples: Examples,
        groups: Any = None,
        trainable: Callable[[str], bool] | None = None,
        go_on: bool = False,
        classes: Any = None,
        start: tuple[Any, Any] | None = None,
    ) -> None:
        """Train, and keep network and history.

        `groups` tells which examples belong together, such as windows of one trial: all of a
        group are held out, or none; with `classes`, of each class about the same share. With
        `go_on` the network starts from what it has learnt, with `start` from that model and
        state, such as one with weights from a file.
        """
        optimizer = self._check_settings()
        seed = self._seed()
        learning, held_out = split_groups(examples, groups, self.validation_fraction, seed, classes)
        if start is not None:
            model, state = start
        elif go_on:
            model, state = self._network()
        else:
            make = eqx.nn.make_with_state(self.architecture)
            model, state = make(**config, key=jax.random.key(seed))
        fit = fit_network(
            task,
            model,
            state,
            learning,
            optimizer,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            seed=seed,
            validation=held_out,
            patience=None if held_out is None else self.patience,
            monitor=self.monitor,
            max_minutes=self.max_minutes,
            precision=self.precision,
            trainable=trainable,
            device=self.device,
            checkpoint=self.checkpoint,
            verbose=self.verbose,
        )
        self.network_ = Network.of(fit.model, fit.state, config)
        self.history_, self.best_epoch_, self.stopped_ = fit.history, fit.best_epoch, fit.stopped
        self.n_iter_ = len(fit.history["loss"])

    def _network(self) -> tuple[Any, Any]:
        """Model and state that were learnt."""
        check_is_fitted(self, "network_")
        model, state = self.network_.restored(self.architecture)
        return model, state

    def _apply(self, forward: Callable[[Any, Any, Any], Any], examples: Examples) -> Any:
        """Apply the network to examples, see `deep.training.inference.apply`."""
        device = choose_device(self.device)
        model, state = self._network()
        return apply(forward, model, state, examples, batch_size=self.batch_size, device=device)


def split_groups(
    examples: Examples, groups: Any, fraction: float, seed: int, classes: Any = None
) -> tuple[Examples, Examples | None]:
    """Hold whole groups of examples out.

    Parameters
    ----------
    examples : Examples
        All.
    groups : array-like of shape (n_examples,), optional
        To which group each example belongs; None if each is on its own.
    fraction : float
        Share of the groups to hold out, at least one; 0 for none.
    seed : int
        Decides which.
    classes : array-like of shape (n_examples,), optional
        Of each class, about that share of the examples is held out, and never all of them; see
        `deep.data.stratified.stratified_groups`.

    Returns
    -------
    learning, held_out : Examples
        Without a group in common; None in the place of the second if the share is 0.

    Raises
    ------
    ValueError
        If the groups do not fit to the examples, or are too few to hold one out.
    """
    if not fraction:
        return examples, None
    n = len(examples)
    groups = np.arange(n) if groups is None else np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(f"groups has shape {groups.shape}, expected one for each of {n} examples")
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(
            f"validation_fraction={fraction} needs at least 2 groups of examples to hold one out, "
            f"got {n_groups} with {n} sample(s): pass more, or set validation_fraction=0"
        )
    if classes is not None:
        left_out = stratified_groups(groups, np.asarray(classes), fraction, seed)
        return tuple(Subset(examples, np.flatnonzero(one)) for one in (~left_out, left_out))  # type: ignore[return-value]
    n_held_out = min(max(round(fraction * n_groups), 1), n_groups - 1)
    splitter = GroupShuffleSplit(1, test_size=n_held_out, random_state=seed)
    learning, held_out = next(splitter.split(np.empty(n), groups=groups))
    return Subset(examples, learning), Subset(examples, held_out)
