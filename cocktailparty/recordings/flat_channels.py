"""Dead channels, found before a new reference gives them the signals of the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.trial import Trial

#: What may be done with channels that are constant in a trial.
ON_FLAT = ("raise", "drop", "keep")

# What filters and resampling leave of a constant, and what is nothing beside the other channels.
_OF_ITSELF, _OF_OTHERS = 1e-9, 1e-6
# At most so many names stand in a message.
_LISTED = 8


def flat_columns(values: np.ndarray) -> list[int]:
    """Find channels that do not move, up to rounding.

    Parameters
    ----------
    values : ndarray of shape (n_times, n_channels)
        Channels as they were recorded.

    Returns
    -------
    columns : list of int
        Channels whose range is below 1e-9 of their largest value, or below 1e-6 of the median
        range of those that move, if these are three or more.

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
    """Decide on channels that are constant in a trial.

    Parameters
    ----------
    flat : sequence of str
        Names of these channels.
    references : sequence of str
        Channels of the new reference.
    n_channels : int
        Number of channels, without those of the reference.
    on_flat : str
        What to do, see `cocktailparty.recordings.trial_from_raw`.
    where : str
        Beginning of the message.

    Returns
    -------
    dropped : list of str
        Channels that are to be left out.

    Raises
    ------
    ValueError
        If there are any, and they are neither to be kept nor left out; or if a reference is among
        them or no channel would be left.
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
    """Check the argument that says what to do with constant channels.

    Parameters
    ----------
    on_flat : object
        Anything.

    Raises
    ------
    ValueError
        If it is none of the choices.
    """
    if on_flat not in ON_FLAT:
        raise ValueError(f"on_flat must be one of {list(ON_FLAT)}, got {on_flat!r}")


def without_flat(trials: Sequence[Trial]) -> list[Trial]:
    """Leave channels that were flat in one trial out of all of them.

    Parameters
    ----------
    trials : sequence of Trial
        Trials that know which channels were left out as flat.

    Returns
    -------
    trials : list of Trial
        The same, with the channels that are left.

    Raises
    ------
    ValueError
        If a trial would have no channel.
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
