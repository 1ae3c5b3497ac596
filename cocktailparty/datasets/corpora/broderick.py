"""EEG of M. Broderick and colleagues: a cocktail party, and speech of one talker."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import read_mat
from cocktailparty.datasets.readers.subjects import chosen
from cocktailparty.electrodes.biosemi import BIOSEMI_128
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.trial import Trial
from cocktailparty.validation import check_time_first

_SFREQ = 128.0
_SUBJECT_FOLDER = re.compile(r"Subject(\d+)")
_RUN_FILE = re.compile(r"Subject\d+_Run(\d+)\.mat")
_TALES = ("20000", "Journey")
# Subjects with higher numbers attended to the second tale.
_LAST_OF_FIRST_TALE = 17


def load_cocktail_party(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    reference: str | None = None,
) -> list[Trial]:
    """Load the trials with two talkers.

    The stimuli are in the order (20000, Journey), after the titles of two audio books. A subject
    attended to one of them all the time.

    Parameters
    ----------
    path : path-like
        Folder `Cocktail Party`, with the folders `EEG` and `Stimuli`.
    subjects : sequence of str, optional
        Subjects to read, such as ["Subject1"]; None for all.
    reference : {None, "mastoids"}
        Subtract the mean of the mastoid channels, or leave the EEG as it was published.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and run. The story is the run, since all subjects heard the same pair of
        sounds in it. EEG and envelopes are cut to the shortest of them; the unit of the EEG is
        not stated.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject or reference is unknown, a file holds something else, or values are unfit for
        a trial.

    References
    ----------
    Broderick, M. P., Anderson, A. J., Di Liberto, G. M., Crosse, M. J., Lalor, E. C. (2018).
    Electrophysiological correlates of semantic dissimilarity reflect the comprehension of
    natural, narrative speech. Current Biology, 28(5), 803-809.
    https://doi.org/10.1016/j.cub.2018.01.080
    """
    envelopes = Path(path) / "Stimuli" / "Envelopes"

    def sounds(run: int) -> list[Any]:
        files = [envelopes / tale / f"{tale}_{run}_env.mat" for tale in _TALES]
        return [_read_column(file, "envelope") for file in files]

    return _load(Path(path), sounds, lambda n: int(n > _LAST_OF_FIRST_TALE), subjects, reference)


def load_natural_speech(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    reference: str | None = None,
) -> list[Trial]:
    """Load the trials with one talker.

    Parameters
    ----------
    path : path-like
        Folder `Natural Speech`, with the folders `EEG` and `Stimuli`.
    subjects : sequence of str, optional
        Subjects to read, such as ["Subject1"]; None for all.
    reference : {None, "mastoids"}
        Subtract the mean of the mastoid channels, or leave the EEG as it was published.

    Returns
    -------
    trials : list of Trial
        Sorted by subject and run. The story is the run, since all subjects heard the same sound
        in it. EEG and envelope are cut to the shorter of the two; the unit of the EEG is not
        stated.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject or reference is unknown, a file holds something else, or values are unfit for
        a trial.

    References
    ----------
    Broderick, M. P., Anderson, A. J., Di Liberto, G. M., Crosse, M. J., Lalor, E. C. (2018).
    Electrophysiological correlates of semantic dissimilarity reflect the comprehension of
    natural, narrative speech. Current Biology, 28(5), 803-809.
    https://doi.org/10.1016/j.cub.2018.01.080
    """
    envelopes = Path(path) / "Stimuli" / "Envelopes"

    def sounds(run: int) -> list[Any]:
        return [_read_column(envelopes / f"audio{run}_128Hz.mat", "env")]

    return _load(Path(path), sounds, lambda n: 0, subjects, reference)


def _detect_cocktail_party(path: Path) -> bool:
    return (path / "EEG").is_dir() and any(
        (path / "Stimuli" / "Envelopes" / tale).is_dir() for tale in _TALES
    )


def _detect_natural_speech(path: Path) -> bool:
    return (path / "EEG").is_dir() and any(path.glob("Stimuli/Envelopes/audio*_128Hz.mat"))


_OBTAIN = "Dryad, doi:10.5061/dryad.070jc (CC0)"
_REFERENCE = (
    "Broderick, M. P., et al. (2018). Electrophysiological correlates of semantic dissimilarity "
    "reflect the comprehension of natural, narrative speech. Current Biology, 28(5), 803-809. "
    "doi:10.1016/j.cub.2018.01.080"
)

COCKTAIL_PARTY = Corpus(
    key="broderick-cocktail-party",
    title="Cocktail party EEG (Broderick)",
    description=(
        "Attention to one of two audio books, the same all the time: 33 subjects, runs of 60 s, "
        "128 channels at 128 Hz, with envelopes"
    ),
    layout=(
        "folder Cocktail Party: EEG/Subject1/Subject1_Run1.mat, ..., and "
        "Stimuli/Envelopes/20000/20000_1_env.mat, ..., and the same for Journey"
    ),
    obtain=_OBTAIN,
    reference=_REFERENCE,
    detect=_detect_cocktail_party,
    load=load_cocktail_party,
    default_cv="trial",
)

NATURAL_SPEECH = Corpus(
    key="broderick-natural-speech",
    title="Single-talker EEG (Broderick)",
    description=(
        "Listening to an audio book: 19 subjects, 20 runs, 128 channels at 128 Hz, with envelopes"
    ),
    layout=(
        "folder Natural Speech: EEG/Subject1/Subject1_Run1.mat, ..., and "
        "Stimuli/Envelopes/audio1_128Hz.mat, ..."
    ),
    obtain=_OBTAIN,
    reference=_REFERENCE,
    detect=_detect_natural_speech,
    load=load_natural_speech,
    default_cv="trial",
)


def _load(
    path: Path,
    sounds: Callable[[int], list[Any]],
    attended: Callable[[int], int],
    subjects: Sequence[str] | None,
    reference: str | None,
) -> list[Trial]:
    if reference not in (None, "mastoids"):
        raise ValueError(f"reference must be None or 'mastoids', got {reference!r}")
    runs: dict[str, list[tuple[int, int, Path]]] = {}
    for subject, folder in _numbered(path / "EEG", _SUBJECT_FOLDER):
        for run, file in _numbered(folder, _RUN_FILE):
            runs.setdefault(folder.name, []).append((subject, run, file))
    if not runs:
        raise FileNotFoundError(f"{path} has no file such as EEG/Subject1/Subject1_Run1.mat")
    stimuli = cache(sounds)  # every subject heard them
    return [
        _load_run(file, stimuli(run), attended(subject), label, run, reference)
        for label, files in chosen(runs, subjects, path).items()
        for subject, run, file in files
    ]


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted((int(m[1]), entry) for entry in entries if (m := pattern.fullmatch(entry.name)))


def _read_column(file: Path, name: str) -> Any:
    return read_mat(file, name)[name].ravel()


def _load_run(
    file: Path, stimuli: list[Any], attended: int, subject: str, run: int, reference: str | None
) -> Trial:
    variables = read_mat(file, "eegData", *(["mastoids"] if reference else []))
    eeg = variables["eegData"]
    check_time_first(eeg.shape, f"{file}: eegData")
    if eeg.shape[1] != len(BIOSEMI_128):
        raise ValueError(
            f"{file}: eegData must have {len(BIOSEMI_128)} channels, got shape {eeg.shape}"
        )
    if reference:
        eeg = eeg - variables["mastoids"].mean(axis=1, keepdims=True)
    n_times = min(len(eeg), *map(len, stimuli))
    trial = Trial(
        eeg[:n_times],
        [stimulus[:n_times] for stimulus in stimuli],
        sfreq=_SFREQ,
        attended=attended,
        subject=subject,
        story=f"run-{run:02d}",
        name=file.stem,
        channel_names=BIOSEMI_128,
        provenance={
            "eeg_file": file.name,
            "reference": "mean of the mastoids" if reference else "as in the files",
            "features": "envelopes of the data set",
        },
    )
    return on_cap(trial, "biosemi128")
