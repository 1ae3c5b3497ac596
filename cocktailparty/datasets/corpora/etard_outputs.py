"""Envelopes that Thornton and colleagues reconstructed from two-talker EEG of Etard."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import read_npy

_SFREQ = 125.0
_OUTPUT_FILE = re.compile(r"(f[MW])_predictions_([^_]+)_ridge\.npy")


@dataclass(frozen=True, eq=False)
class DecoderOutput:
    """What a decoder made of one recording, and the envelopes that it is compared with.

    Attributes
    ----------
    subject : str
        Who listened.
    condition : str
        "fM" if the male talker was attended, "fW" if the female one.
    sfreq : float
        Sampling rate in hertz.
    reconstruction : ndarray of shape (n_times,)
        Envelope reconstructed from EEG.
    stimuli : ndarray of shape (2, n_times)
        True envelopes, the attended one first.
    """

    subject: str
    condition: str
    sfreq: float
    reconstruction: np.ndarray
    stimuli: np.ndarray


def load_etard_outputs(path: Path | str) -> list[DecoderOutput]:
    """Load the outputs of the ridge decoders, one per subject and condition.

    Parameters
    ----------
    path : path-like
        Folder with files ``{condition}_predictions_{subject}_ridge.npy`` and, for each condition,
        ``{condition}_attended_truth.npy`` and ``{condition}_unattended_truth.npy``.

    Returns
    -------
    outputs : list of DecoderOutput
        Sorted by condition and subject.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If reconstruction and envelopes differ in length or are not one-dimensional.
    """
    path = Path(path)
    outputs = sorted(match.groups() for match in map(_output_match, path.iterdir()) if match)
    if not outputs:
        raise FileNotFoundError(
            f"{path} has no file {{condition}}_predictions_{{subject}}_ridge.npy, such as "
            "fM_predictions_YH00_ridge.npy"
        )
    stimuli = {
        condition: [
            read_npy(path / f"{condition}_{role}_truth.npy") for role in ("attended", "unattended")
        ]
        for condition in sorted({condition for condition, _ in outputs})
    }
    return [
        _load_output(path, subject, condition, stimuli[condition]) for condition, subject in outputs
    ]


def _detect(path: Path) -> bool:
    return any(map(_output_match, path.iterdir()))


CORPUS = Corpus(
    key="etard-outputs",
    title="Decoder outputs for two-talker EEG (Etard, Thornton)",
    description=(
        "Envelopes that ridge decoders reconstructed while one of two talkers was attended: "
        "2 conditions of 10 minutes at 125 Hz with the true envelopes, no EEG"
    ),
    layout=(
        "fM_predictions_YH00_ridge.npy, ..., fM_attended_truth.npy, fM_unattended_truth.npy, and "
        "the same for fW"
    ),
    obtain=(
        "GitHub, Mike-boop/mldecoders, folder "
        "cnsp_workshop_tutorial/data/two-speakers-predictions (MIT)"
    ),
    reference=(
        "Thornton, M., Mandic, D., Reichenbach, T. (2022). Robust decoding of the speech envelope "
        "from EEG recordings through deep neural networks. Journal of Neural Engineering, 19(4), "
        "046007. doi:10.1088/1741-2552/ac7976"
    ),
    detect=_detect,
    load=None,
    default_cv=None,
    reader="load_etard_outputs",
)


def _output_match(file: Path) -> re.Match[str] | None:
    return _OUTPUT_FILE.fullmatch(file.name)


def _load_output(
    path: Path, subject: str, condition: str, stimuli: list[np.ndarray]
) -> DecoderOutput:
    file = path / f"{condition}_predictions_{subject}_ridge.npy"
    reconstruction = read_npy(file)
    shapes = {array.shape for array in (reconstruction, *stimuli)}
    if len(shapes) > 1 or reconstruction.ndim != 1:
        raise ValueError(
            f"{file} has shape {reconstruction.shape}, the attended envelope {stimuli[0].shape} "
            f"and the unattended one {stimuli[1].shape}: expected one length, (n_times,)"
        )
    return DecoderOutput(subject, condition, _SFREQ, reconstruction, np.stack(stimuli))
