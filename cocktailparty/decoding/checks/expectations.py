"""What a check may expect of a decoder, with messages that say what was found."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy


def expect(true: Any, otherwise: str) -> None:
    """Fail a check unless something is true.

    Parameters
    ----------
    true : bool
        What has to be so.
    otherwise : str
        What was found if it is not.

    Raises
    ------
    AssertionError
        If it is not.
    """
    if not true:
        raise AssertionError(otherwise)


def raises(
    error: type[Exception], what: str, function: Callable[..., Any], *args: Any, **named: Any
) -> str:
    """Call what has to fail.

    Parameters
    ----------
    error : type of Exception
        What it has to raise.
    what : str
        What is called, for the message.
    function : callable
        What is called.
    *args, **named : object
        Its arguments.

    Returns
    -------
    message : str
        Text of the error.

    Raises
    ------
    AssertionError
        If it raises nothing, or something else.
    """
    try:
        function(*args, **named)
    except error as raised:
        return str(raised)
    except Exception as other:
        raise AssertionError(
            f"{what} raises {type(other).__name__} ({other}), not {error.__name__}"
        ) from other
    raise AssertionError(f"{what} raises no {error.__name__}")


def numbers(scores: Any) -> np.ndarray:
    """Take scores as a NumPy array of floating-point numbers.

    Parameters
    ----------
    scores : array
        Scores of a decoder.

    Returns
    -------
    scores : ndarray
        The same.

    Raises
    ------
    AssertionError
        If they are no floating-point numbers.
    """
    values = to_numpy(scores)
    expect(np.issubdtype(values.dtype, np.floating), f"scores have dtype {values.dtype}")
    return values


def decided(decoder: Any, trials: list[Any]) -> np.ndarray:
    """Score whole trials.

    Parameters
    ----------
    decoder : estimator
        Fitted attention decoder.
    trials : list of Trial
        Trials to decode.

    Returns
    -------
    scores : ndarray of shape (n_trials, n_stimuli)
        From `decision_function`.
    """
    return numbers(decoder.decision_function(trials))


def gap(actual: np.ndarray, expected: np.ndarray) -> float:
    """Measure the largest difference between scores, in units of the largest one.

    Parameters
    ----------
    actual, expected : ndarray
        Scores.

    Returns
    -------
    gap : float
        Infinite if shapes differ, or one is finite and the other not.

    Examples
    --------
    >>> gap(np.array([1.0, -np.inf]), np.array([2.0, -np.inf]))
    0.5
    """
    if actual.shape != expected.shape or np.any(np.isfinite(actual) != np.isfinite(expected)):
        return np.inf
    finite = np.isfinite(expected)
    largest = np.abs(expected[finite]).max(initial=np.finfo(float).tiny)
    return float(np.abs(actual[finite] - expected[finite]).max(initial=0.0) / largest)


def same(actual: Any, expected: Any, what: str, tolerance: float = 1e-6) -> None:
    """Fail a check unless scores are equal but for rounding.

    Parameters
    ----------
    actual, expected : array
        Scores.
    what : str
        What is compared, for the message.
    tolerance : float
        Largest `gap`.

    Raises
    ------
    AssertionError
        If they differ.
    """
    difference = gap(numbers(actual), numbers(expected))
    expect(difference <= tolerance, f"{what}: scores differ by {difference:.1e} of the largest")
