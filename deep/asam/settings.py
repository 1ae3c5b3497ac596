"""Settings of the separator, and the choices of its presets."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np

from deep.asam.inputs import SHORTEST
from deep.asam.mixtures import MixtureSettings, n_voices
from deep.asam.network import SelectionNetwork
from deep.asam.paper import PaperNetwork
from deep.asam.task import SelectionTask
from deep.training.estimator import NetworkEstimator
from deep.training.settings import DEFAULTS, Training

#: What a preset chooses where nothing is given.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "n_channels": 160, "n_voice": 64,
        "training": {
            "optimizer": "adam", "learning_rate": 2e-3, "schedule": "warmup-cosine",
            "clip_norm": 5.0, "batch_size": 6,
        },
    },
    "paper": {
        "n_channels": 300, "n_voice": 40,
        "training": {
            "optimizer": "nadam", "learning_rate": 2e-3, "schedule": "constant",
            "clip_norm": 200.0, "batch_size": 32,
        },
    },
}  # fmt: skip
# Length of a frame in seconds.
_FRAME = 0.032


class Architecture(eqx.Module):
    """Network of a preset, "default" or "paper", under one class for both.

    `network` holds the arguments of the preset's class.
    """

    network: Any

    def __init__(self, preset: str, network: dict[str, Any], *, key: jax.Array) -> None:
        kind: Any = {"default": SelectionNetwork, "paper": PaperNetwork}[preset]
        self.network = kind(**network, key=key)

    def __getattr__(self, name: str) -> Any:
        # Only names that are not fields of this class come here.
        if name.startswith("_") or name == "network":
            raise AttributeError(name)
        return getattr(self.network, name)

    def __call__(self, mixture: jax.Array, voices: jax.Array) -> Any:
        """Select voices from a mixture."""
        return self.network(mixture, voices)


class _ASAMSettings(NetworkEstimator):
    """Settings of `deep.ASAMSeparator`, documented there."""

    architecture: ClassVar[Any] = Architecture

    def __init__(
        self,
        sfreq: float = 8000.0,
        preset: str = "default",
        *,
        n_channels: int | None = None,
        n_voice: int | None = None,
        n_layers: tuple[int, int] = (3, 5),
        mixture_duration: float = 3.0,
        cue_duration: float = 3.0,
        n_talkers: int | tuple[int, int] = 2,
        snr: tuple[float, float] = (-5.0, 5.0),
        noise: tuple[float, float] | None = None,
        speeds: tuple[float, ...] = (0.9, 1.1),
        n_slots: int | None = None,
        n_mixtures: int = 120,
        training: Training | None = None,
        max_epochs: int = 200,
        random_state: Any = None,
    ) -> None:
        self.sfreq = sfreq
        self.preset = preset
        self.n_channels = n_channels
        self.n_voice = n_voice
        self.n_layers = n_layers
        self.mixture_duration = mixture_duration
        self.cue_duration = cue_duration
        self.n_talkers = n_talkers
        self.snr = snr
        self.noise = noise
        self.speeds = speeds
        self.n_slots = n_slots
        self.n_mixtures = n_mixtures
        self.training = training
        self.max_epochs = max_epochs
        self.random_state = random_state

    @property
    def training_defaults(self) -> dict[str, Any]:
        """Settings of the training that the preset chooses, by name."""
        return DEFAULTS | {"validation_fraction": 0.0} | self._preset["training"]

    @property
    def _preset(self) -> dict[str, Any]:
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {sorted(PRESETS)}, got {self.preset!r}")
        return PRESETS[self.preset]

    def _check_settings(self) -> Any:
        training = super()._check_settings()
        if training.validation_fraction:
            raise ValueError(
                "validation_fraction must be 0, as all utterances are mixed anew in each epoch, "
                f"got {training.validation_fraction!r}"
            )
        self._check_sizes(training)
        return training

    def _chosen(self, name: str) -> Any:
        """Value of a setting, or the preset's choice."""
        value = getattr(self, name)
        return self._preset[name] if value is None else value

    def _check_sizes(self, training: Any) -> None:
        if not self.sfreq >= 1000:
            raise ValueError(f"sfreq must be at least 1000 Hz for speech, got {self.sfreq!r}")
        for name in ("n_channels", "n_voice", "n_mixtures", "n_slots"):
            value = self.n_slots if name == "n_slots" else self._chosen(name)
            if name == "n_slots" and value is None:
                continue
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        if not (len(self.n_layers) == 2 and self.n_layers[0] >= 0 and self.n_layers[1] >= 1):
            raise ValueError(
                "n_layers must be the number of layers without the voice, at least 0, and of those "
                f"with it, at least 1; got {self.n_layers!r}"
            )
        n_voice, batch_size = self._chosen("n_voice"), training.batch_size
        if self.preset == "paper" and n_voice % 2:
            raise ValueError(f"n_voice must be even with preset='paper', got {n_voice}")
        if self.n_mixtures < batch_size:
            raise ValueError(
                f"n_mixtures={self.n_mixtures} of an epoch are less than a batch of {batch_size}"
            )
        for name in ("mixture_duration", "cue_duration"):
            if not getattr(self, name) >= SHORTEST:
                raise ValueError(
                    f"{name} must be at least {SHORTEST:g} s, got {getattr(self, name)!r}"
                )
        for name in ("snr", "noise"):
            pair = getattr(self, name)
            if pair is not None and not (len(pair) == 2 and pair[0] <= pair[1]):
                raise ValueError(
                    f"{name} must be the smallest and the largest level in decibels, got {pair!r}"
                )
        if not all(0.5 <= speed <= 2 for speed in self.speeds):
            raise ValueError(f"speeds must be factors from 0.5 to 2, got {self.speeds!r}")
        _talkers(self.n_talkers)

    @property
    def _n_fft(self) -> int:
        return 2 * round(_FRAME * self.sfreq / 2)

    @property
    def _n_cue(self) -> int:
        return round(self.cue_duration * self.sfreq)

    def _mixture_settings(self) -> MixtureSettings:
        hop = self._n_fft // 2
        return MixtureSettings(
            float(self.sfreq), -(-round(self.mixture_duration * self.sfreq) // hop) * hop,
            self._n_cue, _talkers(self.n_talkers), (float(self.snr[0]), float(self.snr[1])),
            None if self.noise is None else (float(self.noise[0]), float(self.noise[1])),
            tuple(float(speed) for speed in self.speeds),
        )  # fmt: skip

    def _config(self, n_talkers: int) -> dict[str, Any]:
        """Collect the arguments of the network, for this number of talkers in training."""
        network = {
            "n_fft": self._n_fft,
            "n_channels": self._chosen("n_channels"),
            "n_voice": self._chosen("n_voice"),
        }
        if self.preset == "paper":
            network["sfreq"] = float(self.sfreq)
        else:
            network |= {
                "n_shared": int(self.n_layers[0]), "n_steered": int(self.n_layers[1]),
                "n_talkers": n_voices(n_talkers, self._mixture_settings()),
                "n_cue_channels": network["n_voice"],
            }  # fmt: skip
        return {"preset": self.preset, "network": network}

    def _task(self) -> SelectionTask:
        if self.preset == "paper":
            return SelectionTask("magnitude", speaker_weight=0.0, presence_weight=0.0)
        return SelectionTask()


def _talkers(n_talkers: int | tuple[int, int]) -> tuple[int, int]:
    """Smallest and largest number of talkers in a mixture."""
    pair = (n_talkers, n_talkers) if isinstance(n_talkers, int | np.integer) else tuple(n_talkers)
    if len(pair) != 2 or not 2 <= pair[0] <= pair[1]:
        raise ValueError(
            f"n_talkers must be at least 2, or the smallest and largest number, got {n_talkers!r}"
        )
    return int(pair[0]), int(pair[1])
