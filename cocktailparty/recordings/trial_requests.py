"""Checks of requests for trials of a recording, before any work is done."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import ceil, inf
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.eeg import Continuous, MissingValuesError
from cocktailparty.recordings.flat_channels import without_flat
from cocktailparty.recordings.interruptions import BadSpanError, first_inside
from cocktailparty.trial import Trial

#: Sounds and EEG of one trial may differ in length by this many seconds unnoticed.
TOLERANCE = 0.5

# What may differ between the trials of one recording.
_PER_TRIAL = {"duration", "attended", "audio", "eeg_clock", "subject", "story", "name"}


def check_list(sounds: Any) -> None:
    """Raise a TypeError for one path in the place of a list of sounds."""
    if isinstance(sounds, str | PathLike):
        raise TypeError(f"the sounds of a trial must be a list, got the path {sounds}: wrap it")


def check_request(
    recording: Continuous,
    onset: float,
    duration: float | None,
    n_stimuli: int,
    attended: Any,
    where: str,
) -> None:
    """Raise a ValueError if a trial is impossible, before any signal is read.

    `onset` and `duration` (None if none is asked for) are in seconds, `attended` is None or an
    index into `n_stimuli` sounds, `where` begins the message.
    """
    lasts = recording.n_times / recording.sfreq
    if np.ndim(onset) or np.asarray(onset).dtype.kind not in "iuf":
        raise ValueError(f"{where}onset must be a number of seconds, got {onset!r}")
    if not 0 <= onset < lasts:
        raise ValueError(
            f"{where}onset={onset:g} s lies outside the recording of {lasts:g} s: onsets are times "
            "in raw.times"
        )
    if duration is not None and not 0 < duration < np.inf:
        raise ValueError(f"{where}duration must be a positive number of seconds, got {duration!r}")
    if attended is not None and attended not in range(n_stimuli):
        raise ValueError(f"{where}attended={attended!r} is not an index into {n_stimuli} sounds")


def check_whole(
    recording: Continuous,
    onset: float,
    wanted: float,
    on_bad: str,
    where: str,
    tolerance: float = 0.0,
) -> list[str]:
    """Find what interrupts a trial, before any signal is read.

    The trial begins at `onset` and takes `wanted` seconds of the recording, infinite for as long
    as there is EEG, of which `tolerance` may be missing at its end. Returns what is marked bad in
    it and used all the same, see `on_bad` of `cocktailparty.recordings.trial_from_raw`. Raises a
    ValueError if the recording is interrupted inside the trial, a BadSpanError if something in it
    is marked bad and not to be kept; `where` begins the message.
    """
    rate = recording.sfreq
    first, last = onset * rate, min((onset + wanted) * rate, recording.n_times)
    cut = first_inside([x for x in recording.interruptions if not x.bad], first, last)
    if cut is not None:
        ends_there = wanted == inf or cut.start >= last - tolerance * rate
        if cut.start <= first + 0.5 or not ends_there:
            raise ValueError(
                f"{where}the recording is interrupted at {cut.start / rate:.3f} s ({cut.reason}), "
                f"inside the trial that begins at {onset:g} s: make two trials of it, the second "
                "with what is left of the sounds, or give a duration that ends before"
            )
        last = cut.start
    marked = [x for x in recording.interruptions if x.bad and first_inside([x], first, last)]
    listed = [f"{x.start / rate:.3f}-{x.stop / rate:.3f} s ({x.reason})" for x in marked]
    if marked and on_bad != "keep":
        raise BadSpanError(
            f"{where}the recording is bad at {', '.join(listed[:5])}{', ...' * (len(listed) > 5)}, "
            f"inside the trial that begins at {onset:g} s: set on_bad='keep' to use it all the "
            "same, or on_bad='drop' to leave out such trials of several"
        )
    return listed


def needed(
    error: MissingValuesError, onset: float, n_times: int, before: int, after: int, sfreq: float
) -> str:
    """Say what value is missing or infinite, why the trial needs it, and what to do.

    The trial starts at `onset` seconds and has `n_times` samples at `sfreq` hertz; the filter
    looks at `before` samples before it and `after` samples after it.
    """
    end = onset + n_times / sfreq
    if error.last >= onset and error.first < end:
        return (
            f"{error}, inside the trial from {onset:g} to {end:g} s: interpolate them, or cut the "
            "trial before or after"
        )
    return (
        f"{error}, outside of the trial from {onset:g} to {end:g} s but within the reach of its "
        f"filter, which looks at {before / sfreq:.3g} s before it and {after / sfreq:.3g} s after "
        "it: interpolate them, or mark them as bad by an annotation (BAD_...), where the filter "
        "stops"
    )


def whole_trials(
    cuts: Iterable[Callable[[], Trial]], arguments: Mapping[str, Any]
) -> list[Trial | None]:
    """Call each of `cuts` for a trial, and leave out what is bad or dead, if that is asked for.

    Of the arguments of `cocktailparty.recordings.trial_from_raw`, `on_bad` and `on_flat` matter
    here. Returns the trials in order, with None for those left out; the others know how many these
    are. Warns if trials are left out. Raises a BadSpanError if something in a trial is marked bad
    and such trials are not to be left out, or if none would remain.
    """
    trials: list[Trial | None] = []
    listed: list[str] = []
    on_bad = arguments.get("on_bad", "raise")
    for cut in cuts:
        try:
            trials.append(cut())
        except BadSpanError as error:
            if on_bad != "drop":
                raise
            trials.append(None)
            listed.append(str(error))
    if arguments.get("on_flat") == "drop":
        alive = iter(without_flat([trial for trial in trials if trial is not None]))
        trials = [trial and next(alive) for trial in trials]
    if not listed:
        return trials
    first = listed[0].split(": set on_bad")[0]
    if len(listed) == len(trials):
        raise BadSpanError(f"every trial holds something that is marked bad, the first: {first}")
    note = (
        f"{len(listed)} of {len(trials)} trials were left out, because something in them is marked "
        f"bad; the first: {first}"
    )
    warnings.warn(note, UserWarning, stacklevel=4)
    return [
        trial
        and trial.replace(
            provenance={
                **trial.provenance,
                "warnings": [*trial.provenance.get("warnings", ()), note],
            }
        )
        for trial in trials
    ]


def common_length(
    lengths: dict[str, float], lasts: float, duration: float | None, sfreq: float, where: str
) -> int:
    """Choose the number of samples of a trial at `sfreq` hertz.

    `lengths` are the seconds that each sound lasts, `lasts` those of the EEG, `duration` those
    asked for or None. Raises a ValueError, beginning with `where`, if something is shorter than is
    asked for, or lengths differ by more than 0.5 s.
    """
    everything = {**lengths, "the EEG after the onset": lasts}
    listed = ", ".join(f"{what} {length:.3f} s" for what, length in everything.items())
    if duration is not None:
        n_times = round(duration * sfreq)
        if n_times > min(everything.values()) * sfreq + 0.5:
            raise ValueError(
                f"{where}duration={duration:g} s is longer than the material: {listed}"
            )
        return n_times
    shortest = min(everything.values())
    if lengths and max(lengths.values()) - shortest > TOLERANCE:
        raise ValueError(
            f"{where}lengths differ by more than {TOLERANCE:g} s: {listed}; give the duration of "
            "the trial if that is intended"
        )
    return ceil(shortest * sfreq - 1e-6)


def trial_by_trial(
    sounds: Sequence[Sequence[Any]], onset: list[float], **arguments: Any
) -> list[dict[str, Any]]:
    """Divide the arguments of many trials, and turn sound files into features.

    `sounds` has those of each trial, `onset` their starts in seconds. Returns arguments of
    `cocktailparty.recordings.trial_from_raw` for each trial. Raises a TypeError if the sounds of a
    trial are not a list, a ValueError if numbers of entries disagree.
    """
    n_trials = len(onset)
    columns: dict[str, list[Any]] = {"onset": onset}
    for what in _PER_TRIAL & set(arguments):
        value = arguments.pop(what)
        single = isinstance(value, str | tuple) or not isinstance(value, Iterable)
        columns[what] = [value] * n_trials if single else list(value)
    for what, column in {"sounds": sounds, **columns}.items():
        if len(column) != n_trials:
            raise ValueError(f"{what} has {len(column)} entries for {n_trials} trials")
    for competing in sounds:
        check_list(competing)
    sfreq = arguments.get("sfreq", 64.0)
    envelope = arguments.get("envelope", speech_envelope)

    @cache
    def from_file(path: Path) -> Any:
        return sound_features(path, sfreq, envelope)

    columns["sounds"] = [
        [from_file(Path(s)) if isinstance(s, str | PathLike) else s for s in competing]
        for competing in sounds
    ]
    return [{**arguments, **{k: v[i] for k, v in columns.items()}} for i in range(n_trials)]
