"""Recordings of MNE-Python and audio files, turned into preprocessed trials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.causal import check_phase
from cocktailparty.electrodes.montages import recorded_positions
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass, check_band, check_duration, filter_reach
from cocktailparty.provenance import of_recording, of_sounds, passed_filter
from cocktailparty.recordings.audio.reading import equal_features, read_audio, waveform
from cocktailparty.recordings.clock import ClockDrift, clock_drift
from cocktailparty.recordings.eeg import Continuous, MissingValuesError, check_raw, read_eeg
from cocktailparty.recordings.events import event_times
from cocktailparty.recordings.flat_channels import check_flat, check_on_flat, flat_columns
from cocktailparty.recordings.formats.stored_rates import check_stored_rates
from cocktailparty.recordings.formats.xdf import read_xdf
from cocktailparty.recordings.interruptions import check_on_bad
from cocktailparty.recordings.trial_requests import (
    TOLERANCE,
    check_list,
    check_request,
    check_whole,
    common_length,
    needed,
    trial_by_trial,
    whole_trials,
)
from cocktailparty.suspicions import in_volts, odd_names, stated_band, suspicions, warn_of
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial
from cocktailparty.validation import check_rate

if TYPE_CHECKING:
    import mne

__all__ = [
    "ClockDrift",
    "clock_drift",
    "event_times",
    "read_audio",
    "read_eeg",
    "read_xdf",
    "trial_from_raw",
    "trials_from_epochs",
    "trials_from_raw",
]

# The causal filter sees the EEG before a trial for as many times half its memory: what was before
# that is below rounding.
_WARMED = 4


def trial_from_raw(
    raw: "mne.io.BaseRaw",
    sounds: Sequence[Any],
    onset: float = 0.0,
    *,
    duration: float | None = None,
    attended: int | None = None,
    audio: Any = None,
    sfreq: float = 64.0,
    l_freq: float | None = 1.0,
    h_freq: float | None = 9.0,
    filter_stimuli: bool = True,
    phase: str = "zero",
    reference: str | Sequence[str] | None = "average",
    picks: str | Sequence[str] = "eeg",
    eeg_clock: float = 1.0,
    on_bad: str = "raise",
    on_flat: str = "raise",
    envelope: Callable[..., Any] = speech_envelope,
    subject: str = "",
    story: str = "",
    name: str = "",
) -> Trial:
    """Cut one trial out of a continuous recording, preprocessed and aligned with its sounds.

    In this order: channels are picked, bad ones left out and the rest re-referenced; the EEG is
    resampled against aliasing onto the clock of the sounds, starting exactly at the onset; EEG
    and features of the sounds pass the same zero-phase filter at the new rate; all are cut to one
    length. The EEG before and after the trial takes part in resampling and filtering, up to the
    ends of the recording, to its interruptions and to what is marked bad, so that the ends of a
    trial are as good as its middle. Only the segment that is needed is read from disk.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording, preloaded or not. Projectors that are not yet applied are left so.
    sounds : sequence of path, (array, float) or array
        The competing sounds: audio files, pairs of waveform (n_samples,) and its rate in hertz, or
        features (n_times,) or (n_times, n_features) that are already sampled at `sfreq`. Each
        starts at the onset. Empty if the sounds are unknown.
    onset : float
        Moment in `raw.times` at which the sounds start, in seconds.
    duration : float, optional
        Length of the trial in seconds; None for the length of the sounds.
    attended : int, optional
        Index into `sounds` of the attended one.
    audio : path or (array, float), optional
        What was played, the mixture; kept as a waveform with the trial.
    sfreq : float
        Sampling rate of the trial in hertz.
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz; None leaves that side open.
    filter_stimuli : bool
        Pass the features through the filter of the EEG, so that both live in one band.
    phase : {"zero", "causal"}
        Filters that look at both sides of a sample, or only back, as those of a device that decodes
        while the sounds play, see `cocktailparty.preprocessing.preprocess`. "causal" is handed to
        `cocktailparty.features.speech_envelope` as well; another `envelope` answers for itself.
    reference : "average", sequence of str, or None
        Average of all picked channels; or mean of the named channels (such as mastoids), which are
        then left out; or as recorded.
    picks : str or sequence of str
        Channel type, or names in the wanted order. BioSemi files call external electrodes EEG,
        too: name the channels, or set the types of the others by `raw.set_channel_types`.
    eeg_clock : float
        Seconds that pass on the EEG's clock in one second of the sounds', as found by
        `clock_drift`.
    on_bad : "raise", "keep" or "drop"
        What to do if a segment that an annotation marks as bad (``BAD_...``) lies inside the trial:
        an error; use it like all others; or an error here, which `trials_from_raw` answers by
        leaving the trial out.
    on_flat : "raise", "drop" or "keep"
        What to do with channels that are constant in the trial as it was recorded, before a new
        reference hides it: an error; leave them out, and out of the average reference; or use
        them, such as a recorded reference that is zero.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).
    subject, story, name : str
        Labels of the trial.

    Returns
    -------
    trial : Trial
        EEG in volts. It has the length of the shortest sound; if nothing but EEG is given, it
        lasts to the end of the recording.

    Raises
    ------
    TypeError
        If `raw` is not an MNE recording, or `sounds` no list of sounds.
    ValueError
        If a parameter is impossible, the onset lies outside the recording, the sounds differ by
        more than 0.5 s in length from each other or last that much beyond the EEG while no
        duration is given, something is shorter than the given duration, the recording is shorter
        than the filter, it is interrupted or marked bad inside the trial, see
        `cocktailparty.recordings.interruptions`, a channel is constant, or a value is not finite
        that lies in the trial or within the filter's reach of it.
    OSError
        If an audio file is missing or broken.

    Warns
    -----
    RecordingWarning
        If the EEG as it was recorded looks wrong, see `cocktailparty.suspicions`. The warnings are
        kept with the trial, and stand in reports.

    See Also
    --------
    trials_from_raw : The same for many trials.
    clock_drift : Measures `eeg_clock` from triggers.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> info = mne.create_info(["Fz", "Cz", "Pz"], 256, "eeg")
    >>> raw = mne.io.RawArray(1e-6 * rng.normal(size=(3, 30 * 256)), info, verbose="WARNING")
    >>> speech = [(rng.normal(size=20 * 8000), 8000) for _ in range(2)]
    >>> trial_from_raw(raw, speech, onset=5, attended=0)
    Trial(20.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 0)
    """
    where = f"trial {name!r}: " if name else ""
    check_phase(phase)
    envelope = _of_phase(envelope, phase)
    recording = Continuous(raw, picks, reference)
    check_list(sounds)
    check_on_bad(on_bad)
    check_on_flat(on_flat)
    check_rate(sfreq, "sfreq")
    check_band(min(sfreq, recording.stored_sfreq), l_freq, h_freq)
    check_request(recording, onset, duration, len(sounds), attended, where)
    if not 0.9 < eeg_clock < 1.1:
        raise ValueError(
            f"{where}eeg_clock={eeg_clock!r} must be close to 1: it is the ratio of two clocks"
        )
    features = equal_features(sounds, sfreq, envelope, where)
    mixture = None if audio is None else waveform(audio)
    step = eeg_clock * recording.sfreq / sfreq
    first = onset * recording.sfreq
    lengths = {f"sounds[{i}]": len(feature) / sfreq for i, feature in enumerate(features)}
    if mixture is not None:
        lengths["audio"] = len(mixture[0]) / mixture[1]
    wanted = min([*lengths.values(), inf] if duration is None else [duration])
    tolerance = TOLERANCE if duration is None else 0.0
    kept = check_whole(recording, onset, eeg_clock * wanted, on_bad, where, tolerance)
    start, stop = recording.span(first, on_bad == "keep")
    n_eeg = ceil((stop - first) / step - 1e-6)  # the trial may end exactly with the recording
    n_times = common_length(lengths, n_eeg / sfreq, duration, sfreq, where)

    values, filtered = _recorded_and_filtered(
        recording,
        _Place(onset, eeg_clock, sfreq, n_times, n_eeg, start, stop),
        l_freq,
        h_freq,
        phase,
        where,
    )
    flat, doubts = _looked_at(recording, values, filtered, (sfreq, l_freq, h_freq), on_flat, where)
    eeg, names = recording.rereferenced(filtered, flat)
    if filter_stimuli:
        for i, feature in enumerate(features):
            if phase == "zero":
                check_duration(len(feature) / sfreq, sfreq, l_freq, h_freq, f"{where}sounds[{i}]")
            features[i] = bandpass(feature, sfreq, l_freq, h_freq, phase)
    found = {"kept_bad": kept, "flat": flat, "warnings": doubts}
    origin = {
        **of_recording(raw, names, reference),
        "eeg_sfreq": recording.stored_sfreq,
        **of_sounds(sounds, envelope),
        "positions": "the recording",
        **{what: items for what, items in found.items() if items},
    }
    band = (recording.stored_sfreq, sfreq, l_freq, h_freq)
    return Trial(
        eeg,
        [feature[:n_times] for feature in features] or None,
        sfreq,
        attended=attended,
        subject=subject,
        story=story,
        name=name,
        channel_names=names,
        audio=None if mixture is None else mixture[0][: round(n_times / sfreq * mixture[1])],
        audio_sfreq=None if mixture is None else mixture[1],
        channel_positions=recorded_positions(raw, names),
        provenance=passed_filter(origin, *band, stimuli=filter_stimuli, phase=phase),
    )


def trials_from_raw(
    raw: "mne.io.BaseRaw", onsets: Any, sounds: Sequence[Sequence[Any]], **arguments: Any
) -> list[Trial]:
    """Cut many trials out of a continuous recording.

    However long the pauses between trials are, only what belongs to a trial is read and filtered.
    A sound file that several trials share is analysed once.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording, preloaded or not.
    onsets : array-like of shape (n_trials,), or MNE events of shape (n_trials, 3)
        When the sounds start: seconds in `raw.times`, or rows as `mne.find_events` and
        `mne.events_from_annotations` return them.
    sounds : sequence of sequences
        The competing sounds of each trial, see `trial_from_raw`.
    **arguments : object
        Further arguments of `trial_from_raw`. Of `duration`, `attended`, `audio`, `eeg_clock`,
        `subject`, `story` and `name`, a list or array has an entry for each trial; a single value
        holds for all.

    Returns
    -------
    trials : list of Trial
        In the order of the onsets, without those that ``on_bad="drop"`` leaves out, and without
        channels that ``on_flat="drop"`` leaves out of one of them.

    Raises
    ------
    TypeError
        If `raw` is not an MNE recording, or an argument is unknown.
    ValueError
        If numbers of entries disagree, or a trial is impossible, see `trial_from_raw`.
    OSError
        If an audio file is missing or broken.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> info = mne.create_info(["Fz", "Cz", "Pz"], 256, "eeg")
    >>> raw = mne.io.RawArray(1e-6 * rng.normal(size=(3, 30 * 256)), info, verbose="WARNING")
    >>> envelopes = rng.random((2, 2, 10 * 64))
    >>> trials_from_raw(raw, [2.0, 15.0], envelopes, attended=[0, 1], story=["a", "b"])
    [Trial('a', 10.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 0),
     Trial('b', 10.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 1)]
    """
    check_raw(raw)
    arguments = _all_of_phase(arguments)
    onsets = to_numpy(onsets, "onsets")
    if onsets.ndim == 2 and onsets.shape[1] == 3:
        onsets = (onsets[:, 0] - raw.first_samp) / raw.info["sfreq"]
    if onsets.ndim != 1:
        raise ValueError(
            "onsets must have shape (n_trials,), in seconds, or (n_trials, 3), as MNE events; got "
            f"{onsets.shape}"
        )
    requests = trial_by_trial(sounds, onset=onsets.tolist(), **arguments)
    with shown_once():
        trials = whole_trials(
            (partial(trial_from_raw, raw, **request) for request in requests),
            arguments,
        )
    return _with_sounds(trials, sounds, arguments["envelope"])


def trials_from_epochs(
    epochs: "mne.BaseEpochs", sounds: Sequence[Sequence[Any]], **arguments: Any
) -> list[Trial]:
    """Turn epochs into trials, the sounds of which start at time 0 of each epoch.

    An epoch is filtered by itself; beyond its ends it is continued by reflection. Epochs that
    start before and stop after the sounds by `filter_reach` make trials as good as those of
    `trials_from_raw`.

    Parameters
    ----------
    epochs : mne.Epochs
        One epoch for each trial; bad ones must be dropped already.
    sounds : sequence of sequences
        The competing sounds of each trial, see `trial_from_raw`.
    **arguments : object
        Further arguments, as for `trials_from_raw`.

    Returns
    -------
    trials : list of Trial
        In the order of the epochs.

    Raises
    ------
    TypeError
        If `epochs` are not MNE epochs, or an argument is unknown.
    ValueError
        If numbers of entries disagree, epochs are shorter than the filter, or a trial is
        impossible, see `trial_from_raw`.
    OSError
        If an audio file is missing or broken.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> info = mne.create_info(["Fz", "Cz", "Pz"], 256, "eeg")
    >>> data = 1e-6 * rng.normal(size=(2, 3, 14 * 256))
    >>> epochs = mne.EpochsArray(data, info, tmin=-2, verbose="WARNING")
    >>> trials_from_epochs(epochs, rng.random((2, 2, 10 * 64)), attended=0)
    [Trial(10.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 0),
     Trial(10.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 0)]
    """
    import mne

    if not isinstance(epochs, mne.BaseEpochs):
        raise TypeError(
            f"epochs must be MNE Epochs, got {type(epochs).__name__}: read files by "
            "mne.read_epochs, and pass continuous recordings to trials_from_raw"
        )
    arguments = _all_of_phase(arguments)
    check_stored_rates(None if epochs.preload else epochs._raw, "epochs")
    requests = trial_by_trial(sounds, onset=[-epochs.times[0]] * len(epochs), **arguments)
    with shown_once():
        # To the filter, an epoch is a short recording.
        trials = whole_trials(
            (
                partial(trial_from_raw, _alone(epochs, data, marks), **request)
                for data, marks, request in zip(
                    epochs, epochs.get_annotations_per_epoch(), requests, strict=True
                )
            ),
            arguments,
        )
    return _with_sounds(trials, sounds, arguments["envelope"])


def _looked_at(
    recording: Continuous,
    values: np.ndarray,
    filtered: np.ndarray,
    band: tuple[float, float | None, float | None],
    on_flat: str,
    where: str,
) -> tuple[list[str], list[str]]:
    """Names of flat channels, and what is suspicious of the others, which is warned of."""
    both = recording.names + recording.references
    still = flat_columns(values)
    flat = [both[i] for i in still]
    flat = check_flat(flat, recording.references, len(recording.names), on_flat, where)
    live = [i for i in range(len(both)) if i not in still]
    doubts = suspicions(
        values[:, live],
        filtered[:, live],
        [both[i] for i in live],
        *band,
        volts=in_volts(recording.raw, both),
        stated=stated_band(recording.raw),
    )
    if recording.by_type:  # who names channels knows them
        doubts += odd_names(recording.names)
    warn_of(doubts)
    return flat, doubts


@dataclass(frozen=True)
class _Place:
    """Where a trial lies in a recording: `start` and `stop` bound, in samples, what may be seen.

    The trial has `n_times` samples at `sfreq` hertz; up to `stop` there are `n_eeg`.
    """

    onset: float
    clock: float
    sfreq: float
    n_times: int
    n_eeg: int
    start: int
    stop: int


def _recorded_and_filtered(
    recording: Continuous,
    place: _Place,
    l_freq: float | None,
    h_freq: float | None,
    phase: str,
    where: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the channels of a trial, and filter them with what is around it in the recording.

    Returns the signals before and after the filter, (n_times, n_channels + n_references) each.
    """
    sfreq, n_times = place.sfreq, place.n_times
    step = place.clock * recording.sfreq / sfreq
    first = place.onset * recording.sfreq
    reach = round(filter_reach(sfreq, l_freq, h_freq, phase) * sfreq)
    before, after = floor((first - place.start) / step), 0
    if phase == "causal":
        before = min(_WARMED * reach, before)
    else:
        before, after = min(reach, before), min(reach, place.n_eeg - n_times)
        length = (before + n_times + after) / sfreq
        check_duration(length, sfreq, l_freq, h_freq, f"{where}the EEG of the trial")
    try:
        if phase == "causal":
            begin = max(place.start, floor(first - step * (before + 1)))
            moments = range(-before, n_times)
            values = recording.heard(place.onset, place.clock, sfreq, moments, begin, place.stop)
        else:
            positions = first + step * np.arange(-before, n_times + after)
            values = recording.recorded(positions, step, place.start, place.stop)
    except MissingValuesError as error:
        asked = needed(error, place.onset, n_times, before, after, sfreq)
        raise ValueError(f"{where}{asked}") from error
    within = slice(before, before + n_times)
    return values[within], bandpass(values, sfreq, l_freq, h_freq, phase)[within]


def _of_phase(envelope: Callable[..., Any], phase: str) -> Callable[..., Any]:
    """Hand the phase on to `speech_envelope`, if it is the envelope and is not told already."""
    causal = phase == "causal" and envelope is speech_envelope
    return partial(speech_envelope, phase=phase) if causal else envelope


def _all_of_phase(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Hand the phase in keywords of `trial_from_raw` on to their envelope."""
    envelope = arguments.get("envelope", speech_envelope)
    return {**arguments, "envelope": _of_phase(envelope, arguments.get("phase", "zero"))}


def _alone(epochs: "mne.BaseEpochs", data: np.ndarray, marks: list[Any]) -> "mne.io.BaseRaw":
    """Turn an epoch into a recording, with its annotations."""
    import mne

    raw = mne.io.RawArray(data, epochs.info, verbose="WARNING")
    for onset, duration, text in (mark[:3] for mark in marks):
        start = max(onset - epochs.tmin, 0.0)
        left = max(onset - epochs.tmin + duration - start, 0.0)
        raw.annotations.append(start, min(left, raw.times[-1] - start), text)
    return raw


def _with_sounds(
    trials: Sequence[Trial | None], sounds: Sequence[Sequence[Any]], envelope: Callable[..., Any]
) -> list[Trial]:
    """Name the files that features were computed from before a trial was cut."""
    return [
        trial.replace(provenance={**trial.provenance, **of_sounds(competing, envelope)})
        for trial, competing in zip(trials, sounds, strict=True)
        if trial is not None
    ]
