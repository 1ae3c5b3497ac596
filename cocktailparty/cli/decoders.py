"""Decoders that the command line knows by name: functions of the sampling rate."""

import importlib
from collections.abc import Callable
from typing import Any


def ridge(sfreq: float) -> Any:
    """Make the linear baseline: backward ridge with leave-one-trial-out choice of the penalty.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    alphas = [10.0**exponent for exponent in range(-4, 3)]
    return AttentionDecoder(
        BackwardTRF(0.0, 0.4, sfreq=sfreq, alpha=alphas, alpha_convention="relative")
    )


def ledoit_wolf(sfreq: float) -> Any:
    """Make the backward model whose penalty is the optimal shrinkage, with nothing to choose.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    return AttentionDecoder(BackwardTRF(0.0, 0.4, sfreq=sfreq, alpha="ledoit-wolf"))


def cca(sfreq: float) -> Any:
    """Make a canonical correlation decoder, its penalty chosen as that of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : CCADecoder
        Unfitted.
    """
    from linear_aad import CCADecoder

    return CCADecoder(sfreq=sfreq, alpha=[10.0**exponent for exponent in range(-4, 3)])


DECODERS: dict[str, Callable[[float], Any]] = {
    "ridge": ridge,
    "ledoit-wolf": ledoit_wolf,
    "cca": cca,
}


def find_decoder(name: str) -> Callable[[float], Any]:
    """Find the function that makes a decoder.

    Parameters
    ----------
    name : str
        One of `DECODERS`, or ``module:function``.

    Returns
    -------
    make : callable
        Takes the sampling rate in hertz, returns an unfitted decoder.

    Raises
    ------
    ValueError
        If the name is unknown, or the module has no such function.
    ImportError
        If there is no such module.
    """
    if ":" in name:
        module, function = name.split(":", 1)
        found = getattr(importlib.import_module(module), function, None)
        if not callable(found):
            raise ValueError(f"decoder {name!r}: module {module} has no function {function!r}")
        return found
    if name not in DECODERS:
        raise ValueError(
            f"unknown decoder {name!r}, known are {', '.join(DECODERS)} and module:function"
        )
    return DECODERS[name]
