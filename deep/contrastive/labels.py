"""Numbers for classes and metadata."""

from typing import Any

import numpy as np


def check_labels(y: Any, n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """Give numbers to the classes of clips, (n_clips,), which may be texts or numbers.

    Returns the sorted classes, (n_classes,), and the index of each clip's, int32. Raises
    `ValueError` if there are not `n_clips`, one is missing, or there is one class only, or one clip
    of a class.
    """
    y = np.asarray(y)
    if y.shape != (n_clips,):
        raise ValueError(f"y has shape {y.shape}, expected one class for each of {n_clips} clips")
    if is_missing(y.astype(object)).any():
        raise ValueError("y holds a missing value: leave the clips of no known class out")
    if y.dtype.kind == "f" and not np.array_equal(y, np.round(y)):
        raise ValueError("Unknown label type: y holds continuous numbers, expected classes")
    classes, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class, {classes.tolist()[0]!r}: a classifier needs two at least"
        )
    if counts.min() < 2:
        raise ValueError(
            f"class {classes.tolist()[counts.argmin()]!r} has one clip: two of each class are "
            "needed at least, to learn what they share"
        )
    return classes, labels.astype(np.int32)


def check_metadata(metadata: Any, n_clips: int) -> np.ndarray:
    """Give numbers to values of metadata: int32, (n_clips, n_columns), -1 where one is missing.

    Values, (n_clips,) or (n_clips, n_columns), are texts or numbers, such as who speaks; None, NaN
    and the empty text are missing. Raises `ValueError` if their number is wrong, or a column has
    fewer than two values.
    """
    columns = np.asarray(metadata, dtype=object)
    if columns.ndim == 1:
        columns = columns[:, None]
    if columns.ndim != 2 or len(columns) != n_clips or not columns.shape[1]:
        raise ValueError(
            f"metadata has shape {np.shape(metadata)}, expected a value, or a row of values, for "
            f"each of {n_clips} clips"
        )
    numbers = np.full(columns.shape, -1, dtype=np.int32)
    for k, column in enumerate(columns.T):
        known = ~is_missing(column)
        # As texts: a column may hold numbers and texts, which cannot be sorted together.
        values, codes = np.unique(column[known].astype(str), return_inverse=True)
        if len(values) < 2:
            raise ValueError(
                f"column {k} of metadata has {len(values)} value(s), so there is nothing to "
                "contrast: leave it out"
            )
        numbers[known, k] = codes
    return numbers


def is_missing(values: np.ndarray) -> np.ndarray:
    """Find None, NaN and the empty text among objects, (n,).

    Examples
    --------
    >>> is_missing(np.array(["a", None, "", float("nan"), 0], dtype=object)).tolist()
    [False, True, True, True, False]
    """
    return np.array([value is None or value != value or value == "" for value in values], bool)
