"""Classes and metadata as numbers."""

from typing import Any

import numpy as np


def check_labels(y: Any, n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """Give numbers to the classes of clips.

    Parameters
    ----------
    y : array-like of shape (n_clips,)
        Classes: texts or numbers.
    n_clips : int
        How many are expected.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    labels : ndarray of int32, shape (n_clips,)
        Index of the class of each clip.

    Raises
    ------
    ValueError
        If their number is another, one is missing, there is one class only, or one clip of a
        class.
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
    """Give numbers to the values of metadata.

    Parameters
    ----------
    metadata : array-like of shape (n_clips,) or (n_clips, n_columns)
        Texts or numbers of any kind, such as who speaks; None, NaN and the empty text are missing.
    n_clips : int
        How many clips there are.

    Returns
    -------
    numbers : ndarray of int32, shape (n_clips, n_columns)
        -1 where a value is missing.

    Raises
    ------
    ValueError
        If their number is another, or a column has fewer than two values.
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
    """Find missing values.

    Parameters
    ----------
    values : ndarray of object, shape (n,)
        Values.

    Returns
    -------
    missing : ndarray of bool, shape (n,)
        True for None, NaN and the empty text.

    Examples
    --------
    >>> is_missing(np.array(["a", None, "", float("nan"), 0], dtype=object)).tolist()
    [False, True, True, True, False]
    """
    return np.array([value is None or value != value or value == "" for value in values], bool)
