"""Base class of neural estimators: how they train and apply a network."""

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, Self

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
from deep.training.settings import DEFAULTS, Training
from deep.training.step import Task


class NetworkEstimator(BaseEstimator, ABC):
    """Base of estimators that train a network, with the settings of the training in one parameter.

    A subclass names the class of its model in `architecture` and has the parameters `training` (a
    `Training` or None), `max_epochs` and `random_state`; settings that `training` leaves out are
    those of `training_defaults`. Its `fit` calls `_train`, its predictions call `_apply`. It can be
    cloned, pickled, saved and fitted in parallel.
    """

    #: Class of the model: called with the configuration and ``key``.
    architecture: ClassVar[Any]
    #: Settings of the training that `training` leaves out.
    training_defaults: ClassVar[Any] = DEFAULTS
    training: Any
    max_epochs: Any
    random_state: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters.

        Parameters
        ----------
        deep : bool
            Also those of the training, such as ``training__learning_rate``, even if `training` is
            None.

        Returns
        -------
        parameters : dict of str to object
            By name.
        """
        parameters: dict[str, Any] = super().get_params(deep)
        if deep and parameters.get("training", self) is None:
            parameters |= {f"training__{k}": v for k, v in Training().get_params().items()}
        return parameters

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params : object
            By name; those of the training as ``training__learning_rate=0.01``.

        Returns
        -------
        self : estimator
            Itself.
        """
        nested = any(name.startswith("training__") for name in params)
        if nested and getattr(self, "training", self) is None and "training" not in params:
            self.training = Training()
        super().set_params(**params)
        return self

    @classmethod
    def _from_older(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters of an estimator that was saved when those of the training were among them."""
        known = cls._get_param_names()
        kept = {k: v for k, v in parameters.items() if k in known}
        moved = {k: v for k, v in parameters.items() if k not in known}
        if "training" in known and moved and set(moved) <= set(Training().get_params()):
            return kept | {"training": Training(**moved)}
        return parameters

    @property
    def _training(self) -> Any:
        """Settings of the training with defaults in place of None."""
        return (self.training or Training()).filled(self.training_defaults)

    @property
    def _device(self) -> jax.Device:
        """Where to compute."""
        return choose_device(self._training.device)

    def _check_settings(self) -> Any:
        """Check all settings before any work, and give those of the training."""
        training = self._training
        self._optimizer(training, self.max_epochs, self.random_state)
        return training

    def _optimizer(self, training: Training, max_epochs: Any, random_state: Any) -> Optimizer:
        """Make the optimizer of a training, whose settings are checked."""
        return training.check(max_epochs, random_state)

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
        *,
        training: Any = None,
        max_epochs: int | None = None,
        seed: int | None = None,
        trainable: Callable[[str], bool] | None = None,
        go_on: bool = False,
        classes: Any = None,
        start: tuple[Any, Any] | None = None,
    ) -> None:
        """Train, and keep network and history.

        `groups`: which examples belong together, such as windows of one trial; a group is held out
        as a whole or not at all, and with `classes` about the same share of each class is. With
        `go_on` the network starts from what it has learnt, with `start` from that model and state,
        such as one with weights from a file. `training` (without None), `max_epochs` and `seed`
        replace those of the estimator, for what depends on the data or is needed elsewhere, too.
        """
        training = self._check_settings() if training is None else training
        max_epochs = self.max_epochs if max_epochs is None else max_epochs
        seed = self._seed() if seed is None else seed
        optimizer = self._optimizer(training, max_epochs, seed)
        fraction = training.validation_fraction
        learning, held_out = split_groups(examples, groups, fraction, seed, classes)
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
            batch_size=training.batch_size,
            max_epochs=max_epochs,
            seed=seed,
            validation=held_out,
            patience=None if held_out is None else training.patience,
            monitor=training.monitor,
            max_minutes=training.max_minutes,
            precision=training.precision,
            trainable=trainable,
            device=training.device,
            checkpoint=training.checkpoint,
            verbose=training.verbose,
        )
        self.network_ = Network.of(fit.model, fit.state, config)
        self.history_, self.best_epoch_, self.stopped_ = fit.history, fit.best_epoch, fit.stopped
        self.n_iter_ = len(fit.history["loss"])

    def _network(self) -> tuple[Any, Any]:
        """Trained model and its state."""
        check_is_fitted(self, "network_")
        model, state = self.network_.restored(self.architecture)
        return model, state

    def _apply(self, forward: Callable[[Any, Any, Any], Any], examples: Examples) -> Any:
        """Apply the network to examples, see `deep.training.inference.apply`."""
        training = self._training
        device = choose_device(training.device)
        model, state = self._network()
        size = training.batch_size
        return apply(forward, model, state, examples, batch_size=size, device=device)


def split_groups(
    examples: Examples, groups: Any, fraction: float, seed: int, classes: Any = None
) -> tuple[Examples, Examples | None]:
    """Hold whole groups of examples out: examples to learn from, and those held out.

    `groups`, shape (n_examples,), tells which examples belong together; None if none do. At least
    one group is held out, about a share `fraction` of them; if that is 0 the second result is None.
    With `classes`, shape (n_examples,), about that share of the examples of each class is held out
    and never all of them, see `deep.data.stratified.stratified_groups`.

    Raises `ValueError` if the groups do not match the examples, or there are too few to hold one
    out.
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
