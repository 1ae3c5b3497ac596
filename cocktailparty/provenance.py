"""Provenance of the signals of a trial, and the text for a methods section that follows from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from cocktailparty.trial import Trial
from cocktailparty.validation import same_rate

__all__ = ["methods_text", "of_recording", "of_sounds", "passed_filter"]

# At most this many names are listed in the text; the trials hold all of them.
_LISTED = 8
# Units of channels that are not potentials.
_UNITS = {"mag": "T", "grad": "T/m"}


def of_recording(
    raw: Any, names: Sequence[str], reference: str | Sequence[str] | None
) -> dict[str, Any]:
    """Describe where the EEG of a trial comes from.

    `names` are the channels kept from `raw`, `reference` the one they were given ("average",
    names, or None). The entries are `eeg_file` and `eeg_unit` (if it was read from a file),
    `eeg_sfreq` in hertz, `recorded_band` in hertz as the file states it, `reference`, and `bads`,
    channels left out as bad.

    Examples
    --------
    >>> import mne
    >>> import numpy as np
    >>> info = mne.create_info(["Fz", "Cz", "M1"], 256, "eeg")
    >>> raw = mne.io.RawArray(np.zeros((3, 256)), info, verbose="WARNING")
    >>> of_recording(raw, ["Fz", "Cz"], ["M1"])["reference"]
    'mean of M1'
    """
    if reference is None:
        text = "as recorded"
    elif isinstance(reference, str):
        text = f"{reference} of the picked channels"
    else:
        text = f"mean of {', '.join(reference)}"
    files = [Path(file).name for file in raw.filenames if file]
    # MNE scales what it reads from a file to SI units.
    units = {_UNITS.get(kind, "V") for kind in raw.get_channel_types(names)} if files else set()
    unit = {"eeg_unit": units.pop()} if len(units) == 1 else {}
    if not files and raw.info["description"]:
        files = [Path(raw.info["description"]).name]  # of `raw_from_array`
    return {
        **({"eeg_file": ", ".join(dict.fromkeys(files))} if files else {}),
        **unit,
        "eeg_sfreq": float(raw.info["sfreq"]),
        "recorded_band": [float(raw.info["highpass"]), float(raw.info["lowpass"])],
        "reference": text,
        "bads": list(raw.info["bads"]),
    }


def of_sounds(sounds: Iterable[Any], envelope: Callable[..., Any]) -> dict[str, Any]:
    """Describe where the stimuli of a trial come from: `sound_files`, if any, and `features`.

    `sounds` are those of `cocktailparty.recordings.trial_from_raw`, `envelope` the function that
    made features of them.

    Examples
    --------
    >>> from functools import partial
    >>> from cocktailparty.features import speech_envelope
    >>> of_sounds(["a/target.wav"], partial(speech_envelope, power=0.6))
    {'sound_files': ['target.wav'], 'features': 'speech_envelope(power=0.6)'}
    """
    sounds = list(sounds)
    files = [Path(sound).name for sound in sounds if isinstance(sound, str | PathLike)]
    waveforms = any(isinstance(sound, str | PathLike | tuple) for sound in sounds)
    described: dict[str, Any] = {"sound_files": files} if files else {}
    if sounds:
        described["features"] = _called(envelope) if waveforms else "as given"
    return described


def passed_filter(
    provenance: Mapping[str, Any],
    before: float,
    after: float,
    l_freq: float | None,
    h_freq: float | None,
    *,
    stimuli: bool = True,
    phase: str = "zero",
) -> dict[str, Any]:
    """Add a filter to the end of the `filters` of a provenance.

    `before` and `after` are the sampling rates, `l_freq` and `h_freq` the edges of the pass band,
    all in hertz; `stimuli` says whether the stimuli passed it, too, and `phase` is "zero" or
    "causal".

    Examples
    --------
    >>> passed_filter({}, 512, 64, 1, 9)["filters"][0]["sfreq"]
    64.0
    """
    step = {
        "from_sfreq": float(before),
        "sfreq": float(after),
        "l_freq": None if l_freq is None else float(l_freq),
        "h_freq": None if h_freq is None else float(h_freq),
        "stimuli": stimuli,
        **({} if phase == "zero" else {"phase": phase}),
    }
    return {**provenance, "filters": [*provenance.get("filters", ()), step]}


def methods_text(trials: Sequence[Trial]) -> list[str]:
    """Say in sentences what was done to trials, as far as their `provenance` tells.

    The sentences are points of a list: files, channels, reference, bad channels, filters,
    features, positions, and warnings. What the trials do not tell is said to be unknown.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from cocktailparty.preprocessing import preprocess
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=8, random_state=0).trials
    >>> print(methods_text(preprocess(trials, 32, 1, 9))[-2])  # doctest: +ELLIPSIS
    EEG and stimuli were band-passed to 1-9 Hz (zero-phase FIR) and resampled from 64 to 32 Hz.
    """
    known = [trial.provenance for trial in trials]
    text = [_files(known), _channels(trials)]
    reference = _values(known, "reference")
    text.append(
        f"Reference of the EEG: {'; '.join(reference)}."
        if reference
        else "The reference of the EEG is not stated by the data."
    )
    bads = sorted({name for entry in known for name in entry.get("bads", ())})
    if any("bads" in entry for entry in known):
        text.append(
            "Left out as bad (in some trials at least): " + _listed(bads) + "."
            if bads
            else "No channel was marked bad."
        )
    if flat := _values(known, "flat"):
        text.append(f"Left out because they were constant in some trial: {_listed(flat)}.")
    features = _values(known, "features")
    if features:
        text.append(f"Features of the sounds: {'; '.join(features)}.")
    text += _filters(known)
    if kept := _values(known, "kept_bad"):
        text.append(f"Used although it is marked bad: {_listed(kept)}.")
    text += [f"Warning of the loader: {note}" for note in _values(known, "warnings")]
    text.append("Nothing was normalised across trials before the decoders.")
    return text


def _files(known: Sequence[Mapping[str, Any]]) -> str:
    eeg = _values(known, "eeg_file")
    sounds = _values(known, "sound_files")
    if not eeg and not sounds:
        source = _values(known, "source")
        return f"Source: {'; '.join(source)}." if source else "The files were not recorded."
    parts = [f"EEG from {_listed(eeg)}"] if eeg else []
    parts += [f"sounds from {_listed(sounds)}"] if sounds else []
    return "; ".join(parts) + "."


def _channels(trials: Sequence[Trial]) -> str:
    counts = sorted({trial.n_channels for trial in trials})
    names = [trial.channel_names for trial in trials]
    text = f"{' or '.join(map(str, counts))} channels"
    if names and names[0] is not None and len(set(names)) == 1:
        text += f" ({_listed(names[0])})"
    rates = _values([trial.provenance for trial in trials], "eeg_sfreq")
    bands = _values([trial.provenance for trial in trials], "recorded_band")
    if rates:
        text += f", recorded at {' or '.join(rates)} Hz"
    if len(bands) == 1:
        low, high = next(t.provenance["recorded_band"] for t in trials if t.provenance)
        text += f" with a pass band of {low:g}-{high:g} Hz, as the file states it"
    return text + "."


def _filters(known: Sequence[Mapping[str, Any]]) -> list[str]:
    text = []
    chains = {repr(entry.get("filters")): entry.get("filters") for entry in known}
    for steps in chains.values():
        for step in steps or ():
            what = "EEG and stimuli were" if step["stimuli"] else "The EEG was"
            low, high = step["l_freq"], step["h_freq"]
            # Zero-phase filters of former versions did not say so.
            causal = step.get("phase") == "causal"
            kind = "causal Butterworth" if causal else "zero-phase FIR"
            if low is not None and high is not None:
                band = f"band-passed to {low:g}-{high:g} Hz ({kind})"
            elif low is not None:
                band = f"high-passed at {low:g} Hz ({kind})"
            elif high is not None:
                band = f"low-passed at {high:g} Hz ({kind})"
            else:
                band = "not filtered"
            rate = (
                f"resampled from {step['from_sfreq']:g} to {step['sfreq']:g} Hz"
                if not same_rate(step["from_sfreq"], step["sfreq"])
                else f"kept at {step['sfreq']:g} Hz"
            )
            text.append(f"{what} {band} and {rate}.")
    return list(dict.fromkeys(text)) or ["Filters were not recorded."]


def _values(known: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Different values of one entry, in order of appearance; those of lists one by one."""
    values: dict[str, None] = {}
    for entry in known:
        value = entry.get(key)
        if value is None:
            continue
        several = value if isinstance(value, list | tuple) and key != "recorded_band" else [value]
        values |= dict.fromkeys(f"{x:g}" if isinstance(x, float) else str(x) for x in several)
    return list(values)


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(names[: _LISTED - 1])} and {len(names) - _LISTED + 1} more"


def _called(function: Any) -> str:
    if isinstance(function, partial):
        keywords = ", ".join(f"{key}={value!r}" for key, value in function.keywords.items())
        return f"{_called(function.func)}({keywords})"
    return str(getattr(function, "__name__", type(function).__name__))
