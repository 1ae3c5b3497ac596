"""Checks of lists of trials and of their attention labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.trial import Trial
from cocktailparty.validation import check_rate, same_rate


def check_trials(trials: Any, sfreq: float | None = None) -> list[Trial]:
    """Check that trials can be decoded together.

    Parameters
    ----------
    trials : sequence of Trial
        Trials of the same channels, features and sampling rate, which may differ by rounding, see
        `cocktailparty.validation.same_rate`.
    sfreq : float, optional
        Rate in hertz that a decoder was made for.

    Returns
    -------
    list of Trial
        The same trials.

    Raises
    ------
    TypeError
        If something is not a Trial.
    ValueError
        If there is no trial, or trials differ in rate, channels or features.

    Examples
    --------
    >>> check_trials([])
    Traceback (most recent call last):
    ...
    ValueError: no trials were given
    """
    if sfreq is not None:
        check_rate(sfreq, "sfreq")
    trials = list_trials(trials)
    first = trials[0]
    for i, trial in enumerate(trials):
        for quantity in ("sfreq", "n_channels", "n_features"):
            came, expected = getattr(trial, quantity), getattr(first, quantity)
            same = same_rate(came, expected) if quantity == "sfreq" else came == expected
            if not same and not (quantity == "n_features" and not trial.n_stimuli):
                raise ValueError(
                    f"{_named(trials, i)} has {quantity}={came:.10g} but {_named(trials, 0)} has "
                    f"{expected:.10g}: trials that are decoded together must agree"
                    f"{_difference(trial, first) if quantity == 'n_channels' else ''}"
                )
        if (
            trial.channel_names is not None
            and first.channel_names is not None
            and trial.channel_names != first.channel_names
        ):
            raise ValueError(
                f"{_named(trials, i)} and {_named(trials, 0)} have different channel names or "
                f"channel order{_difference(trial, first)}"
            )
    if sfreq is not None and not same_rate(first.sfreq, sfreq):
        raise ValueError(
            f"trials are sampled at {first.sfreq:.10g} Hz but the decoder was made for "
            f"sfreq={sfreq:.10g}: resample the trials or set sfreq={first.sfreq:.10g}"
        )
    return trials


def list_trials(trials: Any) -> list[Trial]:
    """Check that there are trials, also of other channels or another rate, and list them.

    Raises a TypeError if something is not a Trial, a ValueError if there is no trial.
    """
    if isinstance(trials, Trial):
        raise TypeError("expected a sequence of trials, got a single Trial: wrap it in a list")
    try:
        trials = list(trials)
    except TypeError:
        raise TypeError(f"expected a sequence of trials, got {type(trials).__name__}") from None
    if not trials:
        raise ValueError("no trials were given")
    for i, trial in enumerate(trials):
        if not isinstance(trial, Trial):
            raise TypeError(f"trials[{i}] is a {type(trial).__name__}, expected a Trial")
    return trials


def attended_labels(trials: Sequence[Trial], attended: Any = None) -> np.ndarray:
    """Index of the attended stimulus of each trial, an integer array of shape (n_trials,).

    Labels in `attended`, array-like of the same shape, take the place of the trials' own. Raises a
    ValueError if a label is missing, not an integer, or outside the trial's stimuli.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trial = Trial(rng.normal(size=(64, 2)), rng.random((2, 64)), sfreq=64, attended=1)
    >>> attended_labels([trial, trial])
    array([1, 1])
    """
    if attended is None:
        missing = [i for i, trial in enumerate(trials) if trial.attended is None]
        if missing:
            raise ValueError(
                f"trials {missing} have no attended label: set Trial(attended=...) or pass "
                "the labels"
            )
        return np.array([trial.attended for trial in trials], dtype=int)
    labels = to_numpy(attended, "attended")
    if labels.shape != (len(trials),):
        raise ValueError(
            f"attended has shape {labels.shape}, expected one label for each of "
            f"{len(trials)} trials"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"attended labels must be integers, got dtype {labels.dtype}")
    for i, (label, trial) in enumerate(zip(labels, trials, strict=True)):
        if not 0 <= label < trial.n_stimuli:
            raise ValueError(
                f"attended[{i}]={label} is not an index into the {trial.n_stimuli} stimuli of "
                "that trial"
            )
    return labels


def check_channels(trials: Sequence[Trial], n_channels: int) -> None:
    """Raise a ValueError if a trial has another number of channels than those of training."""
    for trial in trials:
        if trial.n_channels != n_channels:
            raise ValueError(
                f"trial {trial.label!r} has {trial.n_channels} channels but the decoder was fitted "
                f"on {n_channels}: give it those of training, in their order"
            )


def _named(trials: Sequence[Trial], i: int) -> str:
    return f"trials[{i}]" + (f" ({trials[i].label})" if trials[i].label else "")


def _difference(trial: Trial, first: Trial) -> str:
    """Say what one recording has and the other has not, and what to do about it."""
    names, others = trial.channel_names, first.channel_names
    if names is None or others is None:
        return ". Keep the channels that all have, or interpolate those that are missing"
    missing = [name for name in others if name not in names]
    more = [name for name in names if name not in others]
    if not missing and not more:
        k = next(i for i, name in enumerate(names) if name != others[i])
        return (
            f": channel {k} is {names[k]!r} and {others[k]!r}. Bring the columns of eeg, and "
            "channel_names, into one order"
        )
    parts = [f"it lacks {_few(missing)}"] * bool(missing)
    parts += [f"it has {_few(more)} besides"] * bool(more)
    return (
        f": {' and '.join(parts)}. Keep the channels that all have (columns of eeg, and "
        "channel_names; --picks on the command line), or interpolate those that are missing"
    )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} others" if len(names) > 8 else shown
