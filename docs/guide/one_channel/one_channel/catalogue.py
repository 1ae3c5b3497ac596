"""The decoders of this package by name."""

from cocktailparty.catalogue import NamedDecoder


def make(sfreq):
    # Imported here, so that others can list the catalogue without it.
    from .decoder import OneChannelDecoder

    return OneChannelDecoder(delay=0.1)


def space(trial):
    return {"delay": trial.suggest_float("delay", 0.0, 0.3, step=0.05)}


DECODERS = [
    NamedDecoder("one-channel", make, summary="the best channel, a while later", space=space),
]
