"""Predictors from annotations of speech: phonemes, words and their values, as impulses in time."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.validation import check_finite, check_rate

if TYPE_CHECKING:
    import pandas as pd

# An interval or point of a long or short TextGrid: its times and its quoted text.
_INTERVAL = re.compile(
    r'(?:xmin\s*=\s*)?([\d.eE+-]+)\s+(?:xmax\s*=\s*)?([\d.eE+-]+)\s+(?:text\s*=\s*)?"((?:[^"]|"")*)"'
)
_POINT = re.compile(r'(?:(?:number|time)\s*=\s*)?([\d.eE+-]+)\s+(?:mark\s*=\s*)?"((?:[^"]|"")*)"')
_TIER = re.compile(r'"(IntervalTier|TextTier)"\s+(?:name\s*=\s*)?"((?:[^"]|"")*)"')


def read_annotations(path: Path | str, tier: str | None = None) -> "pd.DataFrame":
    r"""Read when phonemes, words or other events begin.

    Parameters
    ----------
    path : path
        A TextGrid of Praat, long or short, or a table (.csv) with a column ``onset`` in seconds and
        any others, such as ``word`` and ``surprisal``.
    tier : str, optional
        Tier of a TextGrid; None for the only one.

    Returns
    -------
    annotations : pandas.DataFrame
        A row for each event in the order of time: `onset` in seconds, and `offset` and `label` of
        a TextGrid, without its empty intervals, or the other columns of a table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither, the tier is unknown or not named where there are several, or an onset is
        no number of seconds from 0.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "words.csv"
    ...     _ = path.write_text("onset,word,surprisal\n0.5,the,1.2\n0.75,cat,6.5\n")
    ...     read_annotations(path)["surprisal"].tolist()
    [1.2, 6.5]
    """
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: check the path")
    if path.suffix.lower() == ".textgrid":
        annotations = pd.DataFrame(_of_textgrid(path, tier), columns=["onset", "offset", "label"])
    else:
        try:
            annotations = pd.read_csv(path, skipinitialspace=True)
        except (ValueError, UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is no comma-separated table in UTF-8 ({error})") from error
        if "onset" not in annotations:
            raise ValueError(
                f"{path} has the columns {list(annotations)}, expected one named onset, in seconds"
            )
    onsets = pd.to_numeric(annotations["onset"], errors="coerce")
    wrong = np.flatnonzero(~(onsets >= 0) | ~np.isfinite(onsets))
    if len(wrong):
        value = annotations["onset"].iloc[int(wrong[0])]
        raise ValueError(f"{path}: onset {value!r} of event {wrong[0] + 1} is no second from 0")
    annotations["onset"] = onsets
    return annotations.sort_values("onset", kind="stable", ignore_index=True)


def impulses(
    onsets: Any, n_times: int, sfreq: float, values: Any = None, *, standardise: bool = False
) -> np.ndarray:
    """Put events into time as impulses, one feature for each of their values.

    Parameters
    ----------
    onsets : array-like of shape (n_events,)
        When events begin, in seconds; those beyond the end are left out.
    n_times : int
        Number of samples.
    sfreq : float
        Sampling rate in hertz.
    values : array-like of shape (n_events,) or (n_events, n_features), optional
        Height of the impulses, such as surprisal; None for 1.
    standardise : bool
        Take mean and standard deviation off the values first, so that they say nothing about where
        events are, which is the part of impulses of 1.

    Returns
    -------
    features : ndarray of shape (n_times, n_features)
        Zero but at the samples nearest to the onsets. Values of events at one sample add up.

    Raises
    ------
    ValueError
        If the shapes disagree, a number is not finite, an onset is negative, or values that are to
        be standardised are all the same.

    Examples
    --------
    >>> impulses([0.0, 0.5, 2.0], n_times=4, sfreq=4, values=[2.0, 3.0, 9.0]).ravel().tolist()
    [2.0, 0.0, 3.0, 0.0]
    """
    check_rate(sfreq, "sfreq")
    times = np.asarray(onsets, dtype=float)
    if times.ndim != 1:
        raise ValueError(f"onsets must have shape (n_events,), got {times.shape}")
    check_finite(times, "onsets")
    if len(times) and times.min() < 0:
        raise ValueError(f"onsets must be seconds from 0, got {times.min():g}")
    heights = np.ones(len(times)) if values is None else np.asarray(values, dtype=float)
    heights = heights[:, None] if heights.ndim == 1 else heights
    if heights.ndim != 2 or len(heights) != len(times):
        raise ValueError(f"values have shape {heights.shape} for {len(times)} onsets")
    check_finite(heights, "values")
    if standardise:
        spread = heights.std(axis=0)
        if not len(heights) or not np.all(spread > 0):
            raise ValueError("values that are all the same cannot be standardised")
        heights = (heights - heights.mean(axis=0)) / spread
    at = np.rint(times * sfreq).astype(int)
    features = np.zeros((n_times, heights.shape[1]))
    np.add.at(features, at[at < n_times], heights[at < n_times])
    return features


def _of_textgrid(path: Path, tier: str | None) -> list[tuple[float, float, str]]:
    text = _decoded(path)
    found = list(_TIER.finditer(text))
    if "ooTextFile" not in text or not found:
        raise ValueError(f"{path} is no TextGrid with tiers, as Praat writes it")
    names = [match[2] for match in found]
    if tier is None and len(found) > 1:
        raise ValueError(f"{path} has the tiers {names}: name one of them")
    if tier is not None and tier not in names:
        raise ValueError(f"{path} has no tier {tier!r}, but {names}")
    k = 0 if tier is None else names.index(tier)
    end = found[k + 1].start() if k + 1 < len(found) else len(text)
    body = text[found[k].end() : end]
    return _events(body, points=found[k][1] == "TextTier")


def _events(body: str, points: bool) -> list[tuple[float, float, str]]:
    if points:
        events = [(float(m[1]), float(m[1]), m[2]) for m in _POINT.finditer(body)]
    else:
        events = [(float(m[1]), float(m[2]), m[3]) for m in _INTERVAL.finditer(body)]
    return [(a, b, label.replace('""', '"')) for a, b, label in events if label.strip()]


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    encodings: Sequence[str] = ("utf-8-sig",)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):  # as Praat writes what is not ASCII
        encodings = ("utf-16",)
    try:
        return content.decode(encodings[0])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 or UTF-16 ({error})") from error
