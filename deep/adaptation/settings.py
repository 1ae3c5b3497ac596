"""Settings of test-time adaptation, and their valid combinations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from deep.adaptation.objective import Objective, chosen_objective
from deep.training.devices import choose_device
from deep.training.optimizers import Optimizer

#: Where the statistics of batch norms come from.
STATISTICS = ("tracked", "stored", "batch", "mixed")


class _AdaptationSettings(ClassifierMixin, BaseEstimator):
    """Settings of `deep.TestTimeAdapter`, documented there."""

    def __init__(
        self,
        classifier: Any,
        objective: str | Objective | None = "nuclear",
        parameters: str | Callable[[str], bool] = "norm",
        statistics: str = "tracked",
        online: bool = True,
        *,
        gate: str | float | None = "auto",
        window: int = 50,
        source_weight: int = 32,
        most_clips: int = 256,
        min_clips: int = 32,
        memory_size: int | None = 96,
        balanced: bool = True,
        pull: float = 0.1,
        collapse: float | None = 0.5,
        patience: int | None = 2,
        shift: float = 0.1,
        optimizer: str | Callable = "adam",
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        max_epochs: int = 10,
        checkpoint: str | None = None,
        device: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.classifier = classifier
        self.objective = objective
        self.parameters = parameters
        self.statistics = statistics
        self.online = online
        self.gate = gate
        self.window = window
        self.source_weight = source_weight
        self.most_clips = most_clips
        self.min_clips = min_clips
        self.memory_size = memory_size
        self.balanced = balanced
        self.pull = pull
        self.collapse = collapse
        self.patience = patience
        self.shift = shift
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state

    def _check_settings(self) -> tuple[Objective | None, Optimizer]:
        """Check the settings before any work."""
        objective = chosen_objective(self.objective)
        if self.statistics not in STATISTICS:
            raise ValueError(f"statistics must be one of {STATISTICS}, got {self.statistics!r}")
        if objective is None and self.statistics == "stored":
            raise ValueError(
                "objective=None and statistics='stored' adapt nothing: use the classifier itself"
            )
        integers = {"window": 1, "source_weight": 0, "most_clips": 1, "min_clips": 1,
                    "batch_size": 1, "max_epochs": 1, "random_state": 0}  # fmt: skip
        for name, least in integers.items():
            self._check_integer(name, least)
        for name in ("memory_size", "patience"):
            if getattr(self, name) is not None:
                self._check_integer(name, 1)
        for name in ("pull", "shift"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if self.memory_size is not None and self.memory_size < self.min_clips:
            raise ValueError(
                f"memory_size={self.memory_size} holds fewer clips than min_clips="
                f"{self.min_clips} asks for: no gradient would ever be taken"
            )
        if self.collapse is not None and not 0 < self.collapse < 1:
            raise ValueError(f"collapse must be between 0 and 1, or None, got {self.collapse!r}")
        gate = self.gate
        fixed = isinstance(gate, int | float) and not isinstance(gate, bool) and gate >= 0
        if gate not in ("auto", None) and not fixed:
            raise ValueError(f"gate must be 'auto', a distance or None, got {gate!r}")
        choose_device(self.device)
        return objective, Optimizer(self.optimizer, self.learning_rate)

    def _check_integer(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
