"""A decoder that is checked, and the trials that it is checked on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone

from cocktailparty.backend import to_numpy
from cocktailparty.decoding.checks.expectations import decided
from cocktailparty.trial import Trial

#: Number of trials that train; the others are decoded.
N_TRAIN = 4


@dataclass
class Case:
    """A decoder with labelled trials of two sounds, and what several checks compute only once.

    The decoder is cloned; `refuses` lists what it is said not to do.
    """

    decoder: Any
    trials: list[Trial]
    refuses: frozenset[str]

    def __post_init__(self) -> None:
        self.contents = [contents(trial) for trial in self.trials]

    @property
    def train(self) -> list[Trial]:
        """Trials that train."""
        return self.trials[:N_TRAIN]

    @property
    def test(self) -> list[Trial]:
        """Trials that are decoded."""
        return self.trials[N_TRAIN:]

    def new(self) -> Any:
        """Clone the decoder, unfitted, with its random numbers fixed."""
        decoder = clone(self.decoder)
        seeds = {
            k: 0
            for k, v in decoder.get_params().items()
            if k.rpartition("__")[2] == "random_state" and v is None
        }
        return decoder.set_params(**seeds)

    def trained(self, trials: list[Trial], *labels: Any) -> Any:
        """Train a clone, with labels if they are given."""
        return self.new().fit(trials, *labels)

    @cached_property
    def fitted(self) -> Any:
        """The decoder, fitted on `train`."""
        return self.trained(self.train)

    @cached_property
    def scores(self) -> np.ndarray:
        """Scores of `test`."""
        return decided(self.fitted, self.test)


def contents(trial: Trial) -> tuple[bytes, bytes]:
    """Read the bytes of EEG and stimuli, to tell whether they were changed."""
    return to_numpy(trial.eeg).tobytes(), to_numpy(trial.stimuli).tobytes()


def fewer_channels(trial: Trial) -> Trial:
    """Leave out the last channel of a trial."""
    names, places = trial.channel_names, trial.channel_positions
    return trial.replace(
        eeg=trial.eeg[:, :-1],
        channel_names=None if names is None else names[:-1],
        channel_positions=None if places is None else places[:-1],
    )


def alone(trial: Trial) -> Trial:
    """Leave out all stimuli except the attended one."""
    return trial.replace(stimuli=trial.stimuli[[trial.attended]], attended=0)


def with_third(trial: Trial) -> Trial:
    """Add a third stimulus: the first one from another time."""
    third = np.roll(trial.stimuli[:1], trial.n_times // 3, axis=1)
    return trial.replace(stimuli=np.concatenate([trial.stimuli, third]))


def placed(trial: Trial, label: int) -> Trial:
    """Reorder two stimuli so that the attended one has index `label`."""
    assert trial.attended is not None
    stimuli = np.roll(trial.stimuli, label - trial.attended, axis=0)
    return trial.replace(stimuli=stimuli, attended=label)
