"""Expectations of the checks, with messages that say what was found."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy


def expect(true: Any, otherwise: str) -> None:
    """Raise an AssertionError with the message `otherwise` unless something is true."""
    if not true:
        raise AssertionError(otherwise)


def raises(
    error: type[Exception], what: str, function: Callable[..., Any], *args: Any, **named: Any
) -> str:
    """Call what has to raise `error`, and return the text of the error.

    Raises an AssertionError that names `what` if it raises nothing, or something else.
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
    """Take scores as a NumPy array, or raise an AssertionError unless they are floating-point."""
    values = to_numpy(scores)
    expect(np.issubdtype(values.dtype, np.floating), f"scores have dtype {values.dtype}")
    return values


def decided(decoder: Any, trials: list[Any]) -> np.ndarray:
    """Score whole trials by `decision_function`, (n_trials, n_stimuli)."""
    return numbers(decoder.decision_function(trials))


def gap(actual: np.ndarray, expected: np.ndarray) -> float:
    """Measure the largest difference between scores, in units of the largest expected one.

    Infinite if shapes differ, or if one is finite where the other is not.

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
    """Raise an AssertionError that names `what` if the `gap` of scores exceeds the tolerance."""
    difference = gap(numbers(actual), numbers(expected))
    expect(difference <= tolerance, f"{what}: scores differ by {difference:.1e} of the largest")
