"""Finished folds on disk, so that an interrupted comparison can resume."""

import json
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import joblib

from cocktailparty.digests import check_text, opened, sealed
from cocktailparty.files import remove_leftovers, replacing
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial


class FoldStore:
    """Results of folds in a folder, each under a key made of all that decides it.

    Without a folder nothing is kept.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = None if folder is None else Path(folder)
        self._hashes: dict[int, tuple[Trial, str]] = {}
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.folder, "[0-9a-f]{32}", ".json", any_stem=True)

    def key(self, decoder: Any, fold: Fold, windows: list[float]) -> str:
        """Name a result by the decoder, the data, the windows and the version of the library.

        The same for the same work; empty if nothing is kept.
        """
        if self.folder is None:
            return ""
        from cocktailparty import __version__

        data = [[self._hash(trial) for trial in side] for side in (fold.train, fold.test)]
        described = (type(decoder), decoder.get_params(deep=True), data, windows, __version__)
        return str(joblib.hash(described))

    def load(self, key: str) -> dict | None:
        """Read a result; None if it has not been computed yet.

        A damaged file counts as missing, with a UserWarning that names it.
        """
        path = self._path(key)
        if path is None or not path.exists():
            return None
        try:
            return _result(key, path.read_text(encoding="utf-8"))
        except (ValueError, TypeError) as error:  # those of JSON and UTF-8 are among them
            warnings.warn(
                f"the finished fold {path} is damaged ({error}): it is computed again",
                stacklevel=2,
            )
            return None

    def save(self, key: str, result: dict) -> None:
        """Keep a result, made of strings, numbers, lists and dicts."""
        path = self._path(key)
        if path is not None:
            with replacing(path) as temporary:
                temporary.write_text(sealed(key, result), encoding="utf-8")

    def _path(self, key: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{key}.json"

    def _hash(self, trial: Trial) -> str:
        # A trial is in many folds. Holding on to it keeps its id from being used again.
        if id(trial) not in self._hashes:
            # No decoder sees the metadata: a new column of a table changes no fold.
            hashed = {f.name: getattr(trial, f.name) for f in fields(trial) if f.name != "metadata"}
            if not trial.streams:
                del hashed["streams"]  # folds from before there were any are still found
            self._hashes[id(trial)] = (trial, str(joblib.hash(hashed)))
        return self._hashes[id(trial)][1]


def _result(key: str, text: str) -> dict:
    """Content of the file of a fold."""
    check_text(text)
    stored = json.loads(text)
    if isinstance(stored, dict) and stored and all(map(_are_rows, stored.values())):
        return stored  # of the first version, which had no digest
    result: dict = opened(key, text)
    return result


def _are_rows(rows: Any) -> bool:
    """Tell whether something can be the windows of a subject."""
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and {"window", "accuracy", "n_correct", "n_windows"} <= set(row)
        and 0 <= row["n_correct"] <= row["n_windows"]
        and 0 <= row["accuracy"] <= 1
        for row in rows
    )
