"""Trainer: the epochs of a training, and what is kept between them."""

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import joblib
import numpy as np

from deep.data.examples import Examples, evaluation_batches
from deep.data.prefetching import prefetched
from deep.training.optimizers import Optimizer
from deep.training.step import Stepper, Task

History = dict[str, list[float]]

# Steps that the host may be ahead of the device: keeps it busy and bounds the memory.
_AHEAD = 2


class Trainer:
    """Trains a model epoch by epoch; `start` comes first.

    `monitor` names what in the history decides which epoch is best, see `deep.fit_network`.
    """

    def __init__(
        self,
        examples: Examples,
        validation: Examples | None,
        batch_size: int,
        seed: int,
        device: jax.Device,
        monitor: str = "val_loss",
    ) -> None:
        self.monitor = monitor
        self.examples, self.validation = examples, validation
        self.batch_size, self.seed, self.device = batch_size, seed, device
        self.n_batches = len(self._batches(0))
        self.history: History = {}
        self.best: list[jax.Array] | None = None
        self.best_epoch = 0
        self.diverged = ""

    def start(
        self,
        model: Any,
        state: Any,
        task: Task,
        optimizer: Optimizer,
        max_epochs: int,
        precision: str,
        trainable: Callable[[str], bool] | None,
    ) -> None:
        """Prepare the programs for a model; `max_epochs` sets the schedule of the learning rate."""
        self.n_steps = self.n_batches * max_epochs
        self.stepper = Stepper(
            model, state, task, optimizer,
            n_steps=self.n_steps, seed=self.seed, precision=precision, trainable=trainable,
            device=self.device,
        )  # fmt: skip

    @property
    def n_epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history.get("loss", []))

    def epoch(self, tick: Callable[[], Any]) -> None:
        """Train for one epoch, and add a row to the history; `tick` is called after each batch.

        Raises `ValueError` if the very first step fails: there are no good weights then.
        """
        began = time.perf_counter()
        reports: list[Any] = []
        waiting: deque[Any] = deque()
        batches = self._batches(self.n_epochs)
        rngs = np.random.default_rng([self.seed, self.n_epochs, 1]).spawn(len(batches))
        loads = zip(self.n_batches * [self.examples], batches, rngs, strict=True)
        with closing(prefetched(self._load, loads)) as loaded:
            for batch in loaded:
                waiting.append(self.stepper.step(batch))
                if len(waiting) > _AHEAD:
                    reports.append(jax.device_get(waiting.popleft()))
                    if not reports[-1][0]:
                        break
                tick()
        reports += jax.device_get(list(waiting))
        self._look_for_divergence(reports)
        row = {"loss": _mean([report[1] for report in reports])}
        row |= {name: _mean([r[3][name] for r in reports]) for name in reports[0][3]}
        if self.validation is not None and not self.diverged:
            row |= self._validate(self.validation)
        row["gradient_norm"] = _mean([report[2] for report in reports])
        step = self.n_batches * (self.n_epochs + 1) - 1
        row["learning_rate"] = float(self.stepper.config.optimizer.rate(step, self.n_steps))
        row["seconds"] = time.perf_counter() - began
        for name in self.history or row:
            self.history.setdefault(name, []).append(row.get(name, math.nan))
        self._keep_the_best()

    def contents(self) -> tuple[dict[str, list[jax.Array]], dict[str, Any]]:
        """All that the next epochs depend on: groups of arrays, and notes that JSON can hold."""
        groups = {"now": self.stepper.arrays}
        groups |= {} if self.best is None else {"best": self.best}
        return groups, {"history": self.history, "best_epoch": self.best_epoch}

    def restore(self, groups: dict[str, list[np.ndarray]], notes: dict[str, Any]) -> None:
        """Return to a saved state, from `contents`."""
        put = {name: jax.device_put(arrays, self.device) for name, arrays in groups.items()}
        self.stepper.restore(put["now"])
        self.best = put.get("best")
        self.history, self.best_epoch = notes["history"], notes["best_epoch"]

    def decided_by(self) -> dict[str, Any]:
        """Describe all settings and data that decide the result, for the name of a checkpoint."""
        stepper = self.stepper
        return {
            "task": stepper.config.forward.task,
            "optimizer": stepper.config.optimizer,
            "precision": stepper.config.forward.precision,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "trained": stepper.trained,
            "start": joblib.hash([np.asarray(x) for x in (*stepper.arrays, *stepper.fixed)]),
            "examples": self.examples.digest(),
            "validation": None if self.validation is None else self.validation.digest(),
            "device": self.device.device_kind,
            "versions": {
                name: metadata.version(name)
                for name in ("cocktailparty", "equinox", "jax", "jaxlib", "optax")
            },
        }

    def result(self) -> tuple[Any, Any]:
        """Model and state of the best epoch, or as they are if nothing was held out."""
        return self.stepper.result(self.best)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng([self.seed, epoch])
        return self.examples.batches(self.batch_size, rng)

    def _load(self, what: tuple[Examples, np.ndarray, np.random.Generator | None]) -> Any:
        examples, indices, rng = what
        return self.stepper.load(examples.take(indices, rng))

    def _look_for_divergence(self, reports: list[Any]) -> None:
        bad = next((i for i, report in enumerate(reports) if not report[0]), None)
        if bad is None:
            return
        _, loss, norm, _ = reports[bad]
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {norm}"
        if self.n_epochs == bad == 0:
            raise ValueError(
                f"{what} in the first batch: look for NaN, infinite or extreme values in the "
                "examples"
            )
        self.diverged = f"{what} in batch {bad + 1} of epoch {self.n_epochs + 1}"

    def _validate(self, examples: Examples) -> dict[str, float]:
        batches = evaluation_batches(len(examples), self.batch_size, examples.apart)
        reports = []
        loads = [(examples, indices, None) for indices in batches]
        with closing(prefetched(self._load, loads)) as loaded:
            for batch in loaded:
                reports.append(jax.device_get(self.stepper.evaluate(batch)))
        sizes = [len(batch) for batch in batches]
        row = {"val_loss": _mean([loss for loss, _ in reports], sizes)}
        row |= {
            f"val_{name}": _mean([metrics[name] for _, metrics in reports], sizes)
            for name in reports[0][1]
        }
        if not math.isfinite(row["val_loss"]):
            self.diverged = (
                f"the validation loss is {row['val_loss']} after epoch {self.n_epochs + 1}"
            )
        return row

    def _keep_the_best(self) -> None:
        last = self.n_epochs - 1
        if self.validation is None:
            self.best_epoch = last
        elif not self.diverged:
            values = self._monitored()
            # A metric that is not a number, as for a class that no batch had, is never the best.
            better = values[last] < values[self.best_epoch] or math.isnan(values[self.best_epoch])
            if self.best is None or better:
                self.best_epoch = last
                # Copies: the next step takes over the memory of the arrays.
                self.best = [jnp.array(array, copy=True) for array in self.stepper.learnt]

    def _monitored(self) -> list[float]:
        """One value per epoch, of which the smallest is best."""
        name = self.monitor.removeprefix("-")
        if name not in self.history:
            known = [column for column in self.history if column.startswith("val_")]
            raise ValueError(
                f"monitor must be one of {known}, with a minus in front where more is better; got "
                f"{self.monitor!r}"
            )
        sign = -1 if name != self.monitor else 1
        return [sign * value for value in self.history[name]]


def _mean(values: list[Any], weights: list[int] | None = None) -> float:
    return float(np.average(np.asarray(values, dtype=np.float64), weights=weights))
