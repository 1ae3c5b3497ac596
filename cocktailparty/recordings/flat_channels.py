"""Dead channels, found before a new reference gives them the signals of the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.trial import Trial

#: What may be done with channels that are constant in a trial.
ON_FLAT = ("raise", "drop", "keep")

# What filters and resampling leave of a constant, and what is nothing beside the other channels.
_OF_ITSELF, _OF_OTHERS = 1e-9, 1e-6
# At most this many names stand in a message.
_LISTED = 8


def flat_columns(values: np.ndarray) -> list[int]:
    """Find channels of a recording, (n_times, n_channels), that do not move, up to rounding.

    Returns the columns whose range is below 1e-9 of their largest value, or below 1e-6 of the
    median range of those that move, if these are three or more.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(64)
    >>> flat_columns(np.column_stack([np.sin(t), 0 * t, 0.262144 + 1e-17 * np.sin(t)]))
    [1, 2]
    """
    moves = np.ptp(values, axis=0)
    flat = moves <= _OF_ITSELF * np.abs(values).max(axis=0)
    if np.sum(~flat) > 2:
        flat |= moves <= _OF_OTHERS * np.median(moves[~flat])
    return [int(i) for i in np.flatnonzero(flat)]


def check_flat(
    flat: Sequence[str], references: Sequence[str], n_channels: int, on_flat: str, where: str
) -> list[str]:
    """Choose which of the constant channels of a trial are to be left out.

    `n_channels` counts the channels without `references`, those of the new reference; `on_flat` is
    the argument of `cocktailparty.recordings.trial_from_raw`. Raises a ValueError, beginning with
    `where`, if there are any and they are neither to be kept nor left out, if a reference is among
    them, or if no channel would be left.
    """
    if not flat or on_flat == "keep":
        return []
    more = f" and {len(flat) - _LISTED} more" * (len(flat) > _LISTED)
    complaint = f"{where}channel(s) {list(flat[:_LISTED])}{more} are constant in the recording: "
    dead = [name for name in flat if name in references]
    if dead and on_flat == "drop":
        raise ValueError(
            f"{complaint}{dead} cannot be left out, the reference is made of them: choose another"
        )
    if len(flat) == n_channels and on_flat == "drop":
        raise ValueError(f"{complaint}no channel would be left")
    if on_flat == "drop":
        return list(flat)
    raise ValueError(
        f"{complaint}interpolate or drop them first (raw.info['bads'], or on_flat='drop' or "
        "--drop-flat for all that are found); on_flat='keep' keeps the zeros of a reference that "
        "was recorded"
    )


def check_on_flat(on_flat: Any) -> None:
    """Raise a ValueError unless `on_flat` says what to do with constant channels."""
    if on_flat not in ON_FLAT:
        raise ValueError(f"on_flat must be one of {list(ON_FLAT)}, got {on_flat!r}")


def without_flat(trials: Sequence[Trial]) -> list[Trial]:
    """Leave channels that were flat in one trial out of all of them.

    Trials know which channels were left out as flat. Raises a ValueError if a trial would keep
    none.
    """
    flat = {name for trial in trials for name in trial.provenance.get("flat", ())}
    return [_without(trial, flat) for trial in trials]


def _without(trial: Trial, flat: set[str]) -> Trial:
    names = trial.channel_names
    if names is None or not flat.intersection(names):
        return trial
    kept = [i for i, name in enumerate(names) if name not in flat]
    if not kept:
        raise ValueError(f"each of the channels {list(names)} is constant in one trial or another")
    places = trial.channel_positions
    return trial.replace(
        eeg=trial.eeg[:, kept],
        channel_names=[names[i] for i in kept],
        channel_positions=None if places is None else places[kept],
        provenance={**trial.provenance, "flat": sorted(flat)},
    )
