"""Lags of each input of a lagged model: one range for all, or a range for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.moments import lags_in_samples


@dataclass(frozen=True, eq=False)
class LagChoice:
    """Which lags of which input a model looks at.

    Attributes
    ----------
    lags : ndarray of int, shape (n_lags,)
        Successive lags in samples, from the first to the last of any input.
    mask : ndarray of bool, shape (n_inputs, n_lags)
        Which of them are looked at.
    """

    lags: np.ndarray
    mask: np.ndarray

    @classmethod
    def of(
        cls,
        ranges: Any,
        default: tuple[float, float],
        sfreq: float,
        n_inputs: int,
        names: Sequence[Any] | None = None,
    ) -> "LagChoice":
        """Read the lags of each input.

        Parameters
        ----------
        ranges : sequence of (float, float), or dict of int or str to (float, float)
            First and last lag in seconds: of every input in order, or of inputs by index or name.
        default : (float, float)
            First and last lag of inputs that a dict does not name.
        sfreq : float
            Sampling rate in hertz.
        n_inputs : int
            Number of inputs.
        names : sequence of str, optional
            Names of the inputs, where they have any.

        Returns
        -------
        choice : LagChoice
            For all inputs.

        Raises
        ------
        ValueError
            If an input is unknown or named twice, there are more or fewer ranges than inputs, or
            one is not two numbers of seconds in rising order.

        Examples
        --------
        >>> choice = LagChoice.of({1: (0.0, 0.2)}, (0.0, 0.1), 10.0, n_inputs=2)
        >>> choice.lags
        array([0, 1, 2])
        >>> choice.mask
        array([[ True,  True, False],
               [ True,  True,  True]])
        """
        if isinstance(ranges, Mapping):
            listed = [default] * n_inputs
            seen: dict[int, Any] = {}
            for key, value in ranges.items():
                i = _place(key, n_inputs, names)
                if i in seen:
                    raise ValueError(f"lags names input {i} twice, as {seen[i]!r} and {key!r}")
                seen[i], listed[i] = key, _pair(value, f"lags[{key!r}]")
        else:
            several = isinstance(ranges, list | tuple) or getattr(ranges, "ndim", 0) > 0
            if not several or any(map(_is_number, ranges)):
                raise ValueError(
                    f"lags must be a list of (tmin, tmax) in seconds, one for each of {n_inputs} "
                    f"inputs, or a dict from inputs to them, got {ranges!r}; one range for all "
                    "inputs is what tmin and tmax are for"
                )
            listed = [_pair(value, f"lags[{i}]") for i, value in enumerate(ranges)]
            if len(listed) != n_inputs:
                raise ValueError(
                    f"lags has {len(listed)} ranges but the data have {n_inputs} inputs: give one "
                    "for each, or a dict for some"
                )
        spans = [lags_in_samples(*pair, sfreq) for pair in listed]
        first, last = min(span[0] for span in spans), max(span[-1] for span in spans)
        lags = np.arange(first, last + 1)
        return cls(lags, np.array([(span[0] <= lags) & (lags <= span[-1]) for span in spans]))

    def columns(self, direction: int) -> np.ndarray | None:
        """List the columns of the matrix of all lags that are looked at.

        Parameters
        ----------
        direction : int
            1 if the input is looked at with rising lags, -1 if with falling ones.

        Returns
        -------
        columns : ndarray of int, shape (n_regressors,) or None
            Rising; the lags of an input lie together. None for all.
        """
        return None if self.mask.all() else np.flatnonzero(self.mask[:, ::direction])

    def check_smooth(self) -> None:
        """Refuse lags that leave a smoothness penalty nothing to compare.

        Raises
        ------
        ValueError
            If an input has one lag.
        """
        sizes = self.mask.sum(axis=1)
        if (sizes < 2).any():
            raise ValueError(
                f"penalty='laplacian' compares neighbouring lags, but input {sizes.argmin()} has "
                "one lag"
            )

    def joined(self) -> np.ndarray:
        """Tell which regressors are followed by another lag of the same input.

        Returns
        -------
        joined : ndarray of float, shape (n_regressors - 1,)
            1 within an input, 0 from one to the next.
        """
        ends = np.cumsum(self.mask.sum(axis=1))
        joined = np.ones(ends[-1] - 1)
        joined[ends[:-1] - 1] = 0
        return joined


def at_columns(weights: Any, columns: np.ndarray | None, n_columns: int) -> Any:
    """Put weights of some columns of a lag matrix where they belong among all; others are zero.

    Parameters
    ----------
    weights : array of shape (n_chosen, n_targets)
        Weights.
    columns : ndarray of int, shape (n_chosen,), or None
        Which columns; None for all.
    n_columns : int
        Number of all columns.

    Returns
    -------
    weights : array of shape (n_columns, n_targets)
        So that the lag matrix times them is what the chosen columns times the given ones are.
    """
    if columns is None:
        return weights
    xp = namespace(weights)
    # Rows are taken rather than put, which every array library can do.
    places = np.full(n_columns, len(columns))
    places[columns] = np.arange(len(columns))
    padded = xp.concat([weights, xp.zeros_like(weights[:1, :])])
    return xp.take(padded, xp.asarray(places), axis=0)


def _place(key: Any, n_inputs: int, names: Sequence[Any] | None) -> int:
    if isinstance(key, str):
        if names is None or key not in list(names):
            known = "have no names: pass DataFrames" if names is None else f"are {list(names)}"
            raise ValueError(f"lags names the input {key!r}, but the inputs {known}")
        return list(names).index(key)
    if isinstance(key, bool) or not isinstance(key, int | np.integer) or not 0 <= key < n_inputs:
        raise ValueError(
            f"lags names the input {key!r}, expected 0 to {n_inputs - 1} or the name of a column"
        )
    return int(key)


def _pair(value: Any, what: str) -> tuple[float, float]:
    if np.shape(value) != (2,) or not all(map(_is_number, value)) or not value[0] <= value[1]:
        raise ValueError(
            f"{what} must be the first and the last lag in seconds, (tmin, tmax), got {value!r}"
        )
    return float(value[0]), float(value[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value))
