"""Separation of a mixture into files, with a record of what was chosen, and why."""

import json
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from cnmf.steering import NeuroSteeredSeparator
from cocktailparty.backend import to_numpy
from cocktailparty.files import replacing
from cocktailparty.trial import Trial
from cocktailparty.versions import versions

# Frequencies above this one hold little that a figure of a mixture has to show.
_HIGHEST = 8000.0
_RANGE = 70.0  # of the spectrogram, in decibels

# Formats of samples that are written.
SUBTYPES = ("FLOAT", "PCM_16", "PCM_24")


def separate_and_report(
    separator: NeuroSteeredSeparator,
    audio: Any,
    audio_sfreq: float,
    out: Path | str,
    *,
    eeg: Any = None,
    guide: Any = None,
    sfreq: float,
    parts: Any = None,
    names: Sequence[str] | None = None,
    source: str | None = None,
    subtype: str = "FLOAT",
    scale_peaks: bool = False,
) -> dict[str, Any]:
    """Separate a mixture by EEG or by a guide, and write audio, figure and a record.

    Parameters
    ----------
    separator : NeuroSteeredSeparator
        Fitted if it is to be steered by EEG.
    audio : array of shape (n_samples,) or (n_samples, n_audio_channels)
        Mixture.
    audio_sfreq : float
        Its sampling rate in hertz, a whole number, as audio files have it.
    out : path-like
        Folder for `attended.wav`, `rest.wav`, `separation.png` and `separation.json`; made if it
        is missing.
    eeg : array of shape (n_times, n_channels), optional
        EEG that starts and ends with the mixture, preprocessed as in training.
    guide : array of shape (n_times,) or (n_times, n_features), optional
        Loudness of the attended sound over time, instead of EEG.
    sfreq : float
        Sampling rate of the EEG or guide in hertz.
    parts : sequence of array or of tuple of (array, rate), optional
        2 to 8 sounds of which one is attended; see `cocktailparty.separation.steer`.
    names : sequence of str, optional
        Names of the parts for the record, such as their files.
    source : str, optional
        Name of the mixture for the record, such as its file.
    subtype : {"FLOAT", "PCM_16", "PCM_24"}
        Format of the samples in the files. Integers end at full scale, and what is louder is cut:
        a warning says so.
    scale_peaks : bool
        If anything is louder than full scale, divide both sounds by the largest peak.

    Returns
    -------
    record : dict
        Contents of `separation.json`: the choice and its confidence, in words and in numbers.

    Raises
    ------
    ValueError
        If not exactly one of `eeg` and `guide` is given, or an array, rate or subtype is unfit.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> noise = np.random.default_rng(0).normal(size=16000)
    >>> beat = np.repeat(np.arange(64) % 8 == 0, 250) * 1.0
    >>> separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = separate_and_report(
    ...         separator, noise * (0.1 + beat), 16000, folder, guide=beat[::250], sfreq=64)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['attended.wav', 'rest.wav', 'separation.json', 'separation.png']
    """
    if (eeg is None) == (guide is None):
        raise ValueError("give either eeg or guide: one of them has to say what is attended")
    if audio_sfreq != int(audio_sfreq):
        raise ValueError(f"audio_sfreq must be a whole number of hertz, got {audio_sfreq!r}")
    if subtype not in SUBTYPES:
        raise ValueError(f"subtype must be one of {SUBTYPES}, got {subtype!r}")
    audio = to_numpy(audio, "audio")
    steered_by = "EEG" if guide is None else "guide"
    if eeg is not None:
        guide = separator.reconstruct(Trial(eeg, None, sfreq))
    sounds = separator.separate_by_guide(audio, audio_sfreq, guide, sfreq, parts)
    gain, peaks, told = _gain(sounds, subtype, scale_peaks)

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for sound, name in zip(sounds, ("attended", "rest"), strict=True):
        _write_audio(out / f"{name}.wav", gain * sound, int(audio_sfreq), subtype)
    with replacing(out / "separation.png") as temporary:
        plot_separation(audio, sounds, audio_sfreq).savefig(temporary, dpi=120)
    record = {"input": source, **_record(separator, sounds, audio, audio_sfreq, steered_by, names)}
    record |= {"subtype": subtype, "peaks": peaks, "gain": gain}
    record["notes"] += told
    with replacing(out / "separation.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    return record


def plot_separation(audio: Any, parts: Any, audio_sfreq: float) -> Any:
    """Draw the spectrograms of a mixture and of its two parts.

    Parameters
    ----------
    audio : array of shape (n_samples,) or (n_samples, n_audio_channels)
        Mixture.
    parts : array of shape (2, n_samples) or (2, n_samples, n_audio_channels)
        Attended and rest.
    audio_sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels on one scale, in decibels below the loudest point of the mixture.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=8000)
    >>> figure = plot_separation(noise, np.stack([noise, noise]) / 2, 8000)
    >>> [axes.get_title() for axes in figure.axes[:3]]
    ['mixture', 'attended', 'rest']
    """
    from matplotlib.figure import Figure

    from cocktailparty.separation.masking import magnitude, spectrogram

    # About 2000 columns at most: more than the figure has pixels would only cost time.
    n_fft = 2 * round(0.064 * audio_sfreq / 2)
    hop = max(n_fft // 4, -(-len(audio) // 2000))
    signals = [audio, *parts]
    levels = []
    for signal in signals:
        spectra = magnitude(spectrogram(to_numpy(signal, "audio"), n_fft, min(hop, n_fft // 2)))
        levels.append(spectra[:: max(1, round(hop / min(hop, n_fft // 2)))])
    loudest = max(float(levels[0].max()), 1e-12)
    highest = min(_HIGHEST, audio_sfreq / 2)
    n_rows = int(highest / audio_sfreq * n_fft) + 1
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True, sharey=True)
    extent = (0.0, len(audio) / audio_sfreq, 0.0, highest / 1000)
    for axes, level, name in zip(panels, levels, ("mixture", "attended", "rest"), strict=True):
        decibels = 20 * np.log10(np.maximum(level[:, :n_rows].T / loudest, 1e-12))
        image = axes.imshow(
            decibels,
            origin="lower",
            aspect="auto",
            extent=extent,
            vmin=-_RANGE,
            vmax=0.0,
            cmap="magma",
        )
        axes.set_title(name)
        axes.set_ylabel("frequency (kHz)")
    panels[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=list(panels), label="level (dB)")
    return figure


def _gain(
    sounds: Any, subtype: str, scale_peaks: bool
) -> tuple[float, dict[str, float], list[str]]:
    """Factor for both sounds, the peak of each, and what there is to tell of it."""
    levels = (float(np.max(np.abs(sound), initial=0.0)) for sound in sounds)
    peaks = dict(zip(("attended", "rest"), levels, strict=True))
    largest = max(peaks.values())
    if largest <= 1 or scale_peaks:
        return 1 / max(largest, 1.0), peaks, []
    loud = ", ".join(f"{name} {peak:.3g}" for name, peak in peaks.items() if peak > 1)
    cut = "kept in floating point" if subtype == "FLOAT" else f"cut at full scale in {subtype}"
    note = (
        f"Peaks above full scale: {loud}; {cut}. scale_peaks (--scale-peaks) divides both sounds "
        "by the larger."
    )
    if subtype != "FLOAT":
        warn(note, stacklevel=3)
    return 1.0, peaks, [note]


def _write_audio(path: Path, part: np.ndarray, rate: int, subtype: str) -> None:
    import soundfile

    try:
        with replacing(path) as temporary:
            soundfile.write(temporary, part, rate, subtype=subtype)
    except soundfile.SoundFileRuntimeError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _record(
    separator: NeuroSteeredSeparator,
    parts: Any,
    audio: Any,
    audio_sfreq: float,
    steered_by: str,
    names: Sequence[str] | None,
) -> dict[str, Any]:
    attention, steered = separator.attention_, separator.steered_
    power = float(np.sum(np.square(audio, dtype=np.float64)))
    share = float(np.sum(np.square(parts[0], dtype=np.float64))) / power if power else 0.0
    correlation = attention.correlation
    chosen, seed = attention.chosen.tolist(), separator.random_state
    what = f"Components {chosen} follow"
    if steered is not None:
        names = names or [f"{i + 1}" for i in range(len(attention.weights))]
        what = f"Part {', '.join(names[i] for i in chosen)} follows"
    if attention.confidence < 0.5:
        why = (
            "The evidence is no stronger than chance gives: the output stays close to the mixture. "
            "A longer mixture or a better guide is needed."
        )
    else:
        why = (
            f"{what} the {steered_by} better than chance allows, and the output goes as far "
            "towards it as it does so reliably."
        )
    if attention.confidence >= 0.5 and not chosen:
        why = (
            f"Something in the mixture follows the {steered_by}, but what is not clear: the output "
            "stays close to the mixture."
        )
    return {
        "steered_by": steered_by,
        "duration": len(audio) / audio_sfreq,
        "audio_sfreq": float(audio_sfreq),
        "confidence": attention.confidence,
        "p_value": attention.p_value,
        "correlation": None if np.isnan(correlation) else correlation,
        "chosen": chosen,
        "parts": None if steered is None else list(names or ()),
        "remainder": None if steered is None or np.isinf(r := steered.remainder) else r,
        "lag": separator.lag_,
        "artefacts": [list(artefact) for artefact in separator.artefacts_],
        "notes": list(separator.notes_),
        "seed": seed if isinstance(seed, Integral) else None,
        "probabilities": attention.probabilities.tolist(),
        "weights": attention.weights.tolist(),
        "share_of_power": share,
        "why": why,
        "n_fft": separator.n_fft_,
        "hop": separator.hop_,
        "versions": versions(),
    }
