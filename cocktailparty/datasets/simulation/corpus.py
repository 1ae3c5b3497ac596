"""A corpus of simulated subjects, as large as the disk, written a trial at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.simulation.artefacts import AMPLITUDE, Background
from cocktailparty.datasets.simulation.drive import DRIVES
from cocktailparty.datasets.simulation.listeners import dipole_potential, respond, simulate_trf
from cocktailparty.datasets.simulation.speech import (
    FOLLOWING_BAND,
    RATE,
    ArtificialSpeech,
    RecordedSpeech,
    Speech,
    SpeechSource,
)
from cocktailparty.datasets.trial_store import TrialStore, write_trial_store
from cocktailparty.electrodes.biosemi import biosemi_names, head_positions
from cocktailparty.features import resample
from cocktailparty.trial import Trial
from cocktailparty.validation import check_rate

# Standard deviations over subjects: size of the answer in decibels, gain of what is not attended.
_SNR_SPREAD, _GAIN_SPREAD = 2.0, 0.15
# The inferior colliculus lies in the middle of the head, and its dipole points up. Latency and
# width of its answer in seconds, and those of the later, weaker one from cortex.
_MIDBRAIN, _UP = np.array([0.0, -0.1, -0.3]), np.array([0.0, 0.3, 1.0])
_FOLLOWING = ((0.008, 0.001, 1.0), (0.03, 0.0015, -0.4))
_FOLLOWING_TMAX = 0.05
# Answer to the other talker as a fraction of that to the attended one.
_FOLLOWING_GAIN = 0.5


def simulate_corpus(
    folder: Path | str,
    n_subjects: int = 10,
    hours: float = 1.0,
    sfreq: float = 64.0,
    random_state: Any = None,
    *,
    drive: str = "adaptation",
    speech: Path | str | None = None,
    n_channels: int = 32,
    duration: float = 60.0,
    n_stories: int = 5,
    snr: float = -36.0,
    unattended_gain: float = 0.2,
    following_snr: float | None = None,
) -> TrialStore:
    """Simulate subjects who attend to one of two talkers, and write their trials to a folder.

    A corpus for decoders that take hours to train. One trial at a time is in memory. What makes it
    harder, and more like recordings, than `simulate_two_talkers`:

    - The brain follows neither the envelope nor a feature that a decoder of this library computes.
      Each band of the sound drives it through a nonlinear, adaptive synapse, and a subject weighs
      the bands in his or her own way. There are two such drives, so that a result can be
      shown to hold for more than one.
    - Subjects differ in the sizes, directions and latencies of their dipoles [1]_, in the strength
      of the answer (standard deviation 2 dB), and in how much they attend (0.15 around
      `unattended_gain`).
    - Besides pink noise, of 15 uV up to 32 Hz, there are bursts of alpha around 10 Hz, about 15
      blinks a minute [2]_ of 0.3 s and 120 uV, and electrodes of unequal noise.
    - The EEG is not filtered: use `cocktailparty.preprocessing.preprocess`, trial by trial.

    At the default strength, linear decoders do as on recordings. Decision windows of 3 s, mean and
    standard deviation of 6 subjects, 16 minutes of each for training and 4 of another story for
    testing, after a band-pass of 1 to 9 Hz (guessing: 50 %):

    ==========  =============================  ===========
    drive       ridge; r attended, unattended  CCA
    ==========  =============================  ===========
    adaptation  62.9 +- 10.0 %; 0.080, 0.011   70.0 +- 9.2
    depression  62.5 +- 10.4 %; 0.099, 0.016   69.6 +- 9.9
    ==========  =============================  ===========

    Parameters
    ----------
    folder : path-like
        New or empty folder to write to; an hour takes 30 MB at 64 Hz.
    n_subjects : int
        Number of subjects.
    hours : float
        Length of all trials of all subjects together, rounded up to whole trials for each, of
        every story one at least.
    sfreq : float
        Sampling rate in hertz, a whole multiple of 64.
    random_state : int, Generator, RandomState or None
        Source of randomness. With an int, the subjects of a smaller corpus are those of a larger
        one with the same number of stories, and so are their first trials.
    drive : {"adaptation", "depression"}
        What the brain follows of each band: onsets under adaptive gain, as `neural_drive` has them,
        or what depressing synapses pass on [3]_.
    speech : path-like, optional
        Folder of sounds (wav, flac, ogg, mp3), at any depth, that are dealt to stories and strung
        together; every subject hears the same stories in other orders. None for artificial speech,
        of which no two trials share any.
    n_channels : int
        Number of EEG channels, up to 64.
    duration : float
        Length of a trial in seconds.
    n_stories : int
        Number of stories; a subject hears them one after the other.
    snr : float
        Power of the attended response over that of the pink noise up to 32 Hz, in decibels, of an
        average subject.
    unattended_gain : float
        Answer to the other talker as a fraction of that to the attended one, of an average subject.
    following_snr : float, optional
        Power of the following response to the attended talker over that of the noise from 70 to
        220 Hz, in decibels; None for no such response, and minus infinity for its stimuli alone.
        It needs `sfreq` of at least 512 Hz. The answer comes from the midbrain after 8 ms and,
        weaker, after 30 ms as from cortex [4]_. To the other talker it is half as large: attention
        does change it [5]_, but by how much at such a strength is an assumption. Stimuli then have
        a second feature, the waveform that is followed, see
        `cocktailparty.features.following_waveform`.

    Returns
    -------
    store : TrialStore
        The trials, attended talkers balanced, with the envelope (mean of the bands) as stimuli.

    Raises
    ------
    FileExistsError
        If the folder holds something already.
    FileNotFoundError
        If there is no speech in the folder.
    ValueError
        If a number or name is out of range.

    References
    ----------
    .. [1] Lalor, E. C., & Foxe, J. J. (2010). Neural responses to uninterrupted natural speech can
       be extracted with precise temporal resolution. European Journal of Neuroscience, 31(1),
       189-193. https://doi.org/10.1111/j.1460-9568.2009.07055.x
    .. [2] Bentivoglio, A. R., et al. (1997). Analysis of blink rate patterns in normal subjects.
       Movement Disorders, 12(6), 1028-1034. https://doi.org/10.1002/mds.870120629
    .. [3] David, S. V., Mesgarani, N., Fritz, J. B., & Shamma, S. A. (2009). Rapid synaptic
       depression explains nonlinear modulation of spectro-temporal tuning in primary auditory
       cortex by natural stimuli. Journal of Neuroscience, 29(11), 3374-3386.
       https://doi.org/10.1523/JNEUROSCI.5249-08.2009
    .. [4] Kulasingham, J. P., et al. (2020). High gamma cortical processing of continuous speech
       in younger and older listeners. NeuroImage, 222, 117291.
       https://doi.org/10.1016/j.neuroimage.2020.117291
    .. [5] Commuri, V., Kulasingham, J. P., & Simon, J. Z. (2023). Cortical responses time-locked to
       continuous speech in the high-gamma band depend on selective attention. Frontiers in
       Neuroscience, 17, 1264453. https://doi.org/10.3389/fnins.2023.1264453

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = simulate_corpus(folder, 2, hours=1 / 6, n_channels=8, random_state=0)
    ...     print(len(store), store[0].label, store[0].duration)
    10 sub-01/story-1/trial-001 60.0
    """
    settings = {
        "n_subjects": n_subjects, "hours": hours, "sfreq": sfreq, "drive": drive,
        "speech": None if speech is None else str(speech), "n_channels": n_channels,
        "duration": duration, "n_stories": n_stories, "snr": snr,
        "unattended_gain": unattended_gain, "following_snr": following_snr,
        "random_state": random_state if isinstance(random_state, int) else None,
    }  # fmt: skip
    _check(settings)
    following_sfreq = None if following_snr is None else sfreq
    source: SpeechSource = (
        ArtificialSpeech(following_sfreq)
        if speech is None
        else RecordedSpeech(speech, n_stories, following_sfreq)
    )
    generators = np.random.default_rng(random_state).spawn(n_subjects)
    n_trials = max(int(np.ceil(hours * 3600 / duration / n_subjects - 1e-9)), n_stories)
    listening = _Listening(sfreq, drive, n_trials, duration, n_stories)
    trials = (
        trial
        for k, rng in enumerate(generators)
        for trial in listening.trials(
            _Subject.draw(f"sub-{k + 1:02d}", n_channels, settings, rng.spawn(1)[0]), source, rng
        )
    )
    return write_trial_store(trials, folder, {"simulation": settings})


@dataclass(frozen=True, eq=False)
class _Subject:
    """What one subject is like: responses in units of volts to drives of unit variance."""

    name: str
    channel_names: tuple[str, ...]
    trf: np.ndarray  # (n_channels, n_lags) at 64 Hz, answer of unit power to a unit drive
    size: float  # root mean square of the answer to the attended talker, in volts
    weights_from: int  # seed of the weights of the bands
    gain: float
    background: Background
    following: np.ndarray | None  # (n_channels, n_lags) at the rate of the EEG
    following_size: float

    @classmethod
    def draw(
        cls, name: str, n_channels: int, settings: dict[str, Any], rng: np.random.Generator
    ) -> "_Subject":
        names = biosemi_names(n_channels)
        positions = head_positions(names)
        strength = _SNR_SPREAD * rng.normal()
        gain = float(np.clip(settings["unattended_gain"] + _GAIN_SPREAD * rng.normal(), 0, 1))
        trf = simulate_trf(n_channels, RATE, random_state=rng)
        background = Background.draw(positions, rng)
        weights_from = int(rng.integers(2**31))
        following, following_size = None, 0.0
        if settings["following_snr"] is not None:
            following = _following_trf(positions, settings["sfreq"], rng)
            low, high = FOLLOWING_BAND
            # Pink noise has the same power in each octave.
            noise = AMPLITUDE * np.sqrt(np.log(high / low) / (1 + np.log(RATE)))
            following_size = noise * 10 ** ((settings["following_snr"] + strength) / 20)
        return cls(
            name, names, trf, AMPLITUDE * 10 ** ((settings["snr"] + strength) / 20), weights_from,
            gain, background, following, following_size,
        )  # fmt: skip


@dataclass(frozen=True)
class _Listening:
    """What all subjects do."""

    sfreq: float
    drive: str
    n_trials: int
    duration: float
    n_stories: int

    def trials(
        self, subject: _Subject, source: SpeechSource, rng: np.random.Generator
    ) -> Iterator[Trial]:
        """Simulate the trials of a subject, one after the other, each from its own randomness."""
        attended = rng.permutation(np.arange(self.n_trials) % 2).tolist()
        for i, (label, own) in enumerate(zip(attended, rng.spawn(self.n_trials), strict=True)):
            story = i * self.n_stories // self.n_trials
            talkers = source.talkers(2, self.duration, story, own)
            yield Trial(
                self._eeg(subject, talkers, label, own).astype(np.float32),
                self._stimuli(talkers),
                self.sfreq,
                attended=label,
                subject=subject.name,
                story=f"story-{story + 1}",
                name=f"trial-{i + 1:03d}",
                channel_names=subject.channel_names,
                provenance={"source": "simulated", "eeg_unit": "V"},
            )

    def _eeg(
        self, subject: _Subject, talkers: list[Speech], label: int, rng: np.random.Generator
    ) -> np.ndarray:
        n_times = round(self.duration * self.sfreq)
        gains = np.full(len(talkers), subject.gain)
        gains[label] = 1.0
        n_bands = talkers[0].bands.shape[1]
        weights = np.random.default_rng(subject.weights_from).lognormal(sigma=0.7, size=n_bands)
        answers = [
            respond(
                _standard(DRIVES[self.drive](talker.bands, RATE) @ weights)[:, None],
                subject.trf[None],
            )
            for talker in talkers
        ]
        slow = np.tensordot(gains, np.stack(answers), 1)
        slow *= subject.size / _root_mean_square(answers[label])
        eeg = subject.background.noise(n_times, self.sfreq, rng)
        eeg += slow if self.sfreq == RATE else resample(slow, RATE, self.sfreq)[:n_times]
        if subject.following is not None:
            waves = np.array([talker.following for talker in talkers], float)
            pulses = [respond(wave[:, None], subject.following[None]) for wave in waves]
            gains[np.arange(len(talkers)) != label] = _FOLLOWING_GAIN
            fast = np.tensordot(gains, np.stack(pulses), 1)
            eeg += fast * (subject.following_size / _root_mean_square(pulses[label]))
        return eeg

    def _stimuli(self, talkers: list[Speech]) -> np.ndarray:
        n_times = round(self.duration * self.sfreq)
        features = [np.stack([talker.envelope for talker in talkers])]
        if self.sfreq != RATE:
            slow = resample(features[0].T, RATE, self.sfreq)[:n_times].T
            features = [np.maximum(slow, 0)]
        if talkers[0].following is not None:
            features.append(np.array([talker.following for talker in talkers], float))
        return np.stack(features, axis=-1).astype(np.float32)


def _following_trf(positions: np.ndarray, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the answer to a pulse of the voice, (n_channels, n_lags) at `sfreq` hertz."""
    lags = np.arange(int(_FOLLOWING_TMAX * sfreq) + 1) / sfreq
    moment = _UP + rng.normal(scale=0.2, size=3)
    pattern = dipole_potential(positions, _MIDBRAIN, moment)
    time = sum(
        size * np.exp(-0.5 * ((lags - latency * (1 + 0.05 * rng.normal())) / width) ** 2)
        for latency, width, size in _FOLLOWING
    )
    return np.outer(pattern, time)


def _standard(drive: np.ndarray) -> np.ndarray:
    return np.asarray((drive - drive.mean()) / drive.std())


def _root_mean_square(answer: np.ndarray) -> float:
    return float(np.sqrt(np.var(answer, axis=0).mean()))


def _check(settings: dict[str, Any]) -> None:
    for what in ("n_subjects", "n_stories"):
        if not settings[what] >= 1:
            raise ValueError(f"{what} must be at least 1, got {settings[what]!r}")
    for what in ("hours", "duration"):
        if not 0 < settings[what] < np.inf:
            raise ValueError(f"{what} must be a positive number, got {settings[what]!r}")
    if not settings["duration"] >= 1:
        raise ValueError(f"duration must be at least 1 s, got {settings['duration']!r}")
    sfreq = settings["sfreq"]
    check_rate(sfreq, "sfreq")
    if sfreq % RATE:
        raise ValueError(f"sfreq must be a whole multiple of {RATE:g} Hz, got {sfreq!r}")
    if settings["drive"] not in DRIVES:
        raise ValueError(f"drive must be one of {sorted(DRIVES)}, got {settings['drive']!r}")
    if not 0 <= settings["unattended_gain"] <= 1:
        raise ValueError(
            f"unattended_gain must be from 0 to 1, got {settings['unattended_gain']!r}"
        )
    if settings["following_snr"] is not None and sfreq < 512:
        raise ValueError(
            f"a following response up to {FOLLOWING_BAND[1]:g} Hz needs sfreq of at least 512 Hz, "
            f"got {sfreq:g}"
        )
