"""The neural decoders that are known by name, see :mod:`cocktailparty.catalogue`."""

from functools import partial
from typing import Any

from cocktailparty.catalogue import NamedDecoder

__all__ = ["DECODERS"]


def _siglip(sfreq: float, **settings: Any) -> Any:
    """Make the contrastive decoder, which takes the sampling rate from its trials."""
    from deep import SigLIPDecoder

    return SigLIPDecoder(random_state=0, **settings)


def _training_space(trial: Any) -> dict[str, Any]:
    """How a network is trained and regularised."""
    return {
        "training__learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "training__weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
    }


def _siglip_space(trial: Any) -> dict[str, Any]:
    return _training_space(trial) | {
        "masker_weight": trial.suggest_categorical("masker_weight", [1.0, 2.0, 4.0, 8.0]),
        "eeg_gain": trial.suggest_categorical("eeg_gain", [0.0, 0.005, 0.02]),
    }


def _thesis_space(trial: Any) -> dict[str, Any]:
    from deep.siglip.space import suggest

    return suggest(trial)


_NEEDS = ("deep",)

#: The neural decoders by name.
DECODERS = (
    NamedDecoder(
        "siglip",
        _siglip,
        summary="ridge models of several features of the sound, and a small readout trained by "
        "contrast",
        space=_siglip_space,
        needs=_NEEDS,
    ),
    NamedDecoder(
        "siglip-thesis",
        partial(_siglip, preset="thesis"),
        summary="the published contrastive network that siglip is derived from",
        space=_thesis_space,
        needs=_NEEDS,
    ),
    NamedDecoder(
        "siglip-no-contrast",
        partial(_siglip, contrast_weight=0.0),
        summary="siglip trained for reconstruction alone, to compare with",
        space=_training_space,
        needs=_NEEDS,
    ),
    NamedDecoder(
        "vlaai",
        partial(_siglip, network="vlaai", contrast_weight=0.0),
        summary="a small relative of VLAAI, which reconstructs the envelope",
        space=_training_space,
        needs=_NEEDS,
    ),
    NamedDecoder(
        "linear-head",
        partial(_siglip, network="linear", contrast_weight=0.0),
        summary="one linear convolution that is trained by gradient",
        space=_training_space,
        needs=_NEEDS,
    ),
)
