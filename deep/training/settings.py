"""Settings of a training, the same for all neural estimators."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone

from deep.training.devices import choose_device
from deep.training.optimizers import Optimizer
from deep.training.step import PRECISIONS


class Training(BaseEstimator):
    """How a network is trained, as the parameter `training` of a neural estimator.

    None leaves a setting to the estimator, or to its preset.

    Parameters
    ----------
    optimizer : str or callable, optional
        Name of an optimizer, see `Optimizer`.
    learning_rate : float, optional
        Largest step size.
    schedule : str or callable, optional
        Schedule of the learning rate, see `Optimizer`.
    weight_decay : float, optional
        Penalty on large weights, see `Optimizer`.
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    batch_size : int, optional
        Number of examples in a batch.
    patience : int, optional
        Stop after this many epochs without a smaller loss on the held-out examples.
    validation_fraction : float, optional
        Share of the groups of examples that is held out, to stop in time and to choose the best
        epoch; 0 holds none out and trains for all epochs.
    precision : {"float32", "bfloat16"}
        Of the computation; the weights stay in float32.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.
    checkpoint : str, optional
        Folder of unfinished trainings, see `fit_network`; needs a number as `random_state` of the
        estimator.
    verbose : bool
        Show the progress.
    monitor : str, optional
        Column of the history that decides which epoch is best, see `fit_network`.
    max_minutes : float, optional
        Stop after the epoch in which this time is over; not reproducible.

    Examples
    --------
    >>> from deep import SigLIPDecoder
    >>> decoder = SigLIPDecoder(training=Training(learning_rate=1e-3), max_epochs=20)
    >>> decoder.set_params(training__batch_size=16).training
    Training(batch_size=16, learning_rate=0.001)
    """

    def __init__(
        self,
        *,
        optimizer: str | Callable | None = None,
        learning_rate: float | None = None,
        schedule: str | Callable | None = None,
        weight_decay: float | None = None,
        clip_norm: float | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        validation_fraction: float | None = None,
        precision: str = "float32",
        device: str | None = None,
        checkpoint: str | None = None,
        verbose: bool = False,
        monitor: str | None = None,
        max_minutes: float | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.monitor = monitor
        self.max_minutes = max_minutes

    def filled(self, defaults: Mapping[str, Any]) -> Self:
        """Replace None by defaults.

        Parameters
        ----------
        defaults : mapping of str to object
            Values by name of the parameter.

        Returns
        -------
        training : Training
            A copy.
        """
        copy: Self = clone(self)
        missing = {k: v for k, v in defaults.items() if getattr(self, k) is None}
        return copy.set_params(**missing)

    def check(self, max_epochs: Any, random_state: Any) -> Optimizer:
        """Check the settings before any work.

        Parameters
        ----------
        max_epochs : int
            Largest number of epochs.
        random_state : int, RandomState or None
            Source of random numbers.

        Returns
        -------
        optimizer : Optimizer
            As configured.

        Raises
        ------
        ValueError
            If a setting is out of range.
        RuntimeError
            If the device is not there.
        """
        for what, value in (
            ("batch_size", self.batch_size),
            ("max_epochs", max_epochs),
            ("patience", self.patience),
        ):
            if value is None and what == "patience":
                continue
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{what} must be an integer of at least 1, got {value!r}")
        fraction = self.validation_fraction
        if fraction is None or not 0 <= fraction < 1:
            raise ValueError(
                f"validation_fraction must be at least 0 and less than 1, got {fraction!r}"
            )
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise ValueError(f"max_minutes must be positive, got {self.max_minutes!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")
        if self.checkpoint is not None and not isinstance(random_state, int | np.integer):
            raise ValueError(
                f"checkpoint needs an integer as random_state, got {random_state!r}: a "
                "training that goes on has to draw the same batches"
            )
        if isinstance(random_state, int | np.integer) and not 0 <= random_state < 2**32:
            raise ValueError(f"random_state must be between 0 and {2**32 - 1}, got {random_state}")
        choose_device(self.device)
        return Optimizer(
            self.optimizer,  # type: ignore[arg-type]
            self.learning_rate,  # type: ignore[arg-type]
            self.schedule,  # type: ignore[arg-type]
            self.weight_decay,  # type: ignore[arg-type]
            self.clip_norm,
        )


#: Settings of a training that neither it nor the estimator decides.
DEFAULTS: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "weight_decay": 0.0,
    "batch_size": 64,
    "patience": 10,
    "validation_fraction": 0.1,
    "monitor": "val_loss",
}
