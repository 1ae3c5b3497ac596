"""Settings of the decoder: those of the thesis, the space it searched, and ours."""

from collections.abc import Mapping
from typing import Any

#: Lists of kernel lengths in samples that the thesis chose from.
KERNELS: tuple[tuple[int, ...], ...] = (
    (20, 10, 20), (3, 5, 9), (5, 17, 32), (5, 5, 5, 4), (10, 20, 30), (30, 20, 40), (4, 10),
    (1, 5, 10), (7, 9, 11, 9, 7), (13, 48, 29), (50, 50, 50), (16, 27, 13), (5, 30, 15),
    (8, 3, 3, 8), (10, 13, 15, 13, 10),
)  # fmt: skip

#: What the thesis searched: values to choose from, or the ends of a logarithmic range.
THESIS_SPACE: dict[str, dict[str, Any]] = {
    "overlap": {"choices": (0.5, 0.6, 0.7)},
    "training__learning_rate": {"log_range": (1e-5, 1e-3)},
    "training__batch_size": {"choices": (64, 128)},
    "temperature": {"choices": (5.0, 10.0)},
    "bias": {"choices": (5.0, 10.0, 20.0)},
    "n_embedding": {"choices": (8, 10, 16)},
    "n_reconstructor": {"choices": (28, 30, 32, 34)},
    "training__weight_decay": {"log_range": (1e-5, 1e-3)},
    "sound_dropout": {"choices": (0.2, 0.3, 0.4, 0.5)},
    "eeg_dropout": {"choices": (0.2, 0.3, 0.4, 0.5)},
    "kernels": {"choices": KERNELS},
}

#: Values of the settings that a decoder leaves to its preset.
PRESETS: dict[str, dict[str, Any]] = {
    "thesis": {
        "training__optimizer": "adamax",
        "training__learning_rate": 6e-4,
        "training__weight_decay": 0.0,
        "training__batch_size": 128,
        "max_epochs": 300,
        "training__patience": 10,
        "training__validation_fraction": 0.12,
        "overlap": 0.7,
        "masker_weight": 0.0,
        "temperature": 10.0,
        "bias": 10.0,
        "eeg_dropout": 0.2,
        "sound_dropout": 0.4,
        "average": 0.0,
        "kernels": (30, 20, 40),
        "n_embedding": 8,
        "n_reconstructor": 32,
    },
    "default": {
        "training__optimizer": "adamw",
        "training__learning_rate": 5e-3,
        "training__weight_decay": 0.1,
        "training__batch_size": 32,
        "max_epochs": 60,
        "training__patience": 10,
        "training__validation_fraction": 0.2,
        "overlap": 0.5,
        "masker_weight": 4.0,
        "temperature": None,
        "bias": None,
        "eeg_dropout": 0.3,
        "sound_dropout": 0.0,
        "average": 0.2,
        "kernels": (),
        "n_embedding": 8,
        "n_reconstructor": 32,
    },
}

# Ridge models with a trained readout, under a name that stays when the default changes.
PRESETS["stacked"] = dict(PRESETS["default"])


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Raise `ValueError`, which names it, for a setting of the decoder that is out of range.

    None of those that a preset gives may be missing.
    """
    for name in ("contrast_weight", "masker_weight", "tmax"):
        if not settings[name] >= 0:
            raise ValueError(f"{name} must not be negative, got {settings[name]!r}")
    for name, value in settings.items():
        if (name == "overlap" or name.endswith("dropout")) and not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and less than 1, got {value!r}")
