"""Gaps between training and test data in time, and the lags that must not reach across them."""

from collections.abc import Mapping
from typing import Any


def lag_reach(decoder: Any) -> float:
    """Find out how far the lags of a decoder reach.

    Parameters
    ----------
    decoder : estimator
        Attention decoder, whose parameters (or those of its parts) that end in ``tmin`` or
        ``tmax`` are lags in seconds. A parameter ``lags`` holds a pair of them for each input
        instead, or for some inputs.

    Returns
    -------
    reach : float
        Seconds; where EEG and stimulus have lags of their own, their sum.
    """
    reach: dict[str, float] = {}
    parameters = decoder.get_params(deep=True)
    for name, value in parameters.items():
        signal = name.removesuffix("tmin").removesuffix("tmax").removesuffix("lags")
        if name.endswith(("tmin", "tmax")):
            other_lags = parameters.get(f"{signal}lags")
            # A list holds the lags of every input, a dict those of some.
            limits = [value] if other_lags is None or isinstance(other_lags, Mapping) else []
        elif name.rpartition("__")[2] == "lags" and value is not None:
            pairs = value.values() if isinstance(value, Mapping) else value
            limits = [limit for pair in pairs for limit in pair]
        else:
            continue
        reach[signal] = max([reach.get(signal, 0.0), *(abs(limit) for limit in limits)])
    return sum(reach.values())


def check_gap(decoders: Mapping[str, Any], gap: float) -> None:
    """Refuse a gap that lets a decoder look across it through its lags.

    Parameters
    ----------
    decoders : dict of str to estimator
        Attention decoders by name.
    gap : float
        Seconds between training and test data.

    Raises
    ------
    ValueError
        If lags reach further.
    """
    for name, decoder in decoders.items():
        if lag_reach(decoder) > gap:
            raise ValueError(
                f"gap={gap:g} s is shorter than the lags of decoder {name!r}, which reach "
                f"{lag_reach(decoder):g} s: test data would reach into training through them"
            )
