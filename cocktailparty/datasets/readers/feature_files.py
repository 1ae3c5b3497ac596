"""Features of sounds that were computed elsewhere, in .npy, .mat and .csv files."""

from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.datasets.readers.arrays import mat_variables, read_mat, read_npy
from cocktailparty.preprocessing import interpolate
from cocktailparty.validation import check_finite, check_time_first, same_rate

SUFFIXES = (".npy", ".mat", ".csv")
# Names under which rates are stored beside features.
_RATES = ("fs", "sfreq", "srate", "fsample", "sampling_rate")
_TIMES = ("time", "times", "t", "seconds")


def is_feature_file(path: Path) -> bool:
    """Tell by its name whether a file holds features, and no sound."""
    return path.suffix.lower() in SUFFIXES


def read_features(path: Path, sfreq: float | None = None) -> tuple[np.ndarray, float]:
    """Read features and their sampling rate.

    Parameters
    ----------
    path : Path
        An array (.npy); the only variable of more than one value of a MATLAB file; or a table of
        numbers (.csv) with or without a header.
    sfreq : float, optional
        Sampling rate in hertz; None if the file states it, in a MATLAB variable such as ``fs`` or
        by a column ``time`` in seconds.

    Returns
    -------
    features : ndarray of shape (n_times, n_features)
        Values as they are stored.
    sfreq : float
        Their rate in hertz.

    Raises
    ------
    FileNotFoundError, OSError
        If the file is missing or damaged.
    ValueError
        If it does not hold one array of finite numbers with time first, or the rate is unknown or
        another than the file states.
    """
    if path.suffix.lower() == ".npy":
        values, stated = read_npy(path), None
    elif path.suffix.lower() == ".mat":
        values, stated = _from_mat(path)
    else:
        values, stated = _from_csv(path)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or not values.size:
        raise ValueError(
            f"{path} holds an array of {values.dtype} of shape {values.shape}, expected numbers of "
            "shape (n_times,) or (n_times, n_features)"
        )
    values = values.astype(float)
    if values.ndim == 2 and values.shape[0] == 1:
        values = values[0]  # a row of MATLAB
    features = values[:, None] if values.ndim == 1 else values
    check_time_first(features.shape, str(path))
    check_finite(features, str(path))
    rate = stated if sfreq is None else sfreq
    if rate is None:
        raise ValueError(
            f"{path} does not state its sampling rate: write it, in hertz, into the column "
            "'audio_sfreq' of the table"
        )
    if sfreq is not None and stated is not None and not same_rate(sfreq, stated):
        raise ValueError(f"{path} states {stated:g} Hz, but {sfreq:g} Hz are asked for")
    return features, float(rate)


def resample_features(features: Any, before: float, after: float) -> np.ndarray:
    """Resample features, (n_times, n_features), from one rate in hertz to another.

    Examples
    --------
    >>> resample_features(np.ones((200, 1)), 100, 64).shape
    (128, 1)
    """
    if same_rate(before, after):
        return np.asarray(features)
    step = before / after
    positions = np.arange(ceil(len(features) / step - 1e-6)) * step
    return np.asarray(interpolate(features, positions, step))


def _from_mat(path: Path) -> tuple[np.ndarray, float | None]:
    names = mat_variables(path)
    variables = {name: np.asarray(value) for name, value in read_mat(path, *names).items()}
    rates = [v for name, v in variables.items() if name.lower() in _RATES and v.size == 1]
    arrays = {name: v for name, v in variables.items() if v.size > 1 and v.dtype.kind in "biuf"}
    if len(arrays) != 1:
        raise ValueError(
            f"{path} has the variables {names}, of which {sorted(arrays)} could be features: save "
            "the one array that is meant, alone or with its rate fs"
        )
    return next(iter(arrays.values())), float(rates[0].ravel()[0]) if rates else None


def _from_csv(path: Path) -> tuple[np.ndarray, float | None]:
    import pandas as pd

    try:
        first = pd.read_csv(path, nrows=1, header=None).iloc[0]
        named = pd.to_numeric(first, errors="coerce").isna().any()
        table = pd.read_csv(path, header=0 if named else None, skipinitialspace=True)
        values = table.apply(pd.to_numeric)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table of numbers, separated by commas ({error})") from error
    times = [name for name in values if str(name).strip().lower() in _TIMES]
    if not times:
        return values.to_numpy(), None
    time = values[times[0]].to_numpy(dtype=float)
    steps = np.diff(time)
    if not len(steps) or not np.allclose(steps, steps.mean(), rtol=0.01) or steps.mean() <= 0:
        raise ValueError(f"{path}: the column {times[0]!r} does not rise in equal steps")
    return values.drop(columns=times).to_numpy(), float((len(time) - 1) / (time[-1] - time[0]))
