"""Interruptions of a recording: pauses, joins, samples that were lost or are marked bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import mne

# Descriptions of annotations, in lower case, at which what follows was not recorded at once after
# what came before. MNE-Python marks joins of recordings so, and calls the join itself bad, too.
_JOINS = {"edge": "a join of recordings", "bad boundary": "a join of recordings"}
# EEGLAB: its duration is how much was removed there, not a segment of what is left.
_JOINS |= {"boundary": "where something was removed"}
_REMOVED = {"-99": "a boundary of EEGLAB", "-99.0": "a boundary of EEGLAB"}
# BrainVision, after a pause. GDF has a number for it (0x7ffe in the table of BioSig).
_JOINS |= {"new segment": "the recording was paused"}
_GDF_SEGMENT = "32766"
# Samples that are there to keep the time, and hold nothing.
_LOST = "bad_acq_skip"


class BadSpanError(ValueError):
    """A segment that is marked bad lies inside a trial."""


@dataclass(frozen=True, order=True)
class Interruption:
    """Place in a recording that no trial may lie across.

    Attributes
    ----------
    start, stop : int
        First sample that must not be used, and first one after it; the same where nothing is
        missing in the recording but what follows was not recorded at once.
    reason : str
        What it is.
    bad : bool
        Whether somebody marked it as bad, so that it may be used all the same.
    """

    start: int
    stop: int
    reason: str
    bad: bool = False


def interruptions(raw: "mne.io.BaseRaw", names: Sequence[str]) -> list[Interruption]:
    """Find where a recording is interrupted.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording.
    names : sequence of str
        Channels that are used; what is said of others only is left out.

    Returns
    -------
    marks : list of Interruption
        In order of time.

    Notes
    -----
    These annotations count: BAD_ACQ_SKIP (samples were lost), names that begin with "edge" or
    "bad boundary" (joins by `mne.concatenate_raws`), "boundary" and -99 (EEGLAB), "New Segment"
    (BrainVision) and 32766 (GDF; pauses), and all others that begin with "bad", in any case.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> raw = mne.io.RawArray(np.zeros((1, 3000)), mne.create_info(["Cz"], 100), verbose="WARNING")
    >>> marks = mne.Annotations([10, 20], [5, 0.5], ["boundary", "BAD_cough"])
    >>> for place in interruptions(raw.set_annotations(marks), ["Cz"]):
    ...     print(place)
    Interruption(start=1000, stop=1000, reason="'boundary': where something was removed", bad=False)
    Interruption(start=2000, stop=2050, reason="marked 'BAD_cough'", bad=True)
    """
    sfreq, used = raw.info["sfreq"], set(names)
    of_gdf = any(
        isinstance(extra, dict) and extra.get("subtype") == "GDF" for extra in raw._raw_extras
    )
    marks = set()
    notes = raw.annotations
    for onset, duration, text, channels in zip(
        notes.onset, notes.duration, notes.description, notes.ch_names, strict=True
    ):
        if channels and not used.intersection(channels):
            continue
        onset -= raw.first_time
        duration = 0.0 if isnan(duration) else duration  # as EEGLAB writes it
        # The first sample that is not before it: EEGLAB puts boundaries between two samples.
        start, stop = (ceil(moment * sfreq - 1e-3) for moment in (onset, onset + duration))
        # MNE puts the type of a BrainVision marker first; it exports all annotations as comments.
        plain = str(text).strip().lower().removeprefix("comment/")
        if reason := _join(plain, of_gdf):
            marks.add(Interruption(start, start, f"{str(text)!r}: {reason}"))
        elif plain.startswith(_LOST):
            marks.add(Interruption(start, stop, f"{str(text)!r}: samples were lost"))
        elif plain.startswith("bad"):
            marks.add(Interruption(start, stop, f"marked {str(text)!r}", bad=True))
    return sorted(marks)


def first_inside(breaks: Sequence[Interruption], start: float, stop: float) -> Interruption | None:
    """Find the first interruption inside a segment from `start` to `stop`, in samples, or None.

    One that begins or ends the segment, up to half a sample, is not inside.
    """
    inside = (x for x in breaks if x.start < stop - 0.5 and x.stop > start + 0.5)
    return next(inside, None)


def segment_around(
    breaks: Sequence[Interruption], n_times: int, position: float
) -> tuple[int, int]:
    """Find the uninterrupted segment around `position`, in samples, of a recording of `n_times`.

    Returns its first sample and the first one after it.
    """
    # Rounded: a moment that is meant to lie on a join may miss it by a fraction of a sample.
    nearest = min(round(position), n_times - 1)
    begins = [0, *(x.stop for x in breaks)]
    ends = [n_times, *(x.start for x in breaks)]
    return max(i for i in begins if i <= nearest), min(i for i in ends if i > nearest)


def check_on_bad(on_bad: Any) -> None:
    """Raise a ValueError unless `on_bad` says what to do with what is marked bad."""
    if on_bad not in ON_BAD:
        raise ValueError(f"on_bad must be one of {list(ON_BAD)}, got {on_bad!r}")


#: What may be done with trials that hold a stretch that is marked bad.
ON_BAD = ("raise", "keep", "drop")


def _join(text: str, of_gdf: bool) -> str | None:
    if text in _REMOVED:
        return _REMOVED[text]
    if of_gdf and text == _GDF_SEGMENT:
        return _JOINS["new segment"]
    return next((reason for start, reason in _JOINS.items() if text.startswith(start)), None)
