"""Settings of the contrastive decoder, most of which a preset gives."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from sklearn.base import clone

from deep.siglip.networks.choice import NETWORKS, network_class
from deep.siglip.presets import PRESETS
from deep.training.estimator import NeuralEstimator


class _SigLIPSettings(NeuralEstimator):
    """Base of `deep.SigLIPDecoder`, which documents the parameters."""

    def __init__(
        self,
        preset: str = "default",
        network: str = "siglip",
        *,
        window: float = 3.0,
        overlap: float | None = None,
        tmax: float = 0.4,
        target: int | None = None,
        contrast_weight: float = 1.0,
        masker_weight: float | None = None,
        n_embedding: int | None = None,
        n_reconstructor: int | None = None,
        kernels: Sequence[int] | None = None,
        n_hidden: int = 8,
        eeg_dropout: float | None = None,
        sound_dropout: float | None = None,
        eeg_gain: float = 0.0,
        channel_dropout: float = 0.0,
        average: float | None = None,
        temperature: float | None = None,
        bias: float | None = None,
        optimizer: str | Callable | None = None,
        learning_rate: float | None = None,
        schedule: str | Callable = "constant",
        weight_decay: float | None = None,
        clip_norm: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        patience: int | None = None,
        validation_fraction: float | None = None,
        precision: str = "float32",
        device: str | None = None,
        checkpoint: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            optimizer=optimizer,  # type: ignore[arg-type]
            learning_rate=learning_rate,  # type: ignore[arg-type]
            schedule=schedule,
            weight_decay=weight_decay,  # type: ignore[arg-type]
            clip_norm=clip_norm,
            batch_size=batch_size,  # type: ignore[arg-type]
            max_epochs=max_epochs,  # type: ignore[arg-type]
            patience=patience,
            validation_fraction=validation_fraction,  # type: ignore[arg-type]
            precision=precision,
            device=device,
            checkpoint=checkpoint,
            random_state=random_state,
            verbose=verbose,
        )
        self.preset = preset
        self.network = network
        self.window = window
        self.overlap = overlap
        self.tmax = tmax
        self.target = target
        self.contrast_weight = contrast_weight
        self.masker_weight = masker_weight
        self.n_embedding = n_embedding
        self.n_reconstructor = n_reconstructor
        self.kernels = kernels
        self.n_hidden = n_hidden
        self.eeg_dropout = eeg_dropout
        self.sound_dropout = sound_dropout
        self.eeg_gain = eeg_gain
        self.channel_dropout = channel_dropout
        self.average = average
        self.temperature = temperature
        self.bias = bias

    @property
    def architecture(self) -> Any:
        """Class of the network."""
        return network_class(self.preset, self.network)

    @property
    def _sees_windows(self) -> bool:
        return bool(self.architecture.unit_windows)

    @property
    def _lagged(self) -> bool:
        return "linear" in self.architecture.inputs

    def resolved(self) -> Self:
        """Give all settings that the preset has to give, and check them.

        Returns
        -------
        copy : estimator
            Unfitted, with a number as random state.

        Raises
        ------
        ValueError
            If a setting is out of range.
        """
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {sorted(PRESETS)}, got {self.preset!r}")
        if self.network not in NETWORKS:
            raise ValueError(f"network must be one of {NETWORKS}, got {self.network!r}")
        preset = PRESETS[self.preset]
        copy: Self = clone(self)
        copy.set_params(**{k: v for k, v in preset.items() if getattr(self, k) is None})
        if not 0 <= copy.overlap < 1:  # type: ignore[operator]
            raise ValueError(f"overlap must be at least 0 and less than 1, got {copy.overlap!r}")
        for name in ("contrast_weight", "masker_weight", "tmax"):
            if not getattr(copy, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(copy, name)!r}")
        for name in ("eeg_dropout", "sound_dropout", "channel_dropout"):
            if not 0 <= getattr(copy, name) < 1:
                raise ValueError(
                    f"{name} must be at least 0 and less than 1, got {getattr(copy, name)!r}"
                )
        if self.channel_dropout and self._lagged and not self.eeg_gain:
            raise ValueError(
                f"channel_dropout={self.channel_dropout:g} has nothing to act on with eeg_gain=0: "
                "set eeg_gain, such as 0.005"
            )
        copy._check_settings()
        copy.random_state = copy._seed()
        return copy
