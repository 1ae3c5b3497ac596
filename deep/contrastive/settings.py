"""Settings of the contrastive classifier, and their valid combinations."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from deep.audio.augmentation import Augmentation
from deep.contrastive.amaut import AMAUT
from deep.contrastive.network import ContrastiveNetwork
from deep.contrastive.panns import BACKBONES
from deep.contrastive.task import METHODS
from deep.training.estimator import NetworkEstimator
from deep.training.optimizers import Optimizer
from deep.training.settings import DEFAULTS, Training


class _ContrastiveSettings(ClassifierMixin, NetworkEstimator):
    """Settings of `deep.ContrastiveAudioClassifier`, documented there."""

    architecture = ContrastiveNetwork
    training_defaults = DEFAULTS | {
        "learning_rate": 3e-3, "schedule": "cosine", "batch_size": 40, "patience": None,
        "validation_fraction": 0.0, "monitor": "-val_accuracy",
    }  # fmt: skip

    def __init__(
        self,
        method: str = "ce",
        backbone: str = "cnn6",
        sfreq: float = 32000.0,
        pretrained: str | None = None,
        width: float = 1.0,
        clip_duration: float | None = None,
        *,
        temperature: float = 0.1,
        alpha: float = 0.5,
        lam: float = 0.75,
        augmentation: Augmentation | None = None,
        noise: tuple[float, float] | None = None,
        class_weight: str | None = None,
        n_items: int = 2,
        n_views: int = 5,
        C: float = 0.1,
        dropout: float = 0.1,
        backbone_factor: float = 1.0,
        training: Training | None = None,
        max_epochs: int = 100,
        random_state: Any = None,
    ) -> None:
        self.method = method
        self.backbone = backbone
        self.sfreq = sfreq
        self.pretrained = pretrained
        self.width = width
        self.clip_duration = clip_duration
        self.temperature = temperature
        self.alpha = alpha
        self.lam = lam
        self.augmentation = augmentation
        self.noise = noise
        self.class_weight = class_weight
        self.n_items = n_items
        self.n_views = n_views
        self.C = C
        self.dropout = dropout
        self.backbone_factor = backbone_factor
        self.training = training
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _check_settings(self) -> Any:
        training = super()._check_settings()
        for name, choices in (
            ("method", METHODS), ("backbone", sorted({*BACKBONES, *AMAUT})),
            ("class_weight", [None, "balanced"]),
        ):  # fmt: skip
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {list(choices)}, got {getattr(self, name)!r}"
                )
        for name in ("sfreq", "width", "temperature", "C"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.clip_duration is not None and not self.clip_duration > 0:
            raise ValueError(f"clip_duration must be positive, got {self.clip_duration!r}")
        for name in ("alpha", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, got {self.dropout!r}")
        for name in ("n_items", "n_views"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        if self.noise is not None and not (len(self.noise) == 2 and self.noise[0] <= self.noise[1]):
            raise ValueError(
                f"noise must be the smallest and the largest ratio in decibels, got {self.noise!r}"
            )
        if self.pretrained is not None and self.backbone not in BACKBONES:
            raise ValueError(
                f"pretrained weights are those of PANNs, got backbone={self.backbone!r}: take one "
                f"of {sorted(BACKBONES)}"
            )
        if self.pretrained is not None and self.width != 1:
            raise ValueError(
                f"pretrained weights are those of a network of width 1, got width={self.width:g}"
            )
        return training

    def _optimizer(self, training: Training, max_epochs: Any, random_state: Any) -> Optimizer:
        optimizer = super()._optimizer(training, max_epochs, random_state)
        factors = () if self.backbone_factor == 1 else (("encoder.", float(self.backbone_factor)),)
        return replace(optimizer, factors=factors)

    @property
    def _variation(self) -> Augmentation:
        """How clips are varied in training."""
        base = Augmentation() if self.augmentation is None else self.augmentation
        if self.noise is None:
            return base
        return replace(base, noise=(float(self.noise[0]), float(self.noise[1])))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that the samples are clips and not rows of a table."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
