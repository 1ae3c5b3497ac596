"""Labelled sounds of the commands: where they come from, and what is tested on them."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.datasets.sounds import SoundSet


def add_sounds(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where labelled sounds come from.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of a command.
    """
    add = parser.add_argument
    add("data", type=Path, metavar="FOLDER|CSV", help="folder of a set of sounds, folder with a "
        "folder for each class, or table with the columns file and label")  # fmt: skip
    add("--corpus", metavar="NAME", help="what the folder holds, if it is not recognised")


def rate_of(sounds: SoundSet) -> float:
    """Look up the sampling rate of the first file, which that of all others has to be.

    Parameters
    ----------
    sounds : SoundSet
        Clips.

    Returns
    -------
    sfreq : float
        In hertz.
    """
    return sounds.clips[0].rate_and_length()[0]


def divided(sounds: SoundSet, groups: str, fraction: float, seed: int) -> tuple[SoundSet, SoundSet]:
    """Divide sounds into those to learn from and those to test on.

    Parameters
    ----------
    sounds : SoundSet
        With its official split, if it has one.
    groups : str
        Column of the metadata that is on one side only, where there is no official split; empty
        for none.
    fraction : float
        Share to test on.
    seed : int
        Decides which.

    Returns
    -------
    learning, testing : SoundSet
        Each with about the same share of each class.

    Raises
    ------
    ValueError
        If there is no such column, or the share is not between 0 and 1.
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
    """Take a column of the metadata.

    Parameters
    ----------
    sounds : SoundSet
        Clips.
    name : str
        Name of the column.

    Returns
    -------
    values : ndarray of object
        One a clip.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if name not in sounds.metadata:
        raise ValueError(f"there is no metadata {name!r}, but {sorted(sounds.metadata)}")
    return sounds.metadata[name]
