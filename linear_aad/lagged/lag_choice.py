"""Lags of each input of a lagged model: one range for all, or a range for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.moments import lags_in_samples


@dataclass(frozen=True, eq=False)
class LagChoice:
    """Lags that a model looks at, input by input.

    `lags` (n_lags,) are successive, in samples, from the first to the last of any input; `mask`
    (n_inputs, n_lags) tells which of them each input has.
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
        """Read the lags of each input from ranges of seconds.

        `ranges` are (first, last) for every input in order, or a dict from indices or `names` of
        inputs to them, with the range `default` for the others. Raises ValueError if an input
        is unknown or named twice, there are more or fewer ranges than inputs, or a range is not two
        rising numbers.

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
        """Rising columns (n_regressors,) of the matrix of all lags that are looked at.

        None for all. The lags of an input lie together: rising if `direction` is 1, falling if it
        is -1.
        """
        return None if self.mask.all() else np.flatnonzero(self.mask[:, ::direction])

    def check_smooth(self) -> None:
        """Raise ValueError if an input has one lag, which leaves nothing to compare."""
        sizes = self.mask.sum(axis=1)
        if (sizes < 2).any():
            raise ValueError(
                f"penalty='laplacian' compares neighbouring lags, but input {sizes.argmin()} has "
                "one lag"
            )

    def joined(self) -> np.ndarray:
        """Array (n_regressors - 1,): 1 where the next regressor is of the same input, else 0."""
        ends = np.cumsum(self.mask.sum(axis=1))
        joined = np.ones(ends[-1] - 1)
        joined[ends[:-1] - 1] = 0
        return joined


def at_columns(weights: Any, columns: np.ndarray | None, n_columns: int) -> Any:
    """Place weights (n_chosen, n_targets) of some `columns` among all of them.

    The others are zero: (n_columns, n_targets). If `columns` is None, the weights are those of all
    columns already.
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
