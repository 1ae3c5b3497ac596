"""Sets of sounds with a folder for each class, and sets with a table."""

import csv
import json
import re
from pathlib import Path

import numpy as np

from cocktailparty.datasets.sounds.sound_set import SoundCorpus, SoundSet, columns
from cocktailparty.recordings.audio.clips import AudioClip

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_WORD = re.compile(r"([0-9a-f]{8})_nohash_(\d+)\.wav")
_VOCAL = re.compile(r"([fm]\d+)_\d+_([a-z]+)\.wav")
_SIDES = {"Train": "train", "Val": "validation", "Test": "test"}


def load_folders(path: Path) -> SoundSet:
    """Read a folder with a folder of sound files for each class.

    Parameters
    ----------
    path : path-like
        Folder.

    Returns
    -------
    sounds : SoundSet
        Sorted by name, without metadata and split.

    Raises
    ------
    FileNotFoundError
        If there are no sound files.
    """
    path = Path(path)
    files = [file for folder in _folders(path) for file in _sound_files(folder)]
    if not files:
        raise FileNotFoundError(f"{path} has no folders of sound files ({', '.join(SUFFIXES)})")
    clips = [AudioClip(str(file)) for file in files]
    return SoundSet(clips, np.array([file.parent.name for file in files]))


def load_table(path: Path) -> SoundSet:
    """Read a table of clips.

    Parameters
    ----------
    path : path-like
        CSV file with the columns ``file``, which is looked for beside the table, and ``label``;
        if there, ``start`` and ``stop`` in seconds and ``split`` ("train", "validation" or
        "test"); all others are metadata. An empty cell is missing.

    Returns
    -------
    sounds : SoundSet
        In the order of the table.

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    ValueError
        If a column or all rows are missing, or a moment is no number.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise ValueError(f"{path} must have the columns file and label, and at least one row")
    clips = []
    for number, row in enumerate(rows, 2):
        try:
            stop = float(row["stop"]) if row.get("stop") else None
            clip = AudioClip(str(path.parent / row["file"]), float(row.get("start") or 0), stop)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        clips.append(clip)
    labels = np.array([row["label"] for row in rows])
    split = np.array([row["split"] for row in rows]) if "split" in rows[0] else np.array([], str)
    known = {"file", "label", "start", "stop", "split"}
    more = [{k: v or None for k, v in row.items() if k not in known} for row in rows]
    return SoundSet(clips, labels, columns(more), split)


def load_words(path: Path) -> SoundSet:
    """Read Speech Commands.

    Parameters
    ----------
    path : path-like
        Folder with a folder for each word, and ``validation_list.txt`` and ``testing_list.txt``.

    Returns
    -------
    sounds : SoundSet
        Metadata "speaker"; background noises are left out.

    Raises
    ------
    FileNotFoundError
        If words or a list are missing.
    """
    path = Path(path)
    files = [
        file
        for folder in _folders(path)
        for file in _sound_files(folder)
        if _WORD.fullmatch(file.name)
    ]
    if not files:
        raise FileNotFoundError(
            f"{path} has no file such as yes/0a7c2a8d_nohash_0.wav: {WORDS.obtain}"
        )
    side = {}
    for name, what in (("validation_list.txt", "validation"), ("testing_list.txt", "test")):
        if not (path / name).exists():
            raise FileNotFoundError(f"{path / name} is missing: {WORDS.obtain}")
        lines = (path / name).read_text(encoding="utf-8").split()
        side.update(dict.fromkeys(lines, what))
    split = [side.get(f"{file.parent.name}/{file.name}", "train") for file in files]
    rows: list[dict[str, object]] = [{"speaker": file.name.partition("_")[0]} for file in files]
    labels = np.array([file.parent.name for file in files])
    clips = [AudioClip(str(file)) for file in files]
    return SoundSet(clips, labels, columns(rows), np.array(split), "speaker")


def load_vocal(path: Path) -> SoundSet:
    """Read VocalSound.

    Parameters
    ----------
    path : path-like
        Folder with ``audio_16k`` and ``datafiles``.

    Returns
    -------
    sounds : SoundSet
        Metadata "speaker" and "sex".

    Raises
    ------
    FileNotFoundError
        If sounds or the lists of the split are missing.
    """
    path = Path(path)
    folder = path / "audio_16k"
    files = [
        file
        for file in (_sound_files(folder) if folder.is_dir() else [])
        if _VOCAL.fullmatch(file.name)
    ]
    if not files:
        raise FileNotFoundError(f"{folder} has no file such as f0003_0_cough.wav: {VOCAL.obtain}")
    side = {}
    for name, what in (("tr", "train"), ("val", "validation"), ("te", "test")):
        listed = path / "datafiles" / f"{name}.json"
        if not listed.exists():
            raise FileNotFoundError(f"{listed} is missing: {VOCAL.obtain}")
        entries = json.loads(listed.read_text(encoding="utf-8"))["data"]
        side.update({Path(entry["wav"]).name: what for entry in entries})
    labels, rows = [], []
    for file in files:
        match = _VOCAL.fullmatch(file.name)
        assert match is not None
        labels.append(match[2])
        rows.append({"speaker": match[1], "sex": match[1][0]})
    split = np.array([side.get(file.name, "") for file in files])
    clips = [AudioClip(str(file)) for file in files]
    return SoundSet(clips, np.array(labels), columns(rows), split, "speaker")


def load_scenes(path: Path) -> SoundSet:
    """Read CochlScene.

    Parameters
    ----------
    path : path-like
        Folder with ``Train``, ``Val`` and ``Test``, each with a folder for each scene.

    Returns
    -------
    sounds : SoundSet
        Ten seconds each, without metadata.

    Raises
    ------
    FileNotFoundError
        If a folder or all sounds are missing.
    """
    path = Path(path)
    parts = []
    for name in _SIDES:
        if not (path / name).is_dir():
            raise FileNotFoundError(f"{path / name} is missing: {SCENES.obtain}")
        parts.append(load_folders(path / name))
    split = np.repeat(list(_SIDES.values()), [len(part) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    return SoundSet([clip for part in parts for clip in part.clips], labels, {}, split)


def _folders(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if folder.is_dir())


def _sound_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


WORDS = SoundCorpus(
    key="speech-commands",
    title="Speech Commands",
    layout="a folder for each word with {speaker}_nohash_{take}.wav, and testing_list.txt",
    obtain="get Speech Commands V2 of Google, doi:10.48550/arXiv.1804.03209 (CC BY 4.0)",
    detect=lambda path: (path / "testing_list.txt").exists(),
    load=load_words,
)
VOCAL = SoundCorpus(
    key="vocalsound",
    title="VocalSound",
    layout="audio_16k/{speaker}_{take}_{sound}.wav and datafiles/{tr,val,te}.json",
    obtain="get VocalSound, doi:10.1109/ICASSP43922.2022.9746828 (CC BY-SA 4.0)",
    detect=lambda path: (path / "audio_16k").is_dir(),
    load=load_vocal,
)
SCENES = SoundCorpus(
    key="cochlscene",
    title="CochlScene",
    layout="Train, Val and Test, each with a folder for each scene",
    obtain="get CochlScene from Zenodo, doi:10.5281/zenodo.7080122 (CC BY-NC)",
    detect=lambda path: all((path / name).is_dir() for name in _SIDES),
    load=load_scenes,
)
FOLDERS = SoundCorpus(
    key="folders",
    title="A folder for each class",
    layout="{class}/{anything}.wav, .flac, .ogg or .mp3",
    obtain="your own",
    detect=lambda path: any(_sound_files(folder) for folder in _folders(path)),
    load=load_folders,
)
