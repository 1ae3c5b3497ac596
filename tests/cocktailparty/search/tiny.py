"""A decoder that is as good as it is told, for searches that take no time."""

import os
import signal
import zlib
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.base import AttentionDecoderMixin


class Skilled(AttentionDecoderMixin, BaseEstimator):
    """Right in a share of windows that depends on its skill alone; knows the labels."""

    def __init__(self, skill=0.0, tmax=0.1, fails=False, dies_at=None, dies_after=0):
        self.skill = skill
        self.tmax = tmax
        self.fails = fails
        self.dies_at = dies_at
        self.dies_after = dies_after

    def fit(self, trials, attended=None):
        if self.fails:
            raise ValueError("no such luck")
        if self.dies_at is not None:
            die_once(Path(self.dies_at), self.dies_after)
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


def skilled(sfreq):
    """Make a decoder, as the command line wants it made."""
    return Skilled()


def die_once(mark, n_calls):
    """Kill one of the processes that share a mark, in the call after so many of all of them."""
    with mark.with_suffix(".calls").open("ab") as file:
        file.write(b".")
    if mark.with_suffix(".calls").stat().st_size > n_calls:
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def by_skill(trial):
    return {"skill": trial.suggest_float("skill", 0, 1)}


def some_trials(n_subjects=1):
    return simulate_two_talkers(
        n_subjects, n_trials=10, duration=20, n_channels=2, random_state=0
    ).trials
