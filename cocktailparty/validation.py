"""Checks of arrays, with one wording of what is wrong."""

from typing import Any

from cocktailparty.backend import as_array, namespace


def float_array(x: Any, what: str) -> Any:
    """Take anything that holds real numbers as a floating-point array.

    Parameters
    ----------
    x : array-like
        Arrays of float32 and float64 pass through; integers become float64.
    what : str
        Name of the argument in the message.

    Returns
    -------
    array
        On the device where `x` was.

    Raises
    ------
    ValueError
        If `x` is no array of real numbers.
    """
    try:
        x = as_array(x)
    except ValueError:
        raise ValueError(f"{what} must be an array of numbers, its rows differ in length") from None
    xp = namespace(x)
    if xp.isdtype(x.dtype, "real floating"):
        return x
    if xp.isdtype(x.dtype, "integral"):
        return xp.astype(x, xp.float64)
    raise ValueError(f"{what} must hold real numbers, got dtype {x.dtype}")


def check_finite(x: Any, what: str) -> None:
    """Refuse NaN and infinite values.

    Parameters
    ----------
    x : array
        Floating-point array.
    what : str
        Name of the argument in the message.

    Raises
    ------
    ValueError
        If a value is not finite; says how many are not.
    """
    xp = namespace(x)
    finite = xp.isfinite(x)
    if not bool(xp.all(finite)):
        n = int(xp.sum(xp.astype(~finite, xp.int64)))
        raise ValueError(f"{what} has {n} NaN or infinite value(s): interpolate or cut them out")


def constant_columns(x: Any) -> list[int]:
    """Find the columns that never change.

    Parameters
    ----------
    x : array of shape (n_times, n_columns)
        Signals.

    Returns
    -------
    columns : list of int
        Indices of the constant columns.

    Examples
    --------
    >>> import numpy as np
    >>> constant_columns(np.array([[0.0, 1.0], [0.0, 2.0]]))
    [0]
    """
    xp = namespace(x)
    same = xp.max(x, axis=0) == xp.min(x, axis=0)
    return [i for i in range(same.shape[0]) if bool(same[i])] if bool(xp.any(same)) else []
