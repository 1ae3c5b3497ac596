"""ICBHI 2017: breath cycles with crackles and wheezes, from 126 patients."""

import re
from pathlib import Path

import numpy as np

from cocktailparty.datasets.sounds.sound_set import SoundCorpus, SoundSet, columns
from cocktailparty.recordings.audio.clips import AudioClip

_NAME = re.compile(r"(\d{3})_(\w+)_(\w+)_(\w+)_(\w+)\.wav")
#: Classes by crackles and wheezes.
CLASSES = {(0, 0): "normal", (1, 0): "crackle", (0, 1): "wheeze", (1, 1): "both"}
_SPLIT = "ICBHI_challenge_train_test.txt"
_PATIENTS = "ICBHI_Challenge_demographic_information.txt"
_ADULT = 18


def load(path: Path) -> SoundSet:
    """Read the breath cycles.

    Parameters
    ----------
    path : path-like
        Folder with a ``.wav`` and a ``.txt`` for each recording, such as
        ``101_1b1_Al_sc_Meditron``; beside them, or in the folder above, the official split
        ``ICBHI_challenge_train_test.txt`` and, if there, the table of patients
        ``ICBHI_Challenge_demographic_information.txt``.

    Returns
    -------
    sounds : SoundSet
        A clip for each cycle, of class "normal", "crackle", "wheeze" or "both"; metadata
        "patient", "place" on the chest, "mode", "device", "sex", "age" in years and "age_group"
        ("adult" or "child"). The official split holds out 40 % of the recordings; some patients
        have recordings on both sides of it.

    Raises
    ------
    FileNotFoundError
        If recordings, an annotation or the split are missing.
    ValueError
        If an annotation is no table of four numbers; names it.
    """
    path = Path(path)
    recordings = sorted(file for file in path.iterdir() if _NAME.fullmatch(file.name))
    if not recordings:
        raise FileNotFoundError(
            f"{path} has no recordings such as 101_1b1_Al_sc_Meditron.wav: {CORPUS.obtain}"
        )
    sides = _split(path)
    patients = _patients(path)
    clips, labels, rows, split = [], [], [], []
    for file in recordings:
        match = _NAME.fullmatch(file.name)
        assert match is not None
        patient, _, place, mode, device = match.groups()
        if file.stem not in sides:
            raise ValueError(f"the official split in {_SPLIT} does not name {file.stem}")
        known = patients.get(patient, {"sex": None, "age": None, "age_group": None})
        for start, stop, crackles, wheezes in _annotation(file.with_suffix(".txt")):
            clips.append(AudioClip(str(file), start, stop))
            labels.append(CLASSES[crackles, wheezes])
            rows.append(
                {"patient": patient, "place": place, "mode": mode, "device": device, **known}
            )
            split.append(sides[file.stem])
    return SoundSet(clips, np.array(labels), columns(rows), np.array(split), "patient")


def scores(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Compute the scores of the ICBHI challenge.

    Parameters
    ----------
    labels, predicted : ndarray of str, shape (n_cycles,)
        True classes and predictions, by the names of `load`.

    Returns
    -------
    scores : dict of str to float
        "specificity": share of normal cycles that are called normal; "sensitivity": share of
        abnormal ones whose exact class is found; "score": their mean.

    Raises
    ------
    ValueError
        If there is no normal or no abnormal cycle, or the lengths differ.

    Examples
    --------
    >>> true = np.array(["normal", "normal", "crackle", "both"])
    >>> scores(true, np.array(["normal", "wheeze", "crackle", "wheeze"]))
    {'specificity': 0.5, 'sensitivity': 0.5, 'score': 0.5}
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape:
        raise ValueError(f"labels {labels.shape} and predicted {predicted.shape} differ in shape")
    normal = labels == "normal"
    if normal.all() or not normal.any():
        raise ValueError("the scores need normal and abnormal cycles")
    right = labels == predicted
    specificity, sensitivity = float(right[normal].mean()), float(right[~normal].mean())
    score = (specificity + sensitivity) / 2
    return {"specificity": specificity, "sensitivity": sensitivity, "score": score}


def _beside(path: Path, name: str) -> Path | None:
    return next((p / name for p in (path, path.parent) if (p / name).exists()), None)


def _split(path: Path) -> dict[str, str]:
    file = _beside(path, _SPLIT)
    if file is None:
        raise FileNotFoundError(
            f"{path} has no official split {_SPLIT}, which is a file of its own: {CORPUS.obtain}"
        )
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(line) != 2 or line[1] not in ("train", "test") for line in lines):
        raise ValueError(f"{file} is no table of recordings and 'train' or 'test'")
    return {name.removesuffix(".wav"): side for name, side in lines}


def _patients(path: Path) -> dict[str, dict[str, object]]:
    file = _beside(path, _PATIENTS)
    if file is None:
        return {}
    patients: dict[str, dict[str, object]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        age = None if parts[1] == "NA" else float(parts[1])
        group = None if age is None else "adult" if age >= _ADULT else "child"
        sex = None if parts[2] == "NA" else parts[2]
        patients[parts[0]] = {"sex": sex, "age": age, "age_group": group}
    return patients


def _annotation(file: Path) -> list[tuple[float, float, int, int]]:
    if not file.exists():
        raise FileNotFoundError(f"the annotation {file} is missing")
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            start, stop, crackles, wheezes = line.split()
            row = float(start), float(stop), int(crackles), int(wheezes)
        except ValueError:
            row = (0.0, 0.0, -1, -1)
        if row[2:] not in CLASSES or not 0 <= row[0] < row[1]:
            raise ValueError(
                f"{file}, line {number}: expected start, end, crackles and wheezes (0 or 1), got "
                f"{line!r}"
            )
        rows.append(row)
    return rows


CORPUS = SoundCorpus(
    key="icbhi",
    title="ICBHI 2017 Respiratory Sound Database",
    layout="{patient}_{recording}_{place}_{mode}_{device}.wav and .txt, with " + _SPLIT,
    obtain="get it from https://bhichallenge.med.auth.gr (for research)",
    detect=lambda path: any(_NAME.fullmatch(file.name) for file in path.iterdir()),
    load=load,
)
