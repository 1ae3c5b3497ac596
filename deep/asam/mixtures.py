"""Training mixtures of talkers, drawn anew each time, with cues from other utterances."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from typing import Any

import joblib
import numpy as np

from deep.data.examples import Examples

# Share of the talkers whose speed is changed.
_CHANGED = 0.25
# Shortest cue in training, in seconds.
_SHORTEST_CUE = 0.5


@dataclass(frozen=True)
class MixtureSettings:
    """How mixtures are drawn.

    Attributes
    ----------
    sfreq : float
        Rate in hertz.
    n_samples, n_cue : int
        Length of a mixture, and of the longest cue.
    n_talkers : tuple of int
        Smallest and largest number of talkers.
    snr : tuple of float
        Smallest and largest level of the first talker above each other one, in decibels.
    noise : tuple of float or None
        Smallest and largest level in decibels of all talkers together above a coloured noise, which
        is added to half of the mixtures; None for none.
    speeds : tuple of float
        Factors of speed at which a talker becomes another one.
    absent : float
        Share of the mixtures in which the last cue is of somebody who is silent.
    """

    sfreq: float
    n_samples: int
    n_cue: int
    n_talkers: tuple[int, int] = (2, 2)
    snr: tuple[float, float] = (-5.0, 5.0)
    noise: tuple[float, float] | None = None
    speeds: tuple[float, ...] = (0.9, 1.1)
    absent: float = 0.1


class Mixtures(Examples):
    """Mixtures of the utterances of several talkers, see `deep.asam.task.SelectionTask`.

    An utterance is target or cue, never both: a cue that is the target would teach to find equal
    sounds and not equal voices. A talker's only utterance is divided: one half gives targets and
    the other cues, or the other way round.

    Talkers are drawn in proportion to the square of the number of their utterances: many voices
    that were heard once teach what voices are like, and do not drown the few to be followed.

    `utterances` are float32 waveforms, (n_samples,), of the `speakers`; `numbers` are those of the
    talkers' voices, -1 for one that the network has no number for; an epoch has `n_mixtures`.
    Raises `ValueError` if there are fewer talkers than in a mixture.
    """

    def __init__(
        self, utterances: Sequence[np.ndarray], speakers: Sequence[str], numbers: dict[str, int],
        settings: MixtureSettings, n_mixtures: int,
    ) -> None:  # fmt: skip
        self.settings, self.n_mixtures = settings, n_mixtures
        self.names = sorted(set(speakers))
        most = settings.n_talkers[1]
        if len(self.names) < most:
            raise ValueError(
                f"mixtures of {most} talkers need as many, got {len(self.names)}: "
                f"{', '.join(map(repr, self.names))}"
            )
        waves_of: dict[str, list[np.ndarray]] = {name: [] for name in self.names}
        for utterance, name in zip(utterances, speakers, strict=True):
            waves_of[name].append(utterance)
        counts = np.array([len(waves_of[name]) for name in self.names], float)
        self.weights = counts**2 / np.square(counts).sum()
        self.talkers = [
            waves if len(waves) > 1 else list(np.array_split(waves[0], 2))
            for waves in waves_of.values()
        ]
        self.numbers = [numbers.get(name, -1) for name in self.names]
        # Numbers of voices at another speed follow those at their own.
        self.n_numbers = max([*numbers.values(), -1]) + 1

    def __len__(self) -> int:
        return self.n_mixtures

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Draw new mixtures, or without `rng` those that belong to the indices.

        A batch is described in `deep.asam.task.SelectionTask`. Mixtures and cues have a mean power
        of 1, and the sources the levels that they have in the mixture.
        """
        rngs = [np.random.default_rng(int(i)) if rng is None else rng for i in indices]
        drawn = [self._draw(one) for one in rngs]
        return {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}

    def digest(self) -> str:
        """Hash of utterances and settings."""
        return str(
            joblib.hash((self.talkers, self.numbers, astuple(self.settings), self.n_mixtures))
        )

    def _draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        s = self.settings
        least, n_places = s.n_talkers
        n = int(rng.integers(least, n_places + 1))
        n_drawn = min(n_places + 1, len(self.talkers))
        chosen = rng.choice(len(self.talkers), n_drawn, replace=False, p=self.weights)
        speeds = [self._speed(rng) for _ in chosen]
        source = np.zeros((n_places, s.n_samples), np.float32)
        cue = np.zeros((n_places, s.n_cue), np.float32)
        n_cue = np.full(n_places, s.n_cue, np.int32)
        talker, present = np.full((2, n_places), -1, np.int32)
        mixture = np.zeros(s.n_samples, np.float32)
        cue_of = list(range(n))
        absent = list(range(n, len(chosen)))
        # Places that are left over ask for somebody who is silent, and now and then one more does.
        if n == n_places and absent and rng.random() < s.absent:
            cue_of[-1] = absent.pop()
        cue_of += absent[: n_places - n]
        for i in range(n):
            target, other = self._pair(int(chosen[i]), rng)
            wave = self._cut(target, s.n_samples, speeds[i], rng)
            level = 0.0 if i == 0 else -rng.uniform(*s.snr)
            wave = wave * np.float32(10 ** (level / 20))
            mixture += wave
            if cue_of[i] == i:
                source[i], present[i] = wave, 1
                cue[i], n_cue[i] = self._cue(other, speeds[i], rng)
        for i, place in enumerate(cue_of):
            talker[i] = self._number(int(chosen[place]), speeds[place])
            if place != i or i >= n:
                present[i] = 0
                _, other = self._pair(int(chosen[place]), rng)
                cue[i], n_cue[i] = self._cue(other, speeds[place], rng)
        if s.noise is not None and rng.random() < 0.5:
            mixture += (
                _noise(s.n_samples, rng)
                * _rms(mixture)
                * np.float32(10 ** (-rng.uniform(*s.noise) / 20))
            )
        gain = 1 / _rms(mixture)
        return {"mixture": mixture * gain, "source": source * gain, "cue": cue, "n_cue": n_cue,
                "talker": talker, "there": present}  # fmt: skip

    def _speed(self, rng: np.random.Generator) -> int:
        """Index of a random speed; 0 for that of the talker."""
        if not self.settings.speeds or rng.random() >= _CHANGED:
            return 0
        return 1 + int(rng.integers(len(self.settings.speeds)))

    def _number(self, talker: int, speed: int) -> int:
        number = self.numbers[talker]
        return number if number < 0 else number + speed * self.n_numbers

    def _pair(self, talker: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two utterances of a talker, for target and cue."""
        waves = self.talkers[talker]
        target, cue = rng.choice(len(waves), 2, replace=False)
        return waves[target], waves[cue]

    def _cue(
        self, wave: np.ndarray, speed: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, int]:
        s = self.settings
        shortest = min(round(_SHORTEST_CUE * s.sfreq), s.n_cue)
        n = int(rng.integers(shortest, s.n_cue + 1))
        # The repeated or silent end of a short utterance would not be a cue.
        n = min(n, int(len(wave) / self._factor(speed)))
        cue = np.zeros(s.n_cue, np.float32)
        cue[:n] = self._cut(wave, n, speed, rng)
        return cue, n

    def _cut(
        self, wave: np.ndarray, n_samples: int, speed: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Segment of an utterance, of mean power 1, with silence around it if it is short."""
        factor = self._factor(speed)
        size = int(np.ceil(n_samples * factor)) + 1 if speed else n_samples
        spare = len(wave) - size
        for _ in range(4):
            start = int(rng.integers(spare + 1)) if spare > 0 else 0
            segment = wave[start : start + size]
            # Preferably not a pause.
            if _rms(segment) > 0.3 * _rms(wave):
                break
        if speed:
            from scipy.signal import resample_poly

            ratio = Fraction(1 / factor).limit_denominator(20)
            segment = resample_poly(segment, ratio.numerator, ratio.denominator)
        segment = segment[:n_samples]
        before = int(rng.integers(n_samples - len(segment) + 1))
        padded = np.zeros(n_samples, np.float32)
        padded[before : before + len(segment)] = segment / _rms(segment)
        return padded

    def _factor(self, speed: int) -> float:
        return 1.0 if speed == 0 else float(self.settings.speeds[speed - 1])


def n_voices(n_talkers: int, settings: MixtureSettings) -> int:
    """Count the voices that talkers have at all speeds."""
    return n_talkers * (1 + len(settings.speeds))


def _rms(x: np.ndarray) -> np.float32:
    power = float(np.dot(x, x)) / max(len(x), 1)
    return np.float32(max(power, 1e-16) ** 0.5)


def _noise(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of power 1, from brown to somewhat blue."""
    spectrum = np.fft.rfft(rng.normal(size=n_samples))
    spectrum[0] = 0
    frequency = np.maximum(np.arange(len(spectrum)), 1.0)
    noise = np.fft.irfft(spectrum * frequency ** (rng.uniform(-2, 0.5) / 2), n_samples)
    return (noise / noise.std()).astype(np.float32)
