"""Reading XDF, the files that laboratories record through the Lab Streaming Layer (LSL)."""

import gzip
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import maximum_filter1d

from cocktailparty.preprocessing import interpolate, interpolation_reach
from cocktailparty.recordings.formats.edf_units import VOLTS
from cocktailparty.recordings.formats.xdf_chunks import (
    Beginning,
    DamagedXDFError,
    check_chunks,
)
from cocktailparty.recordings.formats.xdf_clocks import Segment, linear_segments, synchronise

if TYPE_CHECKING:
    import mne

#: Ends of the names of such files; the others are compressed.
SUFFIXES = (".xdf", ".xdfz", ".xdf.gz")
_TYPES = ("eeg", "eog", "ecg", "emg", "misc")
# What pyxdf logs where it met no chunk; some recorders write footers that nobody can read.
_DAMAGE = re.compile("corrupt(?!.*footer)|Error reading chunk|zero-length chunk")
# Samples that are interpolated at once.
_BLOCK = 2**15


def is_xdf(path: Path) -> bool:
    """Say whether the name of a file ends in .xdf, .xdfz or .xdf.gz."""
    return path.name.lower().endswith(SUFFIXES)


def read_xdf(path: str | PathLike[str], stream: str | None = None) -> "mne.io.BaseRaw":
    """Read one stream of an XDF file as a continuous recording, and the markers of all others.

    Clocks of the streams are brought together by the offsets that were measured during the
    recording, also where a sender was restarted. The stream is cut where samples were lost; in
    each segment, a line through the time stamps removes their jitter. All are interpolated onto
    one grid of the nominal sampling rate. What was lost is marked as an interruption (annotation
    ``BAD_ACQ_SKIP``), across which no trial can be cut.

    Parameters
    ----------
    path : path
        File.
    stream : str, optional
        Name or type of the stream, in any case; None for the one of type EEG.

    Returns
    -------
    raw : mne.io.Raw
        Recording, in memory; time 0 is the first sample. Markers are annotations. Channels have
        the labels of the file and, as far as it states them, their types. Potentials are in volts;
        where the file states no unit, microvolts are assumed, as LSL prefers, with a warning.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If pyxdf is not installed.
    OSError
        If the file is damaged.
    ValueError
        If no or several streams fit, the stream holds no regularly sampled numbers, or a unit of
        a potential is unknown.

    Warns
    -----
    RuntimeWarning
        If the file ends in the middle of a chunk, or states no unit. What is not finite in the
        file is not finite in the recording, and refused where a trial needs it.

    References
    ----------
    Kothe, C., et al. (2025). The lab streaming layer for synchronized multimodal recording.
    Imaging Neuroscience, 3. https://doi.org/10.1162/IMAG.a.136

    Examples
    --------
    >>> read_xdf("no/such.xdf")
    Traceback (most recent call last):
    ...
    FileNotFoundError: EEG file no/such.xdf does not exist: check the path
    """
    import mne

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"EEG file {path} does not exist: check the path")
    streams, is_cut = _load(path)
    chosen = _chosen(streams, stream, path)
    data, info = chosen["time_series"], chosen["info"]
    rate = float(info["nominal_srate"][0])
    stamps, unknown = _times(chosen)
    segments = linear_segments(stamps, 1 / rate)
    start = min(segment.start for segment in segments)
    values, missing = _on_grid(np.asarray(data), segments, unknown, start, rate)
    if is_cut:
        warnings.warn(
            f"{path} ends in the middle of a chunk: its recorder was stopped, or it was not copied "
            f"completely. What is there ends after {len(values) / rate:.1f} s",
            RuntimeWarning,
            stacklevel=2,
        )
    names, types, scales = _channels(info, data.shape[1], path)
    raw = mne.io.RawArray(
        (values * scales).T, mne.create_info(names, rate, types), verbose="WARNING"
    )
    onsets, durations, descriptions = _markers(streams, start, len(values) / rate)
    for first, stop in _runs(missing):
        onsets.append(first / rate)
        durations.append((stop - first) / rate)
        descriptions.append("BAD_ACQ_SKIP")
    raw.set_annotations(mne.Annotations(onsets, durations, descriptions), verbose="WARNING")
    return raw


def _load(path: Path) -> tuple[list[Any], bool]:
    """Streams of a file, and whether its end is missing."""
    try:
        import pyxdf
    except ImportError as error:
        raise ImportError(
            f"{path} cannot be read without pyxdf: pip install 'cocktailparty[xdf]'"
        ) from error
    try:
        with path.open("rb") if path.suffix.lower() == ".xdf" else gzip.open(path) as file:
            end = check_chunks(file, path)
            # Its own synchronisation and removal of jitter fit one line where there should be more.
            with _complaints() as said:
                streams: list[Any] = pyxdf.load_xdf(
                    file if end is None else Beginning(file, end),
                    synchronize_clocks=False,
                    dejitter_timestamps=False,
                )[0]
    except DamagedXDFError:
        raise
    except Exception as error:  # whatever its parser runs into, from struct.error to ParseError
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    if said:
        raise _unreadable(path, said[0])
    return streams, end is not None


def _unreadable(path: Path, reason: str) -> OSError:
    return OSError(
        f"EEG file {path} cannot be read ({reason}): it is broken, or no XDF file; copy it again"
    )


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what pyxdf logs of damage, after which it goes on with what comes later."""
    said: list[str] = []

    def heard(record: logging.LogRecord) -> bool:
        text = " ".join(record.getMessage().split())
        if _DAMAGE.search(text):
            said.append(text)
            return False
        return True

    logger = logging.getLogger("pyxdf.pyxdf")
    logger.addFilter(heard)
    try:
        yield said
    finally:
        logger.removeFilter(heard)


def _chosen(streams: list[Any], wanted: str | None, path: Path) -> Any:
    """Find the stream that is asked for."""

    def text(stream: Any, key: str) -> str:
        return (stream["info"].get(key) or [""])[0] or ""

    listed = ", ".join(f"{text(s, 'name')!r} of type {text(s, 'type')!r}" for s in streams)
    by_name = [s for s in streams if text(s, "name").lower() == (wanted or "").lower() != ""]
    by_type = [s for s in streams if text(s, "type").lower() == (wanted or "EEG").lower()]
    fitting = by_name or by_type
    if len(fitting) != 1:
        what = "of type 'EEG'" if wanted is None else f"with the name or type {wanted!r}"
        raise ValueError(
            f"{path} has {len(fitting)} streams {what}, expected one: choose it by "
            f"read_xdf(..., stream=NAME); the file holds {listed or 'no stream'}"
        )
    stream = fitting[0]
    rate, kind = float(text(stream, "nominal_srate") or 0), text(stream, "channel_format")
    if not rate > 0 or kind == "string" or not len(stream["time_stamps"]):
        raise ValueError(
            f"{path}: stream {text(stream, 'name')!r} has {len(stream['time_stamps'])} samples of "
            f"{kind!r} at {rate:g} Hz, expected numbers at a regular rate: choose another of "
            f"{listed}"
        )
    return stream


def _times(stream: Any) -> tuple[np.ndarray, np.ndarray]:
    rate = float(stream["info"]["nominal_srate"][0])
    return synchronise(
        np.asarray(stream["time_stamps"], dtype=float),
        stream["clock_times"],
        stream["clock_values"],
        1 / rate if rate else 0.0,
    )


def _on_grid(
    data: np.ndarray, segments: list[Segment], unknown: np.ndarray, start: float, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the segments onto one grid; say where nothing is known."""
    ends = [
        segment.start + (segment.stop - segment.first - 1) * segment.interval
        for segment in segments
    ]
    n_times = round((max(ends) - start) * rate) + 1
    values = np.zeros((n_times, data.shape[1]))
    times_covered = np.zeros(n_times, dtype=int)
    for segment in segments:
        n = segment.stop - segment.first
        first = round((segment.start - start) * rate)
        stop = min(n_times, round((segment.start + (n - 1) * segment.interval - start) * rate) + 1)
        spacing = 1 / (rate * segment.interval)
        if n <= interpolation_reach(spacing):
            continue
        times_covered[first:stop] += 1
        for block in range(first, stop, _BLOCK):
            grid = np.arange(block, min(stop, block + _BLOCK))
            at = np.clip((grid / rate + start - segment.start) / segment.interval, 0, n - 1)
            values[grid] = _at(data[segment.first : segment.stop], at, spacing)
            times_covered[grid[unknown[segment.first + at.round().astype(int)]]] = 0
    # Where two segments claim the same moment, a clock was wrong, and neither can be trusted.
    missing = times_covered != 1
    values[missing] = 0
    return values, missing


def _at(data: np.ndarray, positions: np.ndarray, spacing: float) -> np.ndarray:
    """Evaluate a segment between its samples, looking only at those around."""
    # A rate that differs from the nominal one by a fraction of a per cent needs no low-pass.
    spacing = 1.0 if spacing < 1.01 else spacing
    reach = interpolation_reach(spacing)
    first = max(0, min(int(positions[0]), len(data) - reach - 1) - reach)
    last = min(len(data), max(int(positions[-1]) + 1, reach) + reach + 1)
    samples, positions = data[first:last].astype(float), positions - first
    unknown = ~np.isfinite(samples)
    if not unknown.any():
        return np.asarray(interpolate(samples, positions, spacing))
    # One such sample would make all unknown that an interpolation looks at, and be refused by it.
    values = np.asarray(interpolate(np.where(unknown, 0.0, samples), positions, spacing))
    reach = interpolation_reach(spacing)
    near = maximum_filter1d(unknown, 2 * reach + 1, axis=0)[positions.round().astype(int)]
    values[near] = np.nan
    return values


def _channels(info: Any, n_channels: int, path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names, types and factors to volts of the channels."""
    described = ((info.get("desc") or [None])[0] or {}).get("channels") or [None]
    entries = list((described[0] or {}).get("channel") or [])
    if len(entries) != n_channels:
        entries = [{}] * n_channels
    of_eeg = (info["type"][0] or "").lower() == "eeg"
    names: list[str] = []
    types, scales, unstated = [], [], []
    for i, entry in enumerate(entries):
        label, kind, unit = (
            ((entry or {}).get(key) or [""])[0] or "" for key in ("label", "type", "unit")
        )
        name = label.strip() or f"channel {i}"
        names.append(name if name not in names else f"{name} ({i})")
        kind = kind.strip().lower() or ("eeg" if of_eeg else "misc")
        types.append(kind if kind in _TYPES else "misc")
        known = VOLTS.get(unit.strip().lower())
        if types[-1] == "misc":
            known = known or 1.0
        elif not unit.strip():
            unstated.append(names[-1])
            known = 1e-6
        elif known is None:
            raise ValueError(
                f"{path}: channel {names[-1]!r} is in {unit!r}, expected volts, microvolts or the "
                "like: read the file by pyxdf and make an mne.io.RawArray of it in volts"
            )
        scales.append(known)
    if unstated:
        warnings.warn(
            f"{path} states no unit of the channels {unstated}: microvolts are assumed",
            RuntimeWarning,
            stacklevel=3,
        )
    return names, types, np.array(scales)


def _markers(
    streams: list[Any], start: float, lasts: float
) -> tuple[list[float], list[float], list[str]]:
    """Events of the streams that have no regular rate, as far as they fall into the recording."""
    onsets: list[float] = []
    descriptions: list[str] = []
    for stream in streams:
        kind = stream["info"]["channel_format"][0]
        is_text, is_integer = kind == "string", kind.startswith("int")
        if float(stream["info"]["nominal_srate"][0]) or not (is_text or is_integer):
            continue
        times, _ = _times(stream)
        for time, sample in zip(times - start, stream["time_series"], strict=True):
            description = ";".join(str(value) for value in sample if str(value))
            if description and 0 <= time < lasts:
                onsets.append(float(time))
                descriptions.append(description)
    return onsets, [0.0] * len(onsets), descriptions


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
