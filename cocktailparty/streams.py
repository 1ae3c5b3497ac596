"""Streams: further pairs of a band of the EEG and a feature of the sounds, each at its own rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cocktailparty.validation import check_rate

if TYPE_CHECKING:
    from cocktailparty.trial import Trial


@dataclass(frozen=True)
class Stream:
    """A band of the EEG, and the features of the sounds that go with it.

    Parameters
    ----------
    l_freq, h_freq : float
        Edges of the band in hertz.
    sfreq : float, optional
        Sampling rate of the stream in hertz; None keeps that of the trials.
    features : sequence of int, optional
        Which features of the stimuli belong to it; None for all.

    Raises
    ------
    ValueError
        If a frequency is not positive, or the band does not fit below half the rate.

    Examples
    --------
    >>> Stream(70, 220, 512, features=[1])
    Stream(l_freq=70, h_freq=220, sfreq=512, features=[1])
    """

    l_freq: float
    h_freq: float
    sfreq: float | None = None
    features: Sequence[int] | None = None

    def __post_init__(self) -> None:
        check_rate(self.l_freq, "l_freq")
        check_rate(self.h_freq, "h_freq")
        if self.l_freq >= self.h_freq:
            raise ValueError(f"l_freq={self.l_freq:g} Hz must lie below h_freq={self.h_freq:g} Hz")
        if self.sfreq is not None:
            check_rate(self.sfreq, "sfreq")
            self.check_rate(self.sfreq, "a stream")

    def check_rate(self, sfreq: float, what: str) -> None:
        """Raise a ValueError, with the rate that is needed, if `sfreq` does not hold the band."""
        if sfreq <= 2 * self.h_freq:
            raise ValueError(
                f"{what} of {self.l_freq:g}-{self.h_freq:g} Hz needs a sampling rate of more than "
                f"{2 * self.h_freq:g} Hz, got {sfreq:g} Hz"
            )


def with_streams(trials: Sequence["Trial"], **streams: Sequence["Trial"]) -> list["Trial"]:
    """Join trials with other bands of the same recordings.

    Where a recording is at hand, `cocktailparty.recordings.trials_from_raw` is called once for each
    band, and what it returns is joined here.

    Parameters
    ----------
    trials : sequence of Trial
        Trials that decoders see as ever.
    **streams : sequence of Trial
        By the name of the stream, a trial for each of `trials`: the same listening at a whole
        multiple of its rate, with the same stimuli in the same order.

    Returns
    -------
    joined : list of Trial
        Trials with `streams`, of which the last sample may be cut so that all have one length.

    Raises
    ------
    ValueError
        If numbers of trials or of stimuli disagree, a rate is no multiple, or lengths differ by
        more than a sample.

    Examples
    --------
    >>> import numpy as np
    >>> from cocktailparty import Trial
    >>> rng = np.random.default_rng(0)
    >>> slow = Trial(rng.normal(size=(640, 2)), rng.random((2, 640)), sfreq=64)
    >>> fast = Trial(rng.normal(size=(5120, 2)), rng.random((2, 5120)), sfreq=512)
    >>> with_streams([slow], following=[fast])
    [Trial(10.0 s at 64 Hz, 2 channels, 2 stimuli x 1 feature, attended unknown, following at
    512 Hz)]
    """
    for name, others in streams.items():
        if len(others) != len(trials):
            raise ValueError(f"{len(others)} trials in stream {name!r} for {len(trials)} trials")
    return [
        _joined(trial, {name: others[i] for name, others in streams.items()})
        for i, trial in enumerate(trials)
    ]


def _joined(trial: "Trial", streams: Mapping[str, "Trial"]) -> "Trial":
    factors = {name: _factor(stream, name, trial.sfreq) for name, stream in streams.items()}
    n_times = min([trial.n_times, *(s.n_times // factors[name] for name, s in streams.items())])
    for stream in (trial, *streams.values()):
        if abs(stream.duration - n_times / trial.sfreq) > 1.5 / trial.sfreq:
            raise ValueError(
                f"trial {trial.label!r} and its streams last "
                f"{[s.duration for s in (trial, *streams.values())]} s: cut them to one length"
            )
    end = n_times / trial.sfreq
    cut = {n: s if s.duration == end else _shortened(s, factors[n] * n_times)
           for n, s in streams.items()}  # fmt: skip
    main = trial if trial.n_times == n_times else _shortened(trial, n_times)
    return main.replace(streams=cut)


def _shortened(trial: "Trial", n_times: int) -> "Trial":
    # Not a segment: what is flat or silent in the rest is so in the whole.
    audio = trial.audio
    if audio is not None and trial.audio_sfreq is not None:
        audio = audio[: round(n_times / trial.sfreq * trial.audio_sfreq)]
    return trial.replace(
        eeg=trial.eeg[:n_times, :], stimuli=trial.stimuli[:, :n_times, :], audio=audio
    )


def _factor(stream: "Trial", name: str, sfreq: float) -> int:
    factor = round(stream.sfreq / sfreq)
    if factor < 1 or abs(factor * sfreq - stream.sfreq) > 1e-6 * stream.sfreq:
        raise ValueError(
            f"stream {name!r} is sampled at {stream.sfreq:g} Hz, expected a whole multiple of the "
            f"{sfreq:g} Hz of its trial"
        )
    return factor


def checked_streams(
    streams: Any, sfreq: float, n_times: int, n_stimuli: int, where: str
) -> dict[str, "Trial"]:
    """Check that the streams of a trial belong to it, see `cocktailparty.Trial`; as a new dict."""
    from cocktailparty.trial import Trial

    if not isinstance(streams, Mapping):
        raise ValueError(f"{where}streams must be a mapping of names to trials, got {streams!r}")
    for name, stream in streams.items():
        if not isinstance(name, str) or not name or not isinstance(stream, Trial):
            raise ValueError(
                f"{where}streams must be a mapping of names to trials, got {name!r}: {stream!r}"
            )
        expected = _factor(stream, name, sfreq) * n_times
        if stream.n_times != expected or stream.n_stimuli != n_stimuli:
            raise ValueError(
                f"{where}stream {name!r} has {stream.n_times} samples of {stream.n_stimuli} "
                f"stimuli at {stream.sfreq:g} Hz, expected {expected} samples of {n_stimuli}"
            )
    return dict(streams)
