"""Choice and construction of the network that a decoder trains."""

import inspect
from collections.abc import Callable
from typing import Any

from deep.siglip.networks.ablations import LinearHead, SmallVlaai
from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.networks.thesis import ThesisNetwork
from deep.siglip.presets import PRESETS

# Settings that networks with a single dropout call by a shorter name.
_SETTINGS = {"dropout": "eeg_dropout"}

#: Networks by name; "siglip" is the one of the preset.
NETWORKS = ("siglip", "vlaai", "linear")


def network_class(preset: str, network: str) -> Any:
    """Class of a network by the names of preset and network."""
    if network == "siglip":
        return ThesisNetwork if preset == "thesis" else LaggedNetwork
    return {"vlaai": SmallVlaai, "linear": LinearHead}[network]


def check_names(preset: str, network: str) -> None:
    """Raise `ValueError` for an unknown preset or network, listing the known ones."""
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {sorted(PRESETS)}, got {preset!r}")
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {NETWORKS}, got {network!r}")


def network_config(
    architecture: Any, settings: Any, n_channels: int, n_bands: int, n_subjects: int, n_lags: int,
    n_features: int,
) -> dict[str, Any]:  # fmt: skip
    """Make the arguments of a network from the settings of a decoder and the sizes of the data.

    Temperature and bias may be missing. `n_bands` counts features of a stimulus, `n_features` what
    is made of them; `n_lags` counts samples.
    """
    given = {
        "n_channels": n_channels, "n_bands": n_bands, "n_subjects": n_subjects, "n_lags": n_lags,
        "n_features": n_features,
    }  # fmt: skip
    config: dict[str, Any] = {}
    # A network takes every setting under its name.
    for name in inspect.signature(architecture).parameters:
        value = given.get(name, getattr(settings, _SETTINGS.get(name, name), None))
        if value is not None:
            config[name] = float(value) if name in ("temperature", "bias") else value
    if "kernels" in config:
        config["kernels"] = [int(kernel) for kernel in settings.kernels]
    if architecture is SmallVlaai:
        config["n_hidden"] *= 2
    if architecture is LaggedNetwork and n_subjects == 1:
        config["average"] = 0.0  # a single subject is the average one, see the end of the training
    return config


def trained(
    architecture: Any, config: dict[str, Any], contrast_weight: float
) -> Callable[[str], bool] | None:
    """Find the arrays of a network that the loss depends on: a function of names; None for all.

    The others would only be driven to zero by the weight decay, and count as nothing that was
    learnt. See `deep.training.programs.start`.
    """
    idle: tuple[str, ...] = () if contrast_weight else architecture.contrasted
    if architecture is LaggedNetwork and not config["eeg_gain"]:
        idle += architecture.beyond_ridge
    if not idle:
        return None
    return lambda name: name.partition(".")[0] not in idle


def samples_after(architecture: Any, n_lags: int) -> int:
    """Count the samples of EEG after a window that the network looks at.

    0 for a network that sees windows alone.
    """
    if architecture is ThesisNetwork:
        return 0
    return (n_lags - 1) * (2 if architecture is SmallVlaai else 1)
