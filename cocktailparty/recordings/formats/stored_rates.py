"""Channels of EDF, BDF and GDF files that were sampled at unequal rates, each read at its own.

MNE-Python brings all channels of such a file to the highest rate. If only a segment is read that
does not start with a data record, the slower channels come from elsewhere in the file, or are zero
(https://github.com/mne-tools/mne-python/issues/10635). Here, every channel is read as it was
stored, by the header that MNE parsed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.third_party_warnings import shown_once
from cocktailparty.validation import same_rate

if TYPE_CHECKING:
    import mne

# What MNE keeps of the header of a file of one of the three formats.
_HEADER = {"n_samps", "max_samp", "record_length", "n_records", "sel", "subtype"}
_HEADER |= {"units", "cal", "offsets", "data_offset", "dtype_np", "dtype_byte"}


@dataclass(frozen=True)
class Source:
    """Channels that are read together, `columns` of those that are wanted.

    `read` takes the first sample of the source and the one after the last, and returns values of
    shape (n_times, n_channels) in the unit of the recording. The source has `n_times` samples,
    `ratio` of them in one of the recording, whose sample 0 lies at sample `origin`.
    """

    read: Callable[[int, int], np.ndarray]
    columns: list[int]
    n_times: int
    ratio: float = 1.0
    origin: float = 0.0

    def bounds(self, start: int, stop: int) -> tuple[int, int]:
        """Find start and stop of a segment of the recording in samples of the source."""
        first = ceil(self.origin + start * self.ratio - 0.5)
        last = floor(self.origin + stop * self.ratio + 0.5)
        return max(first, 0), min(last, self.n_times)


def stored_rates(raw: "mne.io.BaseRaw", index: Sequence[int]) -> list[np.ndarray] | None:
    """Look up the rates at which channels were stored, if they are not that of the recording.

    Returns rates in hertz, (n_channels,), for each file of the recording; None where MNE reads
    segments of these channels as they were stored, or all is in memory already.
    """
    if raw.preload or not all(_has_header(extra) for extra in raw._raw_extras):
        return None
    rates, plain = [], True
    for header, picks in zip(raw._raw_extras, raw._read_picks, strict=True):
        per_record = header["n_samps"][header["sel"][picks[list(index)]]]
        rates.append(per_record / _record(header))
        counted = header["max_samp"] / _record(header)
        plain &= same_rate([*rates[-1], counted], raw.info["sfreq"])
    return None if plain else rates


def has_wrong_times(raw: "mne.io.BaseRaw") -> bool:
    """Tell whether a recording that was just opened lasts longer than its file.

    MNE counts samples at one rate and seconds at another where the channel of triggers is faster
    than all others.
    """
    header = raw._raw_extras[0]
    if not _has_header(header):
        return False
    return not same_rate(header["max_samp"] / _record(header), raw.info["sfreq"])


def check_stored_rates(raw: "mne.io.BaseRaw | None", what: str) -> None:
    """Raise a ValueError if MNE would read wrong samples of segments, since rates are unequal.

    `raw` is None for what is in memory; `what` reads the segments, in the message.
    """
    if raw is not None and stored_rates(raw, range(len(raw.ch_names))) is not None:
        raise ValueError(
            f"{what} read stretches of a file whose channels have unequal rates, in which MNE "
            "mistakes one moment for another: read the file with preload=True, and cut it then"
        )


def check_left_out(raw: "mne.io.BaseRaw") -> None:
    """Raise a ValueError for a GDF file of which MNE was told to read only some channels.

    MNE (1.13.2) then reads the first channels, whatever their names are.
    """
    for file, header in zip(raw.filenames, raw._raw_extras, strict=True):
        if not _has_header(header) or header["subtype"] != "GDF":
            continue
        if len(header["sel"]) < len(header["n_samps"]):
            raise ValueError(
                f"{file} was read with exclude or include, by which MNE confuses the channels of "
                "GDF: read all of them, and choose by picks"
            )


def file_bounds(raw: "mne.io.BaseRaw") -> list[int]:
    """List the samples, from 0 on, at which files of a recording begin and the last one ends."""
    return [0, *np.cumsum(raw._raw_lengths).tolist()]


def sources(
    raw: "mne.io.BaseRaw", index: Sequence[int], rates: list[np.ndarray] | None, start: int
) -> list[Source]:
    """Say where channels are to be read from: the recording itself, or one source for each rate.

    `index` are the wanted channels, `rates` those of `stored_rates`, `start` is a sample of the
    file that is to be read. Raises a ValueError if projectors are applied to channels of unequal
    rates.
    """
    index = list(index)
    if rates is None:
        return [Source(_by_mne(raw, index), [*range(len(index))], len(raw.times))]
    bounds = file_bounds(raw)
    number = max(i for i, first in enumerate(bounds[:-1]) if first <= start)
    file = Path(raw.filenames[number])
    if raw.proj:
        raise ValueError(
            f"{file} has channels of unequal rates, and projectors are applied to it: read it with "
            "preload=True"
        )
    header, places = raw._raw_extras[number], raw._read_picks[number][index]
    per_rate = []
    for rate in np.unique(rates[number]):
        columns = np.flatnonzero(rates[number] == rate)
        ratio = float(rate / raw.info["sfreq"])
        origin = (int(raw._first_samps[number]) - bounds[number]) * ratio
        n_times = round(rate * _record(header)) * int(header["n_records"])
        read = _as_stored(file, header, places[columns])
        per_rate.append(Source(read, columns.tolist(), n_times, ratio, origin))
    return per_rate


def _by_mne(raw: "mne.io.BaseRaw", index: list[int]) -> Callable[[int, int], np.ndarray]:
    def read(first: int, last: int) -> np.ndarray:
        with shown_once():
            return np.asarray(raw.get_data(index, first, last, verbose="WARNING").T)

    return read


def _as_stored(
    file: Path, header: dict[str, Any], places: np.ndarray
) -> Callable[[int, int], np.ndarray]:
    """Make a reader of channels that have the same number of samples in a data record."""
    channels = header["sel"][places]
    per_record, width = int(header["n_samps"][channels[0]]), int(header["dtype_byte"])
    ends = width * np.cumsum(header["n_samps"], dtype=np.int64)
    begins = ends[channels] - width * per_record
    # MNE keeps the calibrations of a GDF for all channels, of the others for those it reads.
    rows = channels if header["subtype"] == "GDF" else places
    cal, offsets, units = header["cal"][rows], header["offsets"][rows], header["units"][places]
    start = int(header["data_offset"])

    def read(first: int, last: int) -> np.ndarray:
        shape = (int(header["n_records"]), int(ends[-1]))
        records = np.memmap(file, np.uint8, "r", start, shape)
        near = records[first // per_record : -(-last // per_record)]
        skipped = first % per_record
        columns = [
            _integers(near[:, begin : begin + width * per_record], header)[
                skipped : skipped + last - first
            ]
            for begin in begins
        ]
        return np.asarray((np.column_stack(columns) * cal + offsets) * units)

    return read


def _integers(stored: np.ndarray, header: dict[str, Any]) -> np.ndarray:
    """Take bytes of shape (n_records, n_bytes) as the numbers that they are, one after another."""
    stored = np.ascontiguousarray(stored)
    if header["subtype"] != "bdf":
        return stored.view(header["dtype_np"]).ravel()
    longer = np.zeros((stored.size // 3, 4), np.uint8)
    longer[:, 1:] = stored.reshape(-1, 3)  # as the upper bytes, which hold the sign
    return longer.view("<i4").ravel() >> 8


def _has_header(extra: Any) -> bool:
    return isinstance(extra, dict) and extra.keys() >= _HEADER


def _record(header: dict[str, Any]) -> float:
    """Seconds that a data record lasts."""
    return float(header["record_length"][0] / header["record_length"][1])
