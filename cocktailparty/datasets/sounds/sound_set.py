"""Labelled clips of sound with their metadata."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cocktailparty.recordings.audio.clips import AudioClip


@dataclass(frozen=True)
class SoundSet:
    """Clips with classes, metadata and an official split.

    Attributes
    ----------
    clips : list of AudioClip
        Segments of files, which are read when they are needed.
    labels : ndarray of str, shape (n_clips,)
        Their classes.
    metadata : dict of str to ndarray of object, shape (n_clips,)
        What else is known, such as "speaker"; None where a value is missing.
    split : ndarray of str, shape (n_clips,)
        "train", "validation" or "test" by the authors of the set; empty where there is none.
    groups : str
        Column of the metadata that must not be on both sides of a split, such as "patient"; empty
        for none.
    """

    clips: list[AudioClip]
    labels: np.ndarray
    metadata: dict[str, np.ndarray] = field(default_factory=dict)
    split: np.ndarray = field(default_factory=lambda: np.array([], dtype=str))
    groups: str = ""

    def __len__(self) -> int:
        return len(self.clips)

    def part(self, name: str) -> "SoundSet":
        """Take one side of the official split.

        Parameters
        ----------
        name : {"train", "validation", "test"}
            Which.

        Returns
        -------
        part : SoundSet
            Its clips.

        Raises
        ------
        ValueError
            If there are none.
        """
        chosen = np.flatnonzero(self.split == name) if len(self.split) else np.array([], int)
        if not len(chosen):
            known = sorted(set(self.split.tolist()))
            raise ValueError(f"there are no clips of the split {name!r}, but of {known}")
        return self.take(chosen)

    def take(self, indices: np.ndarray) -> "SoundSet":
        """Take some of the clips.

        Parameters
        ----------
        indices : ndarray of int
            Which.

        Returns
        -------
        part : SoundSet
            In this order.
        """
        return SoundSet(
            [self.clips[i] for i in indices],
            self.labels[indices],
            {name: values[indices] for name, values in self.metadata.items()},
            self.split[indices] if len(self.split) else self.split,
            self.groups,
        )


@dataclass(frozen=True)
class SoundCorpus:
    """Description of a set of sounds and its reader.

    Attributes
    ----------
    key, title : str
        Name on the command line, and in print.
    layout : str
        Files that its folder holds, in words.
    obtain : str
        Where it is found.
    detect : callable
        Takes a folder and tells by its files whether it may hold this set.
    load : callable
        Takes a folder and returns its `SoundSet`.
    """

    key: str
    title: str
    layout: str
    obtain: str
    detect: Callable[[Path], bool]
    load: Callable[[Path], SoundSet]


def columns(rows: list[dict[str, object]]) -> dict[str, np.ndarray]:
    """Turn rows of metadata with equal names into columns, object arrays of one value per row."""
    names = list(rows[0]) if rows else []
    columns = {}
    for name in names:
        column = np.empty(len(rows), dtype=object)
        column[:] = [row[name] for row in rows]
        columns[name] = column
    return columns
