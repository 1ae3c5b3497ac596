"""Checks of arrays and rates, with one wording of what is wrong."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from cocktailparty.backend import as_array, namespace

# No signal has this many times more columns than rows: 306 sensors make 5 times the samples of a
# second at 64 Hz.
_FAR = 5

# Files store rates in single precision or as the duration of a record: equal ones differ by less.
_RATE_TOLERANCE = 1e-6


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ask for the known name that is nearest to a misspelt one; empty if none is near.

    Examples
    --------
    >>> did_you_mean("rigde", ["ridge", "cca"])
    ': did you mean ridge?'
    """
    near = get_close_matches(name, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""


def float_array(x: Any, what: str) -> Any:
    """Take anything that holds real numbers as a floating-point array, on the device where it was.

    Arrays of float32 and float64 pass through, integers become float64; tables and columns of
    pandas are taken as well, see `cocktailparty.backend.as_array`. Raises a ValueError that names
    the argument, `what`, if `x` holds no real numbers or some of them are masked.
    """
    x = as_array(x, what)
    xp = namespace(x)
    if xp.isdtype(x.dtype, "real floating"):
        return x
    if xp.isdtype(x.dtype, "integral"):
        return xp.astype(x, xp.float64)
    raise ValueError(f"{what} must hold real numbers, got dtype {x.dtype}")


def check_finite(x: Any, what: str) -> None:
    """Raise a ValueError if values of `x` are NaN or infinite, which says how many."""
    xp = namespace(x)
    finite = xp.isfinite(x)
    if not bool(xp.all(finite)):
        n = int(xp.sum(xp.astype(~finite, xp.int64)))
        raise ValueError(f"{what} has {n} NaN or infinite value(s): interpolate or cut them out")


def constant_columns(x: Any) -> list[int]:
    """Find the columns of `x`, (n_times, n_columns), that never change, by index.

    Examples
    --------
    >>> import numpy as np
    >>> constant_columns(np.array([[0.0, 1.0], [0.0, 2.0]]))
    [0]
    """
    xp = namespace(x)
    same = xp.max(x, axis=0) == xp.min(x, axis=0)
    return [i for i in range(same.shape[0]) if bool(same[i])] if bool(xp.any(same)) else []


def check_time_first(shape: Sequence[int], what: str, n_times: int | None = None) -> None:
    """Refuse signals that have their channels in rows.

    Raises a ValueError unless `shape` has two axes, (n_times, n_channels), and if it has more than
    5 times as many columns as rows, or `n_times` columns (the samples of what belongs to the
    signals, such as their stimulus) and another number of rows.

    Examples
    --------
    >>> check_time_first((8, 640), "eeg")
    Traceback (most recent call last):
    ...
    ValueError: eeg has shape (8, 640), which is n_samples=8 of 640 channels: time is expected
    first, (n_times, n_channels); pass its transpose, .T, if it comes as (n_channels, n_times)
    """
    if len(shape) != 2:
        raise ValueError(f"{what} must have shape (n_times, n_channels), got {tuple(shape)}")
    rows, columns = shape
    if columns > _FAR * rows or (n_times is not None and rows != n_times == columns):
        samples = f"n_samples={rows} of {columns} channels"
        other = "" if n_times is None else f", where {n_times} samples belong to it"
        raise ValueError(
            f"{what} has shape ({rows}, {columns}), which is {samples}{other}: time is expected "
            "first, (n_times, n_channels); pass its transpose, .T, if it comes as "
            "(n_channels, n_times)"
        )


def same_rate(first: Any, second: Any) -> bool:
    """Tell whether sampling rates in hertz, numbers or arrays, are equal except for rounding.

    The one tolerance of all comparisons of rates: 1e-6 of the rate, 3.6 ms in an hour.

    Examples
    --------
    >>> import numpy as np
    >>> same_rate(51.2, float(np.float32(51.2))), same_rate(51.2, 51.21)
    (True, False)
    """
    difference = np.abs(np.subtract(first, second))
    return bool(np.all(difference <= _RATE_TOLERANCE * np.abs(second)))


def check_rate(rate: Any, what: str) -> None:
    """Raise a ValueError if a rate or frequency is not a positive finite number of hertz.

    Examples
    --------
    >>> check_rate(0, "sfreq")
    Traceback (most recent call last):
    ...
    ValueError: sfreq must be a positive number of hertz, got 0
    """
    number = isinstance(rate, int | float | np.integer | np.floating)
    if not number or isinstance(rate, bool) or not 0 < rate < np.inf:
        raise ValueError(f"{what} must be a positive number of hertz, got {rate!r}")
