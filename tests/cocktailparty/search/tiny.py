"""A decoder that is as good as it is told, for searches that take no time."""

import os
import signal
import time
import zlib
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoder import AttentionDecoderMixin


class Skilled(AttentionDecoderMixin, BaseEstimator):
    """Right in a share of windows that depends on its skill alone; knows the labels."""

    def __init__(self, skill=0.0, tmax=0.1, pause=0.0, fails=False, dies_at=None):
        self.skill = skill
        self.tmax = tmax
        self.pause = pause
        self.fails = fails
        self.dies_at = dies_at

    def fit(self, trials, attended=None):
        time.sleep(self.pause)
        if self.fails:
            raise ValueError("no such luck")
        if self.dies_at is not None and not Path(self.dies_at).exists():
            Path(self.dies_at).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen_ = [trial.label for trial in trials]
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        n_windows = int(trial.duration // window)
        luck = np.random.default_rng(zlib.crc32(trial.label.encode())).random(n_windows)
        scores = np.zeros((n_windows, trial.n_stimuli))
        right = luck < 0.5 + self.skill / 2
        scores[np.arange(n_windows), np.where(right, trial.attended, 1 - trial.attended)] = 1
        return scores


class Silent(Skilled):
    """Says nothing."""

    def window_scores(self, trial, window=5.0, hop=None):
        return np.zeros((int(trial.duration // window), trial.n_stimuli))


def slow(sfreq):
    """Make a decoder that takes long enough for a worker to die meanwhile."""
    return Skilled(pause=0.1)


def by_skill(trial):
    return {"skill": trial.suggest_float("skill", 0, 1)}


def some_trials(n_subjects=1):
    return simulate_two_talkers(
        n_subjects, n_trials=10, duration=20, n_channels=2, random_state=0
    ).trials
