"""Separation of a mixture into files, with a record of what was chosen, and why."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from cnmf.steering import NeuroSteeredSeparator
from cocktailparty.backend import to_numpy
from cocktailparty.files import replacing
from cocktailparty.separation.blocks import frame_blocks, n_frames, spectrogram_frames
from cocktailparty.separation.masking import magnitude
from cocktailparty.trial import Trial
from cocktailparty.versions import versions

# Frequencies above this one hold little that a figure of a mixture has to show.
_HIGHEST = 8000.0
_RANGE = 70.0  # of the spectrogram, in decibels

NAMES = ("attended", "rest")

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
    # The sounds are computed in blocks: to look at their peaks, and to write them.
    blocks = separator.blocks_by_guide(audio, audio_sfreq, guide, sfreq, parts)
    levels, share = _levels_of(blocks, audio)
    gain, peaks, told = _gain(levels, subtype, scale_peaks)

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"{name}.wav" for name in NAMES]
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    _write_audio(files, blocks, gain, int(audio_sfreq), channels, subtype)
    with replacing(out / "separation.png") as temporary:
        written = [_Written(file, gain, audio.shape) for file in files]
        plot_separation(audio, written, audio_sfreq).savefig(temporary, dpi=120)
    record = {
        "input": source,
        **_record(separator, len(audio), audio_sfreq, share, steered_by, names),
    }
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
        Attended and rest. Sounds are looked at by slices: any may lie in a file.
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

    # About 2000 columns at most: more than the figure has pixels would only cost time.
    n_fft = 2 * round(0.064 * audio_sfreq / 2)
    hop = max(n_fft // 4, -(-len(audio) // 2000))
    levels = [_columns(signal, n_fft, hop) for signal in (audio, *parts)]
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


def _columns(signal: Any, n_fft: int, hop: int) -> np.ndarray:
    """Magnitudes of frames that are about `hop` samples apart, (n_columns, n_freqs)."""
    step = min(hop, n_fft // 2)
    every = max(1, round(hop / step))
    total = n_frames(len(signal), step)
    if every > 1:
        pieces = [(k, k + 1) for k in range(0, total, every)]
    else:
        pieces = list(frame_blocks(total))
    columns = [magnitude(spectrogram_frames(signal, *piece, n_fft, step)) for piece in pieces]
    return np.concatenate(columns)


class _Written:
    """A sound of (n_samples,) or (n_samples, n_audio_channels) in a file, read by slices."""

    def __init__(self, path: Path, gain: float, shape: tuple[int, ...]) -> None:
        self.path, self.gain, self.shape = path, gain, shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, samples: slice) -> np.ndarray:
        import soundfile

        start, stop, _ = samples.indices(len(self))
        found, _ = soundfile.read(self.path, start=start, stop=stop, always_2d=True)
        found = found[:, 0] if len(self.shape) == 1 else found
        return found / self.gain


def _levels_of(blocks: Any, audio: np.ndarray) -> tuple[list[float], float]:
    """Peaks of attended and rest, and the share of the attended in the power of the mixture."""
    peaks, attended, power, done = np.zeros(2), 0.0, 0.0, 0
    for block in blocks:
        mixture = audio[done : done + block.shape[1]]
        done += block.shape[1]
        peaks = np.maximum(peaks, np.abs(block).reshape(2, -1).max(axis=1, initial=0.0))
        attended += float(np.sum(np.square(block[0], dtype=np.float64)))
        power += float(np.sum(np.square(mixture, dtype=np.float64)))
    return peaks.tolist(), attended / power if power else 0.0


def _gain(
    levels: list[float], subtype: str, scale_peaks: bool
) -> tuple[float, dict[str, float], list[str]]:
    """Factor for both sounds, the peak of each, and what there is to tell of it."""
    peaks = dict(zip(NAMES, levels, strict=True))
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


def _write_audio(
    files: list[Path], blocks: Any, gain: float, rate: int, channels: int, subtype: str
) -> None:
    """Write attended and rest, times `gain`, block by block."""
    with ExitStack() as stack:
        temporary = [stack.enter_context(replacing(file)) for file in files]
        opened = [
            stack.enter_context(_new_wav(path, rate, channels, subtype)) for path in temporary
        ]
        for block in blocks:
            for path, file, sound in zip(files, opened, block, strict=True):
                with _named_errors(path):
                    file.write(gain * sound)


def _new_wav(path: Path, rate: int, channels: int, subtype: str) -> Any:
    import soundfile

    with _named_errors(path):
        return soundfile.SoundFile(path, "w", rate, channels, subtype)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Name the file that could not be written."""
    import soundfile

    try:
        yield
    except soundfile.SoundFileRuntimeError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _unseparated(attention: Any, share: float) -> str:
    """Say what the output is where nothing was chosen; all weights may be the same."""
    weights = attention.weights
    if share > 0 and weights.min() > 10**-0.05 * weights.max():
        return f"attended.wav is the mixture, {-10 * np.log10(share):.0f} dB quieter"
    return "the output stays close to the mixture"


def _record(
    separator: NeuroSteeredSeparator,
    n_samples: int,
    audio_sfreq: float,
    share: float,
    steered_by: str,
    names: Sequence[str] | None,
) -> dict[str, Any]:
    attention, steered = separator.attention_, separator.steered_
    correlation = attention.correlation
    chosen, seed = attention.chosen.tolist(), separator.random_state
    what = f"Components {chosen} follow"
    if steered is not None:
        names = names or [f"{i + 1}" for i in range(len(attention.weights))]
        what = f"Part {', '.join(names[i] for i in chosen)} follows"
    if attention.confidence < 0.5:
        why = (
            f"The evidence is no stronger than chance gives: {_unseparated(attention, share)}. "
            "A longer mixture or a better guide is needed."
        )
    else:
        why = (
            f"{what} the {steered_by} better than chance allows, and the output goes as far "
            "towards it as it does so reliably."
        )
    if attention.confidence >= 0.5 and not chosen:
        why = (
            f"Something in the mixture follows the {steered_by}, but what is not clear: "
            f"{_unseparated(attention, share)}."
        )
    return {
        "steered_by": steered_by,
        "duration": n_samples / audio_sfreq,
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
