"""Recordings as trials: corpora that are found by their files, and simulated listeners.

A corpus is one module with a `Corpus` that describes it, and one line in `CORPORA`.
"""

from pathlib import Path
from typing import Any

from cocktailparty.datasets import cnd, dtu, etard, kul, table, two_talker
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.etard import DecoderOutput, load_etard_outputs
from cocktailparty.datasets.kul import KulCorrelations, load_kul_correlations
from cocktailparty.datasets.simulated import (
    SimulatedListeners,
    simulate_eeg,
    simulate_trf,
    simulate_two_talkers,
)
from cocktailparty.trial import Trial

__all__ = [
    "CORPORA",
    "Corpus",
    "DecoderOutput",
    "KulCorrelations",
    "SimulatedListeners",
    "detect",
    "load",
    "load_etard_outputs",
    "load_kul_correlations",
    "simulate_eeg",
    "simulate_trf",
    "simulate_two_talkers",
]

#: Known corpora by the name that the command line uses.
CORPORA: dict[str, Corpus] = {
    corpus.key: corpus
    for corpus in (
        two_talker.CORPUS,
        dtu.CORPUS,
        cnd.CORPUS,
        etard.CORPUS,
        kul.CORPUS,
        table.CORPUS,
    )
}


def detect(path: Path | str, corpus: str | None = None) -> Corpus:
    """Find out by file names which corpus a folder holds.

    Parameters
    ----------
    path : path-like
        Folder of a corpus.
    corpus : str, optional
        Name of the corpus, one of `CORPORA`, for a folder that is not recognised.

    Returns
    -------
    corpus : Corpus
        Its description.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    NotADirectoryError
        If the path is a file.
    ValueError
        If the name is unknown, or the folder has the layout of no known corpus, or of several.
    """
    path = _folder(path)
    if corpus is not None:
        if corpus not in CORPORA:
            raise ValueError(f"corpus must be one of {sorted(CORPORA)}, got {corpus!r}")
        return CORPORA[corpus]
    found = [corpus for corpus in CORPORA.values() if corpus.detect(path)]
    if not found:
        known = "; ".join(f"{corpus.key} ({corpus.layout})" for corpus in CORPORA.values())
        raise ValueError(f"{path} has the layout of no known corpus, expected one of: {known}")
    if len(found) > 1:
        keys = [corpus.key for corpus in found]
        raise ValueError(f"{path} has the layout of {keys}: name the one that is meant")
    return found[0]


def load(path: Path | str, corpus: str | None = None, **arguments: Any) -> list[Trial]:
    """Load the trials of a corpus.

    Parameters
    ----------
    path : path-like
        Folder of the corpus.
    corpus : str, optional
        Name of the corpus, one of `CORPORA`; None to find it out by the file names.
    **arguments : object
        Keywords of the reader of that corpus.

    Returns
    -------
    trials : list of Trial
        All trials of the folder.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    NotADirectoryError
        If the path is a file.
    OSError
        If a file is damaged.
    ValueError
        If the corpus is unknown or holds no EEG, or a file does not hold what it should.
    """
    found = detect(path, corpus)
    if found.load is None:
        raise ValueError(
            f"{path} holds no EEG but {found.title!r}: read it with "
            f"cocktailparty.datasets.{found.reader}"
        )
    return found.load(Path(path), **arguments)


def _folder(path: Path | str) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give the folder of a corpus")
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is a file: give the folder that holds it")
    return path
