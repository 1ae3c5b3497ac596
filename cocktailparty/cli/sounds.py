"""Labelled sounds of the commands: their source, and those to test on."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.datasets.sounds import SoundSet


def add_sounds(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where labelled sounds come from."""
    add = parser.add_argument
    add("data", type=Path, metavar="FOLDER|CSV", help="folder of a set of sounds, folder with a "
        "folder for each class, or table with the columns file and label")  # fmt: skip
    add("--corpus", metavar="NAME", help="what the folder holds, if it is not recognised")


def rate_of(sounds: SoundSet) -> float:
    """Look up the sampling rate of the first file in hertz, which all others must share."""
    return sounds.clips[0].rate_and_length()[0]


def divided(sounds: SoundSet, groups: str, fraction: float, seed: int) -> tuple[SoundSet, SoundSet]:
    """Divide sounds into those to learn from and those to test on, by the official split if any.

    Otherwise `fraction` of them, with about the same share of each class, are to test on, and each
    value of the metadata column `groups` (empty for none) is on one side only. An unknown column,
    or a share that is not between 0 and 1, is a ValueError.
    """
    import numpy as np

    if "test" in sounds.split:
        return sounds.part("train"), sounds.part("test")
    from deep.data.stratified import stratified_groups

    if not 0 < fraction < 1:
        raise ValueError(f"--test-fraction must be between 0 and 1, got {fraction:g}")
    keys = np.arange(len(sounds))
    if groups:
        keys = np.unique(column(sounds, groups).astype(str), return_inverse=True)[1]
    left_out = stratified_groups(keys, sounds.labels, fraction, seed)
    return sounds.take(np.flatnonzero(~left_out)), sounds.take(np.flatnonzero(left_out))


def column(sounds: SoundSet, name: str) -> Any:
    """Take a column of the metadata, one value per clip; an unknown one is a ValueError."""
    if name not in sounds.metadata:
        raise ValueError(f"there is no metadata {name!r}, but {sorted(sounds.metadata)}")
    return sounds.metadata[name]
