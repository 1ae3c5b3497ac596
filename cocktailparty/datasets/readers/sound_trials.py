"""Trials from continuous EEG and the features of its sounds, as long as both allow."""

from collections.abc import Sequence
from math import floor
from typing import Any

from cocktailparty.recordings.interruptions import BadSpanError
from cocktailparty.recordings.trials import trial_from_raw
from cocktailparty.trial import Trial


def trial_with_sounds(
    raw: Any,
    features: Sequence[Any],
    onset: float = 0.0,
    *,
    stop: float | None = None,
    sfreq: float,
    what: str,
    **arguments: Any,
) -> Trial:
    """Cut a trial out of a recording, as long as its EEG and its shortest sound allow.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording.
    features : sequence of array of shape (n_times, n_features)
        Features of the competing sounds, sampled at `sfreq`.
    onset : float
        Start of the sounds in seconds.
    stop : float, optional
        Second at which the trial ends at the latest; None for the end of the recording.
    sfreq : float
        Sampling rate of the trial in hertz.
    what : str
        File and number of the trial in messages.
    **arguments : object
        Further arguments of `cocktailparty.recordings.trial_from_raw`.

    Returns
    -------
    trial : Trial
        The preprocessed trial.

    Raises
    ------
    ValueError
        If the signals are not fit for a trial.
    """
    end = len(raw.times) / raw.info["sfreq"]
    longest = min(end, end if stop is None else stop) - onset
    n_times = floor(min(longest * sfreq, *map(len, features)) + 1e-6)
    try:
        return trial_from_raw(
            raw, list(features), onset, duration=n_times / sfreq, sfreq=sfreq, **arguments
        )
    except ValueError as error:
        kind = BadSpanError if isinstance(error, BadSpanError) else ValueError
        raise kind(f"{what}: {error}") from error
