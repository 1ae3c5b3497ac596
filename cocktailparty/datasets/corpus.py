"""What is known about a corpus: how its folder looks, where it comes from and what reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cocktailparty.trial import Trial


@dataclass(frozen=True)
class Corpus:
    """Description of one corpus and its reader.

    Attributes
    ----------
    key : str
        Name on the command line.
    title : str
        Name in print.
    description : str
        What there is: task, number of subjects and trials, rate, preprocessing.
    layout : str
        Files that its folder holds, in words.
    obtain : str
        Where it is found, and under which licence.
    reference : str
        What to cite.
    detect : callable
        Takes a folder and tells by the names of its files whether it may hold this corpus.
    load : callable or None
        Takes a folder and returns its trials; None for a corpus without EEG.
    default_cv : {"trial", "story", "subject", "time"} or None
        Split that leaves no test sound in the training trials; None for a corpus without EEG.
    reader : str
        Function of `cocktailparty.datasets` that reads the folder.
    continuous : bool
        Whether `load` itself filters and resamples the continuous recordings: it then takes the
        keywords `sfreq`, `l_freq` and `h_freq` as well.
    zenodo : int or None
        Number of the Zenodo record that can be downloaded; None if the host does not allow it.
    files : tuple of str
        Files of the record that are needed, as patterns such as ``*.mat``.
    """

    key: str
    title: str
    description: str
    layout: str
    obtain: str
    reference: str
    detect: Callable[[Path], bool]
    load: Callable[..., list[Trial]] | None
    default_cv: str | None
    reader: str = "load"
    continuous: bool = False
    zenodo: int | None = None
    files: tuple[str, ...] = ()
