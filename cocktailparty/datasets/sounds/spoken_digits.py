"""Free Spoken Digit Dataset: single digits, said fifty times each by several speakers."""

import csv
import re
from pathlib import Path

import numpy as np

from cocktailparty.datasets.sounds.sound_set import SoundCorpus, SoundSet, columns
from cocktailparty.recordings.audio.clips import AudioClip

_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
_INDEX = {"file", "digit", "speaker", "take", "start", "frames"}
_SFREQ = 8000
# The authors test on the first five takes of each.
_N_TEST = 5


def load(path: Path) -> SoundSet:
    """Read the spoken digits.

    Parameters
    ----------
    path : path-like
        Folder ``recordings`` of the set with ``{digit}_{speaker}_{take}.wav``, or one with joined
        takes and an ``index.csv`` of the columns file, digit, speaker, take, start and frames.

    Returns
    -------
    sounds : SoundSet
        Sorted by digit, speaker and take; metadata "speaker" and "take", and further columns of
        the index. Takes 0 to 4 are the official test.

    Raises
    ------
    FileNotFoundError
        If there are no such files.
    """
    path = Path(path)
    rows = _joined(path) if (path / "index.csv").exists() else _single(path)
    if not rows:
        raise FileNotFoundError(
            f"{path} has no file {{digit}}_{{speaker}}_{{take}}.wav, such as 0_jackson_0.wav: get "
            f"the folder {CORPUS.obtain}"
        )
    rows.sort(key=lambda row: (row["digit"], row["speaker"], row["take"]))
    clips = [row.pop("clip") for row in rows]
    labels = np.array([row.pop("digit") for row in rows])
    split = np.where([row["take"] < _N_TEST for row in rows], "test", "train")
    return SoundSet(clips, labels, columns(rows), split, "speaker")


def _single(path: Path) -> list[dict]:
    return [
        {"clip": AudioClip(str(file)), "digit": m[1], "speaker": m[2], "take": int(m[3])}
        for file in path.iterdir()
        if (m := _NAME.fullmatch(file.name))
    ]


def _joined(path: Path) -> list[dict]:
    with (path / "index.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    if not table or not set(table[0]) >= _INDEX:
        raise ValueError(
            f"{path / 'index.csv'} has no columns {sorted(_INDEX)}: it is no index of digits"
        )
    rows = []
    for line in table:
        start, frames = int(line["start"]), int(line["frames"])
        name = Path(line["file"]).name  # folders in front of it are those of another place
        clip = AudioClip(str(path / name), start / _SFREQ, (start + frames) / _SFREQ)
        more = {k: v for k, v in line.items() if k not in _INDEX | {"official_split"}}
        rows.append(
            {"clip": clip, "digit": line["digit"], "speaker": line["speaker"],
             "take": int(line["take"]), **more}
        )  # fmt: skip
    return rows


def _detect(path: Path) -> bool:
    if (path / "index.csv").exists():
        with (path / "index.csv").open(encoding="utf-8") as file:
            return set(file.readline().strip().split(",")) >= _INDEX
    return any(_NAME.fullmatch(file.name) for file in path.iterdir())


CORPUS = SoundCorpus(
    key="spoken-digits",
    title="Free Spoken Digit Dataset",
    layout="{digit}_{speaker}_{take}.wav, such as 0_jackson_0.wav",
    obtain="recordings of GitHub, Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0)",
    detect=_detect,
    load=load,
)
