"""Transformers of trials, the steps of a `TrialPipeline` before its decoder."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from cocktailparty.backend import namespace
from cocktailparty.blas import one_blas_thread
from cocktailparty.preprocessing import bandpass
from cocktailparty.provenance import passed_filter
from cocktailparty.trial import Trial
from cocktailparty.trials import list_trials


class TrialTransformer(TransformerMixin, BaseEstimator, ABC):
    """Transformer that changes trials one by one, and learns nothing from others.

    A subclass has `transform_trial`. Rate, length, number of stimuli and labels have to stay.
    """

    @abstractmethod
    def transform_trial(self, trial: Trial) -> Trial:
        """Change a trial.

        Parameters
        ----------
        trial : Trial
            Trial.

        Returns
        -------
        changed : Trial
            New trial.
        """

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> Self:
        """Check that the parameters suit the trials.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials.
        attended : object
            Not looked at.

        Returns
        -------
        self : TrialTransformer
            Fitted.
        """
        self.n_trials_ = len(self.transform(trials))
        return self

    def transform(self, trials: Any) -> list[Trial]:
        """Change trials.

        Parameters
        ----------
        trials : sequence of Trial
            Trials.

        Returns
        -------
        changed : list of Trial
            New trials.
        """
        return [self.transform_trial(trial) for trial in list_trials(trials)]


class TrialBand(TrialTransformer):
    """Band-pass EEG and stimuli of trials.

    Parameters
    ----------
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz, see `cocktailparty.preprocessing.bandpass`.
    stimuli : bool
        Filter the stimuli, too.
    phase : {"zero", "causal"}
        As for `bandpass`.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=2, random_state=0).trials
    >>> TrialBand(1, 8).fit_transform(trials)[0]
    Trial('sub-01/story-1/trial-01', 60.0 s at 64 Hz, 2 channels, 2 stimuli x 1 feature, attended 0)
    """

    def __init__(
        self,
        l_freq: float | None = 1.0,
        h_freq: float | None = 9.0,
        stimuli: bool = True,
        phase: str = "zero",
    ) -> None:
        self.l_freq = l_freq
        self.h_freq = h_freq
        self.stimuli = stimuli
        self.phase = phase

    def transform_trial(self, trial: Trial) -> Trial:
        """Filter a trial.

        Parameters
        ----------
        trial : Trial
            Trial.

        Returns
        -------
        changed : Trial
            New trial.

        Raises
        ------
        ValueError
            If a frequency is impossible or the trial is shorter than the filter.
        """
        edges = self.l_freq, self.h_freq
        changes: dict[str, Any] = {"eeg": bandpass(trial.eeg, trial.sfreq, *edges, self.phase)}
        if self.stimuli:
            xp = namespace(trial.stimuli)
            time_first = xp.permute_dims(trial.stimuli, (1, 0, 2))
            filtered = bandpass(time_first, trial.sfreq, *edges, self.phase)
            changes["stimuli"] = xp.permute_dims(filtered, (1, 0, 2))
        provenance = passed_filter(
            trial.provenance, trial.sfreq, trial.sfreq, *edges, stimuli=self.stimuli,
            phase=self.phase,
        )  # fmt: skip
        return trial.replace(**changes, provenance=provenance)


class TrialChannels(TrialTransformer):
    """Keep some channels.

    Parameters
    ----------
    channels : sequence of str or int, optional
        Names or indices, in the wanted order; None for all.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    >>> TrialChannels([0, 3]).fit_transform(trials)[0].n_channels
    2
    """

    def __init__(self, channels: Sequence[str | int] | None = None) -> None:
        self.channels = channels

    def transform_trial(self, trial: Trial) -> Trial:
        """Keep the channels of a trial.

        Parameters
        ----------
        trial : Trial
            Trial.

        Returns
        -------
        changed : Trial
            New trial.

        Raises
        ------
        ValueError
            If there is no such channel, or none is kept.
        """
        if self.channels is None:
            return trial
        names = list(trial.channel_names or ())
        known: dict[str | int, int] = {i: i for i in range(trial.n_channels)}
        known |= {name: i for i, name in enumerate(names)}
        unknown = [channel for channel in self.channels if channel not in known]
        if unknown or not len(self.channels):
            raise ValueError(
                f"channels {unknown or 'of an empty list'} are not in the trial {trial.label}, "
                f"which has {names or trial.n_channels}"
            )
        kept = [known[channel] for channel in self.channels]
        places = trial.channel_positions
        return trial.replace(
            eeg=trial.eeg[:, kept],
            channel_names=[names[i] for i in kept] if names else None,
            channel_positions=None if places is None else np.asarray(places)[kept],
        )


class TrialZScore(TrialTransformer):
    """Take mean and standard deviation of a trial off it, channel by channel.

    Parameters
    ----------
    eeg : bool
        Standardise the EEG.
    stimuli : bool
        Standardise each feature of each stimulus, too: differences in loudness between sounds are
        lost, which decoders might otherwise use.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    >>> TrialZScore().fit_transform(trials)[0].eeg.std(axis=0).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, eeg: bool = True, stimuli: bool = False) -> None:
        self.eeg = eeg
        self.stimuli = stimuli

    def transform_trial(self, trial: Trial) -> Trial:
        """Standardise a trial.

        Parameters
        ----------
        trial : Trial
            Trial.

        Returns
        -------
        changed : Trial
            New trial.
        """
        changes: dict[str, Any] = {}
        if self.eeg:
            changes["eeg"] = _standardised(trial.eeg, 0)
        if self.stimuli:
            changes["stimuli"] = _standardised(trial.stimuli, 1)
        return trial.replace(**changes)


class TrialFeatures(TrialTransformer):
    """Keep some features of the stimuli.

    Parameters
    ----------
    columns : sequence of int, optional
        Features to keep; None for all.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    >>> TrialFeatures([0]).fit_transform(trials)[0].n_features
    1
    """

    def __init__(self, columns: Sequence[int] | None = None) -> None:
        self.columns = columns

    def transform_trial(self, trial: Trial) -> Trial:
        """Keep the features of a trial.

        Parameters
        ----------
        trial : Trial
            Trial.

        Returns
        -------
        changed : Trial
            New trial.

        Raises
        ------
        ValueError
            If there is no such feature, or none is kept.
        """
        if self.columns is None:
            return trial
        kept = [int(i) for i in self.columns]
        if not kept or min(kept) < 0 or max(kept) >= trial.n_features:
            raise ValueError(
                f"columns={kept} are not among the {trial.n_features} feature(s) of the trial "
                f"{trial.label}"
            )
        return trial.replace(stimuli=trial.stimuli[:, :, kept])


def _standardised(x: Any, axis: int) -> Any:
    xp = namespace(x)
    centred = x - xp.mean(x, axis=axis, keepdims=True)
    spread = xp.std(x, axis=axis, keepdims=True)
    return centred / xp.where(spread > 0, spread, xp.ones_like(spread))
