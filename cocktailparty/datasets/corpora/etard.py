"""EEG of O. Etard and T. Reichenbach: one talker in quiet and noise, and one of two talkers."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.datasets.readers.subjects import chosen
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.recordings.formats.hdf5 import open_hdf5
from cocktailparty.trial import Trial

_SFREQ = 1000.0
_SUBJECT_FILE = re.compile(r"P(\d+)\.h5")
_PART = re.compile(r"part_(\d+)")
_AUDIO = "audiobooks"
# The files of each sound: with two talkers, the male one first.
_TWO_TALKERS = {"fM": ("story", "distractor"), "fW": ("distractor", "story")}
_ONE_TALKER = ("clean", "lb", "mb", "hb", "cleanDutch", "lbDutch", "mbDutch", "hbDutch")
_CAP = """
AF3 AF4 AF7 AF8 C1 C2 C3 C4 C5 C6 CP1 CP2 CP3 CP4 CP5 CP6 CPz Cz F1 F2 F3 F4 F5 F6 F7 F8
FC1 FC2 FC3 FC4 FC5 FC6 Fp1 Fp2 FT10 FT7 FT8 FT9 Fz O1 O2 Oz P1 P2 P3 P4 P5 P6 P7 P8 PO3 PO7
PO8 POz Pz FCz T7 T8 TP10 TP7 TP8 TP9 AFz
"""
_ELECTRODES = tuple(_CAP.split())


def load(
    path: Path | str,
    *,
    subjects: Sequence[str] | None = None,
    conditions: Sequence[str] = tuple(_TWO_TALKERS),
    tolerance: float = 0.5,
    sfreq: float = 64.0,
    envelope: Callable[..., Any] = speech_envelope,
    **arguments: Any,
) -> list[Trial]:
    """Load and preprocess the trials.

    With two talkers, the stimuli are in the order (male, female): `attended` is 0 in the condition
    fM and 1 in fW. With one talker, the only stimulus is the story, without the babble noise.

    Parameters
    ----------
    path : path-like
        Folder with files ``P{subject}.h5`` and the folder `audiobooks`, which has files
        ``{condition}/part_{number}_story.wav`` and ``..._distractor.wav``.
    subjects : sequence of str, optional
        Subjects to read, such as ["P00", "P01"]; None for all.
    conditions : sequence of str
        What to read: "fM" or "fW", attention to the male or the female of two talkers; "clean",
        "lb", "mb" or "hb", one talker in quiet or in low, medium or high babble noise;
        "cleanDutch", "lbDutch", "mbDutch" or "hbDutch", the same in Dutch, which the subjects did
        not understand. Trials with one and with two talkers differ in the number of stimuli.
    tolerance : float
        Largest difference in length of EEG and story in seconds.
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
        Sorted by subject, condition as asked for, and part; the unit of the EEG is not stated. A
        condition that a subject did not take part in is left out. The story is the part, the same
        for both conditions with two talkers, since their sounds may be the same.

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a subject or condition is unknown, nobody took part in any of the conditions, a file
        holds something else, EEG and story differ in length, or values are unfit for a trial.

    Notes
    -----
    The files do not say when the sounds start, nor do they name the channels. Both are taken from
    the adapter of M. Thornton for this corpus: a sound starts with its EEG, and the electrodes are
    in his order. When the recordings were made, the story set in one second after the babble; a
    file that lacks that second is refused by its length.

    References
    ----------
    Etard, O., Reichenbach, T. (2019). Neural speech tracking in the theta and in the delta
    frequency band differentially encode clarity and comprehension of speech in noise. Journal of
    Neuroscience, 39(29), 5750-5759. https://doi.org/10.1523/JNEUROSCI.1828-18.2019
    """
    path = Path(path)
    wanted = [conditions] if isinstance(conditions, str) else list(conditions)
    known = (*_TWO_TALKERS, *_ONE_TALKER)
    if not wanted or any(condition not in known for condition in wanted):
        raise ValueError(f"conditions must be one or more of {known}, got {conditions!r}")
    files = sorted(file for file in path.glob("P*.h5") if _SUBJECT_FILE.fullmatch(file.name))
    if not files:
        raise FileNotFoundError(f"{path} has no file of a subject, such as P00.h5")

    @cache  # all subjects heard the same sounds
    def features(sound: Path) -> Any:
        return sound_features(sound, sfreq, envelope)

    trials = []
    for subject, file in chosen({file.stem: file for file in files}, subjects, path).items():
        with open_hdf5(file) as content:
            parts = [
                (condition, part, sounds)
                for condition in wanted
                if condition in content
                for part, sounds in _parts(content, condition, path / _AUDIO, file)
            ]
            for condition, part, sounds in parts:
                what = f"{file}: {condition}/{part}"
                eeg = content[condition][part][()].T
                raw = raw_from_array(eeg, _SFREQ, _ELECTRODES, _ELECTRODES, f"{what}, turned round")
                attended = _roles(condition).index("story")
                _check_lengths(len(eeg), len(features(sounds[attended])) / sfreq, tolerance, what)
                trial = trial_with_sounds(
                    raw,
                    [features(sound) for sound in sounds],
                    sfreq=sfreq,
                    what=what,
                    attended=attended,
                    subject=subject,
                    story=f"{'two-talkers' if condition in _TWO_TALKERS else condition}-{part}",
                    name=f"{subject}-{condition}-{part}",
                    **arguments,
                )
                trials.append(on_cap(trial, "easycap-M1"))
    if not trials:
        raise ValueError(f"{path} has no EEG of the subjects in conditions {wanted}: name others")
    return trials


def _detect(path: Path) -> bool:
    return any(_SUBJECT_FILE.fullmatch(file.name) for file in path.iterdir())


CORPUS = Corpus(
    key="etard",
    title="One and two talkers in EEG (Etard)",
    description=(
        "Attention to a male or a female talker, and by option to one talker in quiet or babble "
        "noise, in English or Dutch: 4 parts of some 2.5 min a condition, 63 channels at 1000 Hz, "
        "with the sounds"
    ),
    layout=(
        "P00.h5, P01.h5, ..., and audiobooks/fM/part_1_story.wav, "
        "audiobooks/fM/part_1_distractor.wav, ... (reading takes h5py)"
    ),
    obtain="Zenodo record 7778289 (licence not confirmed)",
    reference=(
        "Etard, O., Reichenbach, T. (2019). Neural speech tracking in the theta and in the delta "
        "frequency band differentially encode clarity and comprehension of speech in noise. "
        "Journal of Neuroscience, 39(29), 5750-5759. doi:10.1523/JNEUROSCI.1828-18.2019"
    ),
    detect=_detect,
    load=load,
    default_cv="story",
    continuous=True,
    zenodo=7778289,
    files=("*",),
)


def _roles(condition: str) -> tuple[str, ...]:
    return _TWO_TALKERS.get(condition, ("story",))


def _parts(content: Any, condition: str, audio: Path, file: Path) -> list[tuple[str, list[Path]]]:
    """Parts of a condition in their order, with the files of their sounds."""
    numbered = sorted(
        (int(match[1]), name)
        for name in getattr(content[condition], "keys", tuple)()  # an array has none
        if (match := _PART.fullmatch(name))
    )
    if not numbered:
        raise ValueError(f"{file}: {condition} has no part_1: is it a file of another data set?")
    heard = []
    for _, part in numbered:
        sounds = [audio / condition / f"{part}_{role}.wav" for role in _roles(condition)]
        for sound in sounds:
            if not sound.is_file():
                raise FileNotFoundError(
                    f"{sound} is missing, which was heard in {condition}/{part} of {file}: "
                    f"download the folder {_AUDIO} of the corpus"
                )
        heard.append((part, sounds))
    return heard


def _check_lengths(n_times: int, story: float, tolerance: float, what: str) -> None:
    lasts = n_times / _SFREQ
    if abs(lasts - story) > tolerance:
        raise ValueError(
            f"{what} lasts {lasts:.3f} s but the story {story:.3f} s: they seem not to start "
            f"together, or not to belong together. If they do, set tolerance above {tolerance:g} s"
        )
