"""Trials from continuous EEG and the features of its sounds, cut to what both allow."""

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
    """Cut a trial out of a recording that lasts as long as its EEG and its shortest sound allow.

    `features` of the competing sounds, each (n_times, n_features), are sampled at `sfreq` hertz.
    The sounds start at `onset`, the trial ends at `stop` at the latest, both in seconds; None for
    the end of the recording. `what` names file and trial in messages. Takes further arguments of
    `cocktailparty.recordings.trial_from_raw`, and raises its ValueError if signals are unfit.
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
