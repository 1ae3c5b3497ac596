"""Gains that follow the probability, and a mixture that never waits for it."""

from typing import Any

import numpy as np


def talker_gains(probability: Any, max_db: float = 9.0) -> np.ndarray:
    """Turn probabilities of talkers into gains in decibels.

    A talker that is surely attended comes to stand `max_db` above any other; without an opinion
    all gains are 0. In between they are proportional to the probability: doubt costs little, and
    being sure of the wrong talker is as rare as the probability says.

    Parameters
    ----------
    probability : array-like of shape (n_talkers,)
        Probabilities, which sum to one.
    max_db : float
        Largest difference between two talkers.

    Returns
    -------
    gains : ndarray of shape (n_talkers,)
        In decibels; their sum is 0.

    Examples
    --------
    >>> talker_gains([1.0, 0.0], max_db=9.0)
    array([ 4.5, -4.5])
    >>> talker_gains([0.5, 0.5])
    array([0., 0.])
    """
    probability = np.asarray(probability, dtype=float)
    return np.asarray(max_db * (probability - 1 / len(probability)))


class Mixer:
    """Mix talkers with gains that move smoothly, block by block.

    The gains move towards those of the last decision, by at most `attack` seconds where they leave
    neutral and `release` where they return (time constants); a decision that is older than
    `patience` seconds counts as none. Within a block gains change along a line from sample to
    sample. The power of the mixture is that of the plain one: gains are scaled by the powers of the
    talkers over the last seconds. The result does not depend on when decisions are computed, only
    on when they are told.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the sounds in hertz.
    n_talkers : int
        Number of sounds.
    attack, release : float
        Time constants in seconds.
    patience : float
        Seconds after which the last decision is forgotten.

    Examples
    --------
    >>> import numpy as np
    >>> mixer = Mixer(8000, 2)
    >>> sounds = np.random.default_rng(0).normal(size=(8000, 2))
    >>> mixer.decide([4.5, -4.5])
    >>> mixture = [mixer.mix(sounds[i : i + 128]) for i in range(0, 8000, 128)]
    >>> bool(mixer.gains_db[0] > 3)
    True
    """

    def __init__(
        self,
        sfreq: float,
        n_talkers: int,
        attack: float = 0.5,
        release: float = 0.5,
        patience: float = 3.0,
    ) -> None:
        for name, value in (("attack", attack), ("release", release), ("patience", patience)):
            if not value > 0:
                raise ValueError(f"{name} must be a positive number of seconds, got {value!r}")
        self._sfreq, self._attack, self._release = sfreq, attack, release
        self._patience, self._age = patience, np.inf
        self._target = np.zeros(n_talkers)
        #: Present gains in decibels, before the mixture is brought to the power of the plain one.
        self.gains_db = np.zeros(n_talkers)
        self._factors = np.ones(n_talkers)
        self._power = np.zeros(n_talkers)

    def decide(self, gains_db: Any) -> None:
        """Take the gains of a new decision.

        Parameters
        ----------
        gains_db : array-like of shape (n_talkers,)
            Gains to move to, in decibels.
        """
        self._target, self._age = np.array(gains_db, dtype=float), 0.0

    def mix(self, block: np.ndarray) -> np.ndarray:
        """Mix the next samples of all talkers.

        Parameters
        ----------
        block : ndarray of shape (n_samples, n_talkers)
            Waveforms.

        Returns
        -------
        mixture : ndarray of shape (n_samples,)
            Their sum, each with its gain.
        """
        n = len(block)
        if not n:
            return np.zeros(0)
        seconds = n / self._sfreq
        self._age += seconds
        target = self._target if self._age <= self._patience else np.zeros_like(self._target)
        away = np.abs(target) > np.abs(self.gains_db)
        constants = np.where(away, self._attack, self._release)
        self.gains_db = target + (self.gains_db - target) * np.exp(-seconds / constants)
        kept = np.exp(-seconds / 3.0)
        self._power = kept * self._power + (1 - kept) * np.mean(block**2, axis=0)
        factors = 10 ** (self.gains_db / 20)
        total = self._power @ factors**2
        if total > 0:
            factors = factors * np.sqrt(self._power.sum() / total)
        ramp = np.linspace(0, 1, n + 1)[1:, None]
        gains = self._factors + (factors - self._factors) * ramp
        self._factors = factors
        return np.asarray((gains * block).sum(axis=1))
