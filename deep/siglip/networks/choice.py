"""Which network a decoder trains, and how it is made."""

from collections.abc import Callable
from typing import Any

from deep.siglip.networks.ablations import LinearHead, SmallVlaai
from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.networks.thesis import ThesisNetwork

#: Networks by name; "siglip" is the one of the preset.
NETWORKS = ("siglip", "vlaai", "linear")


def network_class(preset: str, network: str) -> Any:
    """Find the class of a network.

    Parameters
    ----------
    preset, network : str
        Names.

    Returns
    -------
    architecture : type
        Class.
    """
    if network == "siglip":
        return ThesisNetwork if preset == "thesis" else LaggedNetwork
    return {"vlaai": SmallVlaai, "linear": LinearHead}[network]


def network_config(
    architecture: Any, settings: Any, n_channels: int, n_bands: int, n_subjects: int, n_lags: int,
    n_features: int,
) -> dict[str, Any]:  # fmt: skip
    """Make the arguments of a network.

    Parameters
    ----------
    architecture : type
        Class of the network.
    settings : SigLIPDecoder
        With all settings given, but perhaps temperature and bias.
    n_channels, n_bands, n_subjects : int
        Numbers of EEG channels, of features of a stimulus, and of listeners.
    n_lags : int
        Number of lags in samples.
    n_features : int
        Number of features that are made of a stimulus.

    Returns
    -------
    config : dict of str to object
        Arguments.
    """
    config: dict[str, Any] = {"n_channels": n_channels}
    for name in ("temperature", "bias"):
        if getattr(settings, name) is not None:
            config[name] = float(getattr(settings, name))
    if architecture is ThesisNetwork:
        names = ("n_embedding", "n_reconstructor", "eeg_dropout", "sound_dropout", "average")
        config |= {name: getattr(settings, name) for name in names}
        kernels = [int(kernel) for kernel in settings.kernels]
        return config | {"n_bands": n_bands, "n_subjects": n_subjects, "kernels": kernels}
    config["n_lags"] = n_lags
    if architecture is SmallVlaai:
        return config | {"dropout": settings.eeg_dropout, "n_hidden": 2 * settings.n_hidden}
    if architecture is LaggedNetwork:
        config |= {
            "n_features": n_features,
            "n_subjects": n_subjects,
            "n_hidden": settings.n_hidden,
            "dropout": settings.eeg_dropout,
            "eeg_gain": settings.eeg_gain,
            "channel_dropout": settings.channel_dropout,
            # A single listener is the average one, see the end of the training.
            "average": settings.average if n_subjects > 1 else 0.0,
        }
    return config


def trained(
    architecture: Any, config: dict[str, Any], contrast_weight: float
) -> Callable[[str], bool] | None:
    """Tell which arrays of a network the loss depends on.

    The others would only be drawn to zero by the weight decay, and count as nothing that was
    learnt.

    Parameters
    ----------
    architecture : type
        Class of the network.
    config : dict of str to object
        Its arguments.
    contrast_weight : float
        Weight of the contrast in the loss.

    Returns
    -------
    trainable : callable or None
        As for `deep.training.step.start`, by the name of an array; None for all.
    """
    idle: tuple[str, ...] = () if contrast_weight else architecture.contrasted
    if architecture is LaggedNetwork and not config["eeg_gain"]:
        idle += architecture.beyond_ridge
    if not idle:
        return None
    return lambda name: name.partition(".")[0] not in idle


def samples_after(architecture: Any, n_lags: int) -> int:
    """Count the samples of EEG after a window that the network looks at.

    Parameters
    ----------
    architecture : type
        Class of the network.
    n_lags : int
        Number of lags in samples.

    Returns
    -------
    n : int
        0 for a network that sees windows alone.
    """
    if architecture is ThesisNetwork:
        return 0
    return (n_lags - 1) * (2 if architecture is SmallVlaai else 1)
