"""Continuous EEG recordings of MNE-Python: opening files, and reading segments of them."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.causal import CausalSampler
from cocktailparty.preprocessing import interpolate, interpolation_reach
from cocktailparty.recordings.formats.edf_records import check_no_pauses, has_pauses, with_pauses
from cocktailparty.recordings.formats.edf_units import check_units, scale_to_volts
from cocktailparty.recordings.formats.eeglab73 import is_eeglab73, read_eeglab73
from cocktailparty.recordings.formats.stored_rates import (
    Source,
    check_left_out,
    file_bounds,
    has_wrong_times,
    sources,
    stored_rates,
)
from cocktailparty.recordings.formats.xdf import is_xdf, read_xdf
from cocktailparty.recordings.interruptions import Interruption, interruptions, segment_around
from cocktailparty.recordings.reader_errors import reader_error
from cocktailparty.third_party_warnings import shown_once

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)

# What MNE-Python warns of although nothing that matters here is lost: names of files, entries of
# headers that describe hardware filters, people and dates, and joins, which Continuous minds.
_HARMLESS = (
    "This filename .* does not conform to MNE naming conventions",
    "Channels contain different (highpass|lowpass) filters",
    "Highpass cutoff frequency .* is greater than lowpass",
    "Online software filter detected",
    "Invalid (patient information|measurement date)",
    "The data contains 'boundary' events",
    "Not setting positions? of .* eog channels? found in montage",
)
# What it only warns of although the file is not complete.
_BROKEN = "Invalid tag with only"
# Channels whose unit is another than that of potentials.
_FIELDS = ("mag", "grad")
# Samples that are read at once: a trial at several kilohertz would fill the memory.
_BLOCK = 2**17
# MNE places annotations of a file with pauses beyond its seeming end; they are read again. Those of
# EEGLAB may last longer than the recording, as what was removed did.
_OUTSIDE, _LONGER = "Omitted .* annotation", "Limited .* annotation"


def read_eeg(path: str | PathLike[str], **arguments: Any) -> "mne.io.BaseRaw":
    """Open a continuous EEG recording of any format that MNE-Python reads, or XDF.

    Parameters
    ----------
    path : path
        File (or folder, for formats that are one): fif, edf, bdf, BrainVision vhdr, EEGLAB set,
        and others, told apart by the extension; XDF with one stream of EEG, see
        `cocktailparty.recordings.read_xdf` for others.
    **arguments : object
        Parameters of the reader that MNE-Python takes for the format, such as ``encoding`` of
        `mne.io.read_raw_edf`, or of `cocktailparty.recordings.read_xdf`.

    Returns
    -------
    raw : mne.io.Raw
        Recording. Where the format allows it, samples are read from disk when they are needed.
        Warnings of MNE-Python are given once each.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is broken, holds no continuous recording, is of an unknown format, or cannot
        be read without another package or a parameter, which are named.

    Notes
    -----
    Of EDF, BDF and GDF files whose channels have unequal rates, MNE-Python reads wrong samples
    wherever a segment does not start with a data record. `cocktailparty.recordings` reads each
    channel at its own rate instead, and is right whether the file is loaded or not; your own
    ``raw.get_data(start=...)``, ``raw.crop(...).load_data()`` and `mne.Epochs` are right after
    ``raw.load_data()`` only.

    Examples
    --------
    >>> read_eeg("no/such.bdf")
    Traceback (most recent call last):
    ...
    FileNotFoundError: EEG file no/such.bdf does not exist: check the path
    """
    import mne

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"EEG file {path} does not exist: check the path")
    if is_xdf(path):
        return read_xdf(path, **arguments)
    arguments = {"preload": False, "verbose": "WARNING", **arguments}
    paused = has_pauses(path)
    expected = (_LONGER,) if path.suffix.lower() == ".set" else (_OUTSIDE, _LONGER) * paused
    with shown_once(_HARMLESS + expected):
        warnings.filterwarnings("error", _BROKEN, RuntimeWarning)
        try:
            read = read_eeglab73 if is_eeglab73(path) else mne.io.read_raw
            raw = read(path, **arguments)
            if has_wrong_times(raw):
                stim = [raw.ch_names[i] for i in mne.pick_types(raw.info, stim=True)]
                raw = mne.io.read_raw(path, **{**arguments, "stim_channel": []})
                types = dict.fromkeys(stim, "stim")
                raw.set_channel_types(types, on_unit_change="ignore", verbose="WARNING")
        # The readers raise whatever their parsing runs into, from IndexError to struct.error.
        except Exception as error:
            if isinstance(error, Warning) and not str(error).startswith(_BROKEN):
                raise
            raise reader_error(path, error, arguments) from error
        check_left_out(raw)
        scale_to_volts(raw, path)
        return with_pauses(raw, path) if paused else raw


def raw_from_array(
    eeg: Any, sfreq: float, channel_names: Sequence[str], electrodes: Sequence[str], what: str
) -> "mne.io.BaseRaw":
    """Wrap an array, (n_times, n_channels), as a continuous recording at `sfreq` hertz.

    The recording keeps the unit of the array. `electrodes` names the channels that are EEG; the
    others can serve as a reference. `what`, file and name of the array, is for the message of the
    ValueError that is raised if the array does not have as many channels as there are names.
    """
    import mne

    eeg = to_numpy(eeg, what)
    turned = ": channels come first, pass the transpose" * (len(eeg) == len(channel_names))
    if eeg.ndim != 2 or eeg.shape[1] != len(channel_names) or eeg.dtype.kind not in "iuf":
        raise ValueError(
            f"{what} must be numbers of shape (n_times, {len(channel_names)}), got {eeg.dtype} of "
            f"shape {eeg.shape}{turned}"
        )
    types = ["eeg" if name in electrodes else "misc" for name in channel_names]
    info = mne.create_info(list(channel_names), sfreq, types)
    info["description"] = what
    return mne.io.RawArray(eeg.T.astype(float), info, verbose="WARNING")


class Continuous:
    """View of the channels of a recording that are to be decoded, read segment by segment.

    `raw`, preloaded or not, is not modified. `picks` is a channel type or names in the wanted
    order; bad channels are left out. `reference` is "average", channels that are then left out, or
    None.

    Attributes
    ----------
    names : list of str
        Names of the channels.
    by_type : bool
        Whether they were picked by their type.
    sfreq : float
        Sampling rate in hertz.
    stored_sfreq : float
        Lowest rate at which one of the channels was stored, below `sfreq` where a file has faster
        channels than these.
    n_times : int
        Number of samples.
    interruptions : list of Interruption
        Where it is interrupted or marked bad, see `cocktailparty.recordings.interruptions`.

    Raises
    ------
    TypeError
        If `raw` is not an MNE recording.
    ValueError
        If no channel is left, the reference is unknown or marked bad, or MNE left out the pauses
        of an EDF+D file.
    """

    def __init__(
        self,
        raw: "mne.io.BaseRaw",
        picks: str | Sequence[str] = "eeg",
        reference: str | Sequence[str] | None = None,
    ) -> None:
        check_raw(raw)
        check_no_pauses(raw)
        check_left_out(raw)
        check_units(raw)
        self.raw = raw
        self.sfreq = float(raw.info["sfreq"])
        self.n_times = len(raw.times)
        self.average = isinstance(reference, str)
        if self.average and reference != "average":
            raise ValueError(
                f"reference must be 'average', a list of channel names or None, got {reference!r}"
            )
        self.references = [] if reference is None or self.average else list(reference)
        unfit = [n for n in self.references if n not in raw.ch_names or n in raw.info["bads"]]
        if unfit:
            raise ValueError(
                f"reference channel(s) {unfit} are marked bad or not in the recording, which has "
                f"{raw.ch_names}"
            )
        self.by_type = isinstance(picks, str)
        self.names = _picked(raw, picks, self.references)
        if self.average:
            _check_average(raw, self.names)
        # Names that could be a channel type are safe as indices only.
        self._index = [raw.ch_names.index(name) for name in self.names + self.references]
        self._rates = stored_rates(raw, self._index)
        self.stored_sfreq = self.sfreq
        self.interruptions = interruptions(raw, self.names + self.references)
        if self._rates is not None:
            joins = file_bounds(raw)[1:-1]
            self.interruptions += [Interruption(i, i, "a join of two files") for i in joins]
            self.interruptions.sort()
            self.stored_sfreq = float(min(rates.min() for rates in self._rates))

    def span(self, position: float, keep_bad: bool = False) -> tuple[int, int]:
        """Find the uninterrupted segment around `position`, in samples: its start and its stop.

        With `keep_bad` it goes on where the recording is only marked as bad.
        """
        ends = [x for x in self.interruptions if not (x.bad and keep_bad)]
        return segment_around(ends, self.n_times, position)

    def recorded(self, positions: np.ndarray, spacing: float, start: int, stop: int) -> np.ndarray:
        """Evaluate the channels in volts at any moments, as they were recorded.

        `positions`, (n_positions,), are rising moments in samples, `spacing` apart; above 1,
        frequencies that would alias are removed. `start` and `stop` bound the segment that may be
        looked at, see `span`. Returns (n_positions, n_channels + n_references), the references
        last. Raises a MissingValuesError if a value that is needed is not finite.
        """
        names = self.names + self.references
        values = np.empty((len(positions), len(names)))
        for source in sources(self.raw, self._index, self._rates, start):
            read = _Reader(source, [names[i] for i in source.columns], self.sfreq)
            values[:, source.columns] = read.at(positions, spacing, start, stop)
        return values

    def heard(
        self, onset: float, clock: float, sfreq: float, moments: range, start: int, stop: int
    ) -> np.ndarray:
        """Evaluate the channels as `recorded` does, but without a look ahead.

        `moments` counts samples at `sfreq` hertz of the clock of the sounds, which starts at
        `onset`, in seconds of the recording, and of whose seconds each lasts `clock` seconds there.
        The filter begins at the sample `start`, and nothing from `stop` on is looked at.
        """
        names = self.names + self.references
        values = np.empty((len(moments), len(names)))
        for source in sources(self.raw, self._index, self._rates, start):
            read = _Reader(source, [names[i] for i in source.columns], self.sfreq)
            values[:, source.columns] = read.heard(onset, clock, sfreq, moments, start, stop)
        return values

    def rereferenced(
        self, values: np.ndarray, left_out: Sequence[str] = ()
    ) -> tuple[np.ndarray, list[str]]:
        """Give channels their reference.

        `values` come from `recorded`, filtered or not, (n_positions, n_channels + n_references).
        Returns the channels that are not in `left_out`, (n_positions, n_kept), and their names.
        """
        kept = [i for i, name in enumerate(self.names) if name not in left_out]
        eeg, references = values[:, kept], values[:, len(self.names) :]
        if self.average:
            eeg = eeg - eeg.mean(axis=1, keepdims=True)
        elif self.references:
            eeg = eeg - references.mean(axis=1, keepdims=True)
        return eeg, [self.names[i] for i in kept]


class MissingValuesError(ValueError):
    """Values of a recording that a trial needs are not finite.

    `first` and `last` are the moments of the first and the last one, in seconds.
    """

    def __init__(self, message: str, first: float, last: float) -> None:
        super().__init__(message)
        self.first, self.last = first, last


@dataclass(frozen=True)
class _Reader:
    source: Source
    names: list[str]
    sfreq: float

    def at(self, positions: np.ndarray, spacing: float, start: int, stop: int) -> np.ndarray:
        """Evaluate the channels; everything is given in samples of the recording."""
        source = self.source
        positions = source.origin + source.ratio * positions
        spacing = source.ratio * spacing
        start, stop = source.bounds(start, stop)
        reach = interpolation_reach(spacing)
        values = np.empty((len(positions), len(source.columns)))
        n_positions = max(1, round(_BLOCK / spacing))
        for i in range(0, len(positions), n_positions):
            block = positions[i : i + n_positions]
            # The kernel sees the same samples as without blocks, and so do the ends: a block that
            # is shorter than the kernel would be reflected.
            first = max(start, min(floor(block[0]), stop - reach - 1) - reach)
            last = min(stop, max(ceil(block[-1]), start + reach) + reach + 1)
            data = source.read(first, last)
            self._check_finite(data, first)
            values[i : i + n_positions] = interpolate(data, block - first, spacing)
        return values

    def heard(
        self, onset: float, clock: float, sfreq: float, moments: range, start: int, stop: int
    ) -> np.ndarray:
        """Evaluate the channels without a look ahead, see `Continuous.heard`."""
        source = self.source
        rate = source.ratio * self.sfreq
        origin = source.origin + rate * onset
        # Two samples beyond the last moment take part in it, if there are any.
        last = ceil(origin + rate * clock * moments[-1] / sfreq + 1e-6) + 2
        first, stop = source.bounds(start, stop)
        last = min(last, stop)
        sampler = CausalSampler(rate * clock, sfreq)
        found = []
        for i in range(first, last, _BLOCK):
            data = source.read(i, min(i + _BLOCK, last))
            self._check_finite(data, i)
            times = (i + np.arange(len(data)) - origin) / (rate * clock)
            found.append(sampler.push(data, times))
        found.append(sampler.finish())
        values = np.concatenate([values for _, values in found if len(values)])
        # A channel of another rate may start or stop by half a sample within the segment.
        index = np.asarray(moments) - found[0][0]
        return np.asarray(values[np.clip(index, 0, len(values) - 1)])

    def _check_finite(self, data: np.ndarray, first: int) -> None:
        missing = ~np.isfinite(data)
        if not missing.any():
            return
        rows = np.flatnonzero(missing.any(axis=1))
        begin, end = (
            float((first + row - self.source.origin) / self.source.ratio / self.sfreq)
            for row in (rows[0], rows[-1])
        )
        names = [self.names[i] for i in np.flatnonzero(missing.any(axis=0))]
        shown = f"{names[:8]}{f' and {len(names) - 8} more' * (len(names) > 8)}"
        raise MissingValuesError(
            f"the EEG has {missing.sum()} NaN or infinite value(s) in channel(s) {shown}, between "
            f"{begin:.3f} and {end:.3f} s of the recording",
            begin,
            end,
        )


def check_raw(raw: Any) -> None:
    """Raise a TypeError, which says how to get one, if something is not an MNE recording."""
    import mne

    if not isinstance(raw, mne.io.BaseRaw):
        raise TypeError(
            f"raw must be an MNE Raw, got {type(raw).__name__}: open files by read_eeg, and pass "
            "epochs to trials_from_epochs"
        )


def _picked(raw: "mne.io.BaseRaw", picks: str | Sequence[str], left_out: list[str]) -> list[str]:
    import mne

    if isinstance(picks, str):
        try:
            by_type = mne.channel_indices_by_type(raw.info, picks)
        except ValueError:  # none of this type, or no type
            by_type = {}
        wanted = [raw.ch_names[i] for i in sorted(i for type_ in by_type.values() for i in type_)]
    else:
        wanted = list(picks)
        unknown = [name for name in wanted if name not in raw.ch_names]
        if unknown:
            raise ValueError(
                f"picks name channel(s) {unknown} that are not in the recording, which has "
                f"{raw.ch_names}"
            )
    bads = [name for name in wanted if name in raw.info["bads"]]
    names = [name for name in wanted if name not in bads and name not in left_out]
    if not names:
        raise ValueError(
            f"picks={picks!r} leaves no channel: the recording has channels of type "
            f"{sorted(set(raw.get_channel_types()))}, {len(bads)} of the picked ones are marked bad"
        )
    kinds = {kind if kind in _FIELDS else "potential" for kind in raw.get_channel_types(names)}
    if len(kinds) > 1:
        raise ValueError(
            f"picks={picks!r} takes channels of different units, {sorted(kinds)}, which one "
            "penalty cannot weigh: pick one type"
        )
    if bads:
        logger.info("left out the channels that are marked bad: %s", ", ".join(bads))
    return names


def _check_average(raw: "mne.io.BaseRaw", names: list[str]) -> None:
    types = set(raw.get_channel_types(names))
    if not types <= {"eeg", "ecog", "seeg", "dbs"}:
        raise ValueError(
            "reference='average' is meant for potentials, the picked channels are of type "
            f"{sorted(types)}: set reference=None (--reference none)"
        )
    if len(names) == 1:
        raise ValueError(
            f"reference='average' leaves nothing of a single channel, {names}: set reference=None "
            "(--reference none), or name the channels of a reference"
        )
