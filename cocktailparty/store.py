"""Finished folds on disk, so that a comparison that was interrupted can go on."""

import json
from pathlib import Path
from typing import Any

import joblib

from cocktailparty.files import replacing
from cocktailparty.model_selection import Fold
from cocktailparty.trial import Trial


class FoldStore:
    """Results of folds in a folder, each under a key made of all that decides it.

    Parameters
    ----------
    folder : path, optional
        Where to keep the results; None keeps nothing.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = None if folder is None else Path(folder)
        self._hashes: dict[int, tuple[Trial, str]] = {}
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def key(self, decoder: Any, fold: Fold, windows: list[float]) -> str:
        """Name a result by the decoder, the data, the windows and the version of the library.

        Parameters
        ----------
        decoder : estimator
            Unfitted decoder.
        fold : Fold
            Training and test trials.
        windows : list of float
            Window lengths in seconds.

        Returns
        -------
        key : str
            The same for the same work; empty if nothing is kept.
        """
        if self.folder is None:
            return ""
        from cocktailparty import __version__

        data = [[self._hash(trial) for trial in part] for part in (fold.train, fold.test)]
        described = (type(decoder), decoder.get_params(deep=True), data, windows, __version__)
        return str(joblib.hash(described))

    def load(self, key: str) -> dict | None:
        """Read a result.

        Parameters
        ----------
        key : str
            From `key`.

        Returns
        -------
        result : dict or None
            None if it has not been computed yet.
        """
        path = self._path(key)
        return json.loads(path.read_text()) if path is not None and path.exists() else None

    def save(self, key: str, result: dict) -> None:
        """Keep a result.

        Parameters
        ----------
        key : str
            From `key`.
        result : dict
            Of strings, numbers, lists and dicts.
        """
        path = self._path(key)
        if path is not None:
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(result))

    def _path(self, key: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{key}.json"

    def _hash(self, trial: Trial) -> str:
        # A trial is in many folds. Holding on to it keeps its id from being used again.
        if id(trial) not in self._hashes:
            self._hashes[id(trial)] = (trial, str(joblib.hash(trial)))
        return self._hashes[id(trial)][1]
