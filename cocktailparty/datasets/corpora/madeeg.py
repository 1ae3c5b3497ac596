"""MAD-EEG: attention to one instrument in polyphonic music."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.datasets.readers.subjects import chosen
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.recordings.formats.hdf5 import open_hdf5
from cocktailparty.trial import Trial

_SIGNALS = "madeeg_preprocessed.hdf5"
_LABELS = "madeeg_preprocessed.yaml"
_KEYS = ("target", "instruments", "ensemble", "genre", "song", "eeg_info", "wav_info")
_ENSEMBLES = ("duo", "trio")


def load(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    ensemble: str | None = None,
    mixture: bool = False,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the trials with two or three instruments.

    The stimuli are the instruments in the order of the labels. The same piece is heard with
    attention to one and to another instrument, alone in duos and again in trios, so the story of a
    trial is its piece of music.

    Parameters
    ----------
    path : path-like
        Folder with the files `madeeg_preprocessed.hdf5` and `madeeg_preprocessed.yaml`.
    subjects : sequence of str, optional
        Subjects to read, such as ["0001"]; None for all.
    ensemble : {None, "duo", "trio"}
        Trials to read; None for both, whose trials differ in the number of stimuli.
    mixture : bool
        Keep what was played, the mean of both channels, as the audio of the trial.
    sfreq : float
        Sampling rate of the trials in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`: `l_freq`, `h_freq`,
        `filter_stimuli`, `picks` and `reference`.

    Returns
    -------
    trials : list of Trial
        In the order of the labels. The unit of the EEG is not stated.

    Raises
    ------
    ImportError
        If h5py or PyYAML is not installed.
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject or ensemble is unknown, a file holds something else, or values are unfit for
        a trial.

    References
    ----------
    Cantisani, G., Trégoat, G., Essid, S., Richard, G. (2019). MAD-EEG: an EEG dataset for decoding
    auditory attention to a target instrument in polyphonic music. Speech, Music and Mind (SMM),
    Satellite Workshop of Interspeech 2019. https://doi.org/10.5281/zenodo.4537751
    """
    path = Path(path)
    if ensemble not in (None, *_ENSEMBLES):
        raise ValueError(f"ensemble must be one of {_ENSEMBLES} or None, got {ensemble!r}")
    labels = chosen(_read_labels(path / _LABELS), subjects, path)
    known: dict[bytes, Any] = {}

    def features(solo: np.ndarray, rate: float) -> Any:
        # Most solos play for several subjects, and with attention to each instrument.
        key = sha256(solo.tobytes()).digest()
        if key not in known:
            known[key] = envelope(solo, rate, sfreq)
        return known[key]

    trials = []
    with open_hdf5(path / _SIGNALS) as file:
        for subject, name, entry in _wanted(labels, ensemble, path / _LABELS):
            what = f"{path / _SIGNALS}: {subject}/{name}"
            eeg, soli = (_read(file, what, subject, name, k) for k in ("response", "soli"))
            raw = raw_from_array(
                eeg.T,
                float(entry["eeg_info"]["sfreq"]),
                entry["eeg_info"]["ch_names"],
                entry["eeg_info"]["ch_names"],
                f"{what}/response, turned round",
            )
            instruments, rate = list(entry["instruments"]), float(entry["wav_info"]["sfreq"])
            if len(soli) < len(instruments):
                raise ValueError(f"{what}/soli has {len(soli)} rows for {instruments}")
            try:
                # The row that a duo leaves free comes last.
                sounds = [features(solo, rate) for solo in soli[: len(instruments)]]
            except ValueError as error:
                raise ValueError(f"{what}/soli: {error}") from error
            played = _read(file, what, subject, name, "stimulus") if mixture else None
            trials.append(
                trial_with_sounds(
                    raw,
                    sounds,
                    sfreq=sfreq,
                    what=what,
                    attended=instruments.index(entry["target"]),
                    audio=None if played is None else (played.mean(axis=0), rate),
                    subject=subject,
                    story=f"{entry['genre']}-{entry['song']}",
                    name=name,
                    **arguments,
                )
            )
    return trials


def _detect(path: Path) -> bool:
    return (path / _SIGNALS).is_file() or (path / _LABELS).is_file()


CORPUS = Corpus(
    key="madeeg",
    title="Music EEG (MAD-EEG), preprocessed",
    description=(
        "Attention to one instrument of a duo or trio: 8 subjects, 246 trials of 20 to 28 s, 20 "
        "channels at 256 Hz, with the instruments and the mixture"
    ),
    layout=f"{_SIGNALS} and {_LABELS} (reading takes h5py and PyYAML)",
    obtain="Zenodo record 4537751 (licence not confirmed; reported as CC BY-SA)",
    reference=(
        "Cantisani, G., Trégoat, G., Essid, S., Richard, G. (2019). MAD-EEG: an EEG dataset for "
        "decoding auditory attention to a target instrument in polyphonic music. SMM workshop. "
        "doi:10.5281/zenodo.4537751"
    ),
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
    zenodo=4537751,
    files=(_SIGNALS, _LABELS),
)


def _read_labels(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise ImportError(f"{file} cannot be read without PyYAML: pip install pyyaml") from error
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: the data set is not complete")
    try:
        metadata = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OSError(f"{file} cannot be read as YAML ({error}): download it again") from error
    if not isinstance(metadata, dict) or not all(
        isinstance(part, dict) for part in metadata.values()
    ):
        raise ValueError(f"{file} must map subjects to their trials: is it of another data set?")
    return {str(subject): trials for subject, trials in metadata.items()}


def _wanted(
    labels: dict[str, Any], ensemble: str | None, file: Path
) -> Iterator[tuple[str, str, Any]]:
    ensembles = _ENSEMBLES if ensemble is None else (ensemble,)
    for subject, trials in labels.items():
        for name, entry in trials.items():
            missing = [key for key in _KEYS if key not in entry]
            if missing:
                raise ValueError(f"{file}: {subject}/{name} has no {missing}")
            if entry["target"] not in entry["instruments"]:
                raise ValueError(
                    f"{file}: {subject}/{name} has the target {entry['target']!r}, which is none "
                    f"of its instruments {entry['instruments']}"
                )
            if entry["ensemble"] in ensembles:
                yield subject, name, entry


def _read(file: Any, what: str, *keys: str) -> np.ndarray:
    import h5py

    if "/".join(keys) not in file:
        raise ValueError(f"{what} has no {keys[-1]!r}: the file does not belong to {_LABELS}")
    dataset = file["/".join(keys)]
    values = np.empty(dataset.shape)
    # The published numbers have a layout for which NumPy has no type: HDF5 converts them.
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values, h5py.h5t.NATIVE_DOUBLE)
    return values
