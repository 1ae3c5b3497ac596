"""The training loop of every model."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from deep.data.examples import Examples
from deep.training.checkpoints import Checkpoint
from deep.training.devices import choose_device
from deep.training.optimizers import Optimizer
from deep.training.step import Task
from deep.training.trainer import History, Trainer

Callback = Callable[[History], bool | None]

_REMEDY = (
    "the weights from before are kept: lower learning_rate, set clip_norm, or look for extreme "
    "values in the examples"
)


@dataclass(frozen=True)
class Fit:
    """A trained model and the course of its training.

    Attributes
    ----------
    model, state : object
        With the weights of the best epoch, or of the last one if nothing was held out.
    history : dict of str to list of float
        One value per epoch: "loss", "gradient_norm" and the task's metrics, as means over the
        training batches; the same with the prefix ``val_`` for the held-out examples;
        "learning_rate" at the end; "seconds".
    best_epoch : int
        Index into the history of the epoch that the weights are from.
    stopped : str
        Why the training ended.
    """

    model: Any
    state: Any
    history: History
    best_epoch: int
    stopped: str


def fit_network(
    task: Task,
    model: Any,
    state: Any,
    examples: Examples,
    optimizer: Optimizer,
    *,
    batch_size: int,
    max_epochs: int,
    seed: int,
    validation: Examples | None = None,
    patience: int | None = None,
    monitor: str = "val_loss",
    max_minutes: float | None = None,
    precision: str = "float32",
    trainable: Callable[[str], bool] | None = None,
    device: str | None = None,
    checkpoint: str | Path | None = None,
    callback: Callback | None = None,
    verbose: bool = False,
) -> Fit:
    """Train a model.

    The same seed gives the same weights, bit for bit on the same machine, even if the training was
    killed in between and resumed from its checkpoint.

    Parameters
    ----------
    task : Task
        Computes the loss: ``task(model, state, batch, key) -> (loss, (state, metrics))``.
    model : equinox.Module
        Model to start from; stays as it is.
    state : equinox.nn.State
        Its state.
    examples : Examples
        To learn from.
    optimizer : Optimizer
        How gradients change the weights.
    batch_size : int
        Number of examples in a batch.
    max_epochs : int
        Largest number of passes through the examples.
    seed : int
        Decides the batches and all that is random in the model.
    validation : Examples, optional
        Held-out examples. The epoch that is best on them gives the weights.
    patience : int, optional
        Stop after this many epochs without improvement on `validation`; None never stops early.
    monitor : str
        Column of the history whose smallest value is best, or whose largest is with a minus in
        front, such as "-val_accuracy".
    max_minutes : float, optional
        Stop after the first epoch that ends later than this. The number of epochs then depends on
        the machine and its load: the result cannot be reproduced.
    precision : {"float32", "bfloat16"}
        Of the computation; the weights stay in float32.
    trainable : callable, optional
        Tells by the name of an array, such as "encoder.weight", whether it is trained.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.
    checkpoint : path, optional
        Folder where the training is saved after each epoch, under a name made of all that decides
        it; a training that finds its file resumes from it. The file is removed at the end.
    callback : callable, optional
        Called after each epoch with the history; the training ends if it returns True.
    verbose : bool
        Show the progress.

    Returns
    -------
    fit : Fit
        Trained model.

    Raises
    ------
    ValueError
        If an argument is invalid, or loss or gradient are not finite in the first batch.

    Warns
    -----
    ConvergenceWarning
        If loss or gradient become NaN or infinite. The last good weights are kept.
    """
    for what, value in (("batch_size", batch_size), ("max_epochs", max_epochs)):
        if value < 1:
            raise ValueError(f"{what} must be at least 1, got {value}")
    if patience is not None and validation is None:
        raise ValueError(f"patience={patience} needs validation examples: hold some out")
    if max_minutes is not None and not max_minutes > 0:
        raise ValueError(f"max_minutes must be positive, got {max_minutes!r}")
    trainer = Trainer(examples, validation, batch_size, seed, choose_device(device), monitor)
    trainer.start(model, state, task, optimizer, max_epochs, precision, trainable)
    decided_by = (
        {}
        if checkpoint is None
        else {"run": trainer.decided_by(), "max_epochs": max_epochs, "patience": patience}
        | ({} if monitor == "val_loss" else {"monitor": monitor})
    )
    file = Checkpoint(checkpoint, decided_by)
    saved = file.load()
    if saved is not None:
        trainer.restore(*saved)
    limits = max_epochs, patience, max_minutes
    stopped = _stopped(trainer, *limits)
    n_batches = max_epochs * trainer.n_batches
    done = trainer.n_epochs * trainer.n_batches
    with tqdm(total=n_batches, initial=done, unit="batch", disable=not verbose) as bar:
        while not stopped:
            trainer.epoch(bar.update)
            bar.set_postfix(
                {k: v[-1] for k, v in trainer.history.items() if k in ("loss", "val_loss")}
            )
            stopped = _stopped(trainer, *limits)
            if not stopped:
                file.save(*trainer.contents())
                if callback is not None and callback(trainer.history):
                    stopped = "the callback ended it"
    if trainer.diverged:
        warnings.warn(f"{trainer.diverged}; {_REMEDY}", ConvergenceWarning, stacklevel=2)
    file.remove()
    return Fit(*trainer.result(), trainer.history, trainer.best_epoch, stopped)


def _stopped(
    trainer: Trainer, max_epochs: int, patience: int | None, max_minutes: float | None
) -> str:
    """Reason why the training is over, empty if it is not; decided by the history alone."""
    if trainer.diverged:
        return trainer.diverged
    if patience is not None and trainer.n_epochs - 1 - trainer.best_epoch >= patience:
        what = {"val_loss": "smaller validation loss"}.get(
            trainer.monitor, f"better {trainer.monitor}"
        )
        return f"no {what} for {patience} epochs"
    if trainer.n_epochs >= max_epochs:
        return f"max_epochs={max_epochs} reached"
    minutes = sum(trainer.history.get("seconds", [])) / 60
    if max_minutes is not None and minutes >= max_minutes:
        return f"max_minutes={max_minutes:g} reached"
    return ""
