"""Recordings as trials: corpora that are found by their files, and simulated listeners.

A corpus is one module with a `Corpus` that describes it, and one line in `CORPORA`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cocktailparty.datasets import trial_store
from cocktailparty.datasets.corpora import (
    bids,
    broderick,
    cnd,
    dtu_raw,
    madeeg,
    sparrkulee,
    sparrkulee_raw,
    table,
    two_talker,
)
from cocktailparty.datasets.corpora import dtu as dtu_aad
from cocktailparty.datasets.corpora import dtu_single_talker as dtu
from cocktailparty.datasets.corpora import etard as etard_raw
from cocktailparty.datasets.corpora import etard_outputs as etard
from cocktailparty.datasets.corpora import kul as kul_aad
from cocktailparty.datasets.corpora import kul_correlations as kul
from cocktailparty.datasets.corpora.cnd_writing import write_cnd
from cocktailparty.datasets.corpora.etard_outputs import DecoderOutput, load_etard_outputs
from cocktailparty.datasets.corpora.kul_correlations import KulCorrelations, load_kul_correlations
from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.downloads import fetch_json, fetch_record
from cocktailparty.datasets.simulation.corpus import simulate_corpus
from cocktailparty.datasets.simulation.drive import neural_drive
from cocktailparty.datasets.simulation.listeners import (
    SimulatedListeners,
    simulate_eeg,
    simulate_trf,
    simulate_two_talkers,
)
from cocktailparty.datasets.trial_store import TrialStore, write_trial_store
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.flat_channels import without_flat
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial
from cocktailparty.validation import did_you_mean

__all__ = [
    "CORPORA",
    "Corpus",
    "DecoderOutput",
    "KulCorrelations",
    "SimulatedListeners",
    "TrialStore",
    "detect",
    "download",
    "load",
    "load_etard_outputs",
    "load_kul_correlations",
    "neural_drive",
    "simulate_corpus",
    "simulate_eeg",
    "simulate_trf",
    "simulate_two_talkers",
    "write_cnd",
    "write_trial_store",
]

#: Known corpora by the name that the command line uses.
CORPORA: dict[str, Corpus] = {
    corpus.key: corpus
    for corpus in (
        two_talker.CORPUS,
        kul_aad.CORPUS,
        dtu_aad.CORPUS,
        dtu_raw.CORPUS,
        broderick.COCKTAIL_PARTY,
        etard_raw.CORPUS,
        madeeg.CORPUS,
        broderick.NATURAL_SPEECH,
        sparrkulee.CORPUS,
        sparrkulee_raw.CORPUS,
        dtu.CORPUS,
        cnd.CORPUS,
        etard.CORPUS,
        kul.CORPUS,
        bids.CORPUS,
        table.CORPUS,
        trial_store.CORPUS,
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
        return _known(corpus)
    matching = [corpus for corpus in CORPORA.values() if corpus.detect(path)]
    if not matching:
        known = "; ".join(f"{corpus.key} ({corpus.layout})" for corpus in CORPORA.values())
        raise ValueError(f"{path} has the layout of no known corpus, expected one of: {known}")
    if len(matching) > 1:
        keys = [corpus.key for corpus in matching]
        raise ValueError(f"{path} has the layout of {keys}: name the one that is meant")
    return matching[0]


def load(path: Path | str, corpus: str | None = None, **arguments: Any) -> list[Trial]:
    """Load the trials of a corpus.

    Parameters
    ----------
    path : path-like
        Folder of the corpus.
    corpus : str, optional
        Name of the corpus, one of `CORPORA`; None to find it out by the file names.
    **arguments : object
        Keywords of the reader of that corpus. Where `phase` is "causal", the default envelopes are
        causal, too.

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
    detected = detect(path, corpus)
    if detected.load is None:
        raise ValueError(
            f"{path} holds no EEG but {detected.title!r}: read it with "
            f"cocktailparty.datasets.{detected.reader}"
        )
    if arguments.get("phase") == "causal":
        arguments.setdefault("envelope", partial(speech_envelope, phase="causal"))
    with shown_once():
        trials = detected.load(Path(path), **arguments)
    return without_flat(trials) if arguments.get("on_flat") == "drop" else trials


def download(
    corpus: str,
    folder: Path | str,
    *,
    progress: bool = True,
    fetch: Callable[[str], Any] = fetch_json,
) -> Path:
    """Download a corpus from Zenodo, and unpack it.

    The checksums come from the host. What was downloaded before is not downloaded again, so that
    an interrupted download goes on with the file where it stopped. Sizes are in the gigabytes.

    Parameters
    ----------
    corpus : str
        Name of the corpus, one of `CORPORA`.
    folder : path-like
        Where to store it; made if need be.
    progress : bool
        Show a progress bar.
    fetch : callable
        Takes an address, returns what the JSON found there says.

    Returns
    -------
    path : Path
        Folder that `load` takes: the given one or one in it.

    Raises
    ------
    ValueError
        If the corpus is unknown or has to be downloaded by hand; says what and where. Also if a
        file that came does not have the checksum that the host states.
    OSError
        If the host cannot be reached, or its record is not as expected.

    Examples
    --------
    >>> download("sparrkulee", "data")
    Traceback (most recent call last):
    ...
    ValueError: sparrkulee has to be downloaded by hand: get derivatives/preprocessed_eeg/... from
    KU Leuven RDR, doi:10.48804/K3VSND (CC BY-NC 4.0; parts are restricted)
    """
    return fetch_record(_known(corpus), Path(folder), progress, fetch)


def _known(corpus: str) -> Corpus:
    if corpus not in CORPORA:
        near = did_you_mean(corpus, CORPORA)
        raise ValueError(f"corpus must be one of {sorted(CORPORA)}, got {corpus!r}{near}")
    return CORPORA[corpus]


def _folder(path: Path | str) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give the folder of a corpus")
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is a file: give the folder that holds it")
    return path
