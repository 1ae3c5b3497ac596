"""Window correlations of a linear decoder on the two-talker EEG of KU Leuven."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import cells, read_mat, read_mat_struct

_FILE = "corrs-linearDecoder-das2016.mat"


@dataclass(frozen=True, eq=False)
class KulCorrelations:
    """Correlations of reconstructed with true envelopes, for all windows of all subjects.

    Attributes
    ----------
    subjects : tuple of str
        Who listened.
    windows : ndarray of shape (n_windows,)
        Lengths of the decision windows in seconds.
    accuracy : ndarray of shape (n_subjects, n_windows)
        Share of windows that were decoded correctly, as published.
    scores : list of dict
        For each subject, by window length in seconds, an array of shape
        (n_windows_in_recording, 2): Pearson r with the attended and the unattended envelope.
    """

    subjects: tuple[str, ...]
    windows: np.ndarray
    accuracy: np.ndarray
    scores: list[dict[float, np.ndarray]]


def load_kul_correlations(path: Path | str) -> KulCorrelations:
    """Load the window correlations.

    Parameters
    ----------
    path : path-like
        Folder with the file `corrs-linearDecoder-das2016.mat`.

    Returns
    -------
    correlations : KulCorrelations
        Correlations and accuracies of 16 subjects.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    OSError
        If the file is damaged.
    ValueError
        If its arrays do not fit together.
    """
    file = Path(path) / _FILE
    variables = read_mat(file, "acc", "corrs")
    accuracy, corrs = variables["acc"], cells(variables["corrs"], f"{file}: corrs")
    parameters = read_mat_struct(file, "paramsAAD", "subjects", "windowLengths")
    subjects = tuple(f"S{number:g}" for number in parameters["subjects"].ravel())
    windows = parameters["windowLengths"].ravel().astype(float)
    shape = (len(subjects), len(windows))
    if accuracy.shape != shape or corrs.shape != shape:
        raise ValueError(
            f"{file}: acc has shape {accuracy.shape} and corrs {corrs.shape}, expected {shape} "
            "from the subjects and windows of paramsAAD"
        )
    if any(cell.ndim != 2 or cell.shape[1] != 2 for cell in corrs.ravel()):
        raise ValueError(f"{file}: every cell of corrs must have two columns")
    scores = [dict(zip(windows.tolist(), row, strict=True)) for row in corrs]
    return KulCorrelations(subjects, windows, accuracy, scores)


def _detect(path: Path) -> bool:
    return (path / _FILE).is_file()


CORPUS = Corpus(
    key="kul-correlations",
    title="Window correlations for the KU Leuven two-talker EEG",
    description=(
        "Correlations of a linear decoder with attended and unattended envelopes: 16 subjects, "
        "72 minutes each, decision windows of 1 to 60 s, no EEG"
    ),
    layout=_FILE,
    obtain="GitHub, AlexanderBertrandLab/AAD-performance-curve-modeling; no licence is stated",
    reference=(
        "Das, N., Biesmans, W., Bertrand, A., Francart, T. (2016). The effect of head-related "
        "filtering and ear-specific decoding bias on auditory attention detection. Journal of "
        "Neural Engineering, 13(5), 056014. doi:10.1088/1741-2560/13/5/056014"
    ),
    detect=_detect,
    load=None,
    default_cv=None,
    reader="load_kul_correlations",
)
