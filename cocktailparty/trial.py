"""The unit that every decoder takes: EEG of one listening trial and the sounds that played."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import uuid4

import numpy as np

from cocktailparty.backend import as_array, holds_objects, namespace, to_numpy
from cocktailparty.notebook import facts_table, some_of
from cocktailparty.streams import checked_streams
from cocktailparty.validation import (
    check_finite,
    check_time_first,
    constant_columns,
    float_array,
)


@dataclass(frozen=True, eq=False, repr=False)
class Trial:
    """One listening trial: EEG and the stimuli that played, on one clock.

    A trial is checked once, when it is made, so that no decoder has to check it again. Arrays are
    kept as they come (NumPy or CuPy, float32 stays float32) and are not copied.

    Parameters
    ----------
    eeg : array of shape (n_times, n_channels)
        Recording in volts (or any unit: the decoders learn the scale).
    stimuli : array of shape (n_stimuli, n_times, n_features), or sequence of arrays
        What the brain may follow (envelopes, spectrograms, ...) of each sound, aligned with `eeg`.
        A two-dimensional array is taken as (n_stimuli, n_times), an array of a sequence as
        (n_times,) or (n_times, n_features). None if only the mixture `audio` is known: such a
        trial can be separated, not decoded.
    sfreq : float
        Sampling rate of `eeg` and `stimuli` in hertz.
    attended : int, optional
        Index into `stimuli` of the attended sound; None if unknown.
    subject : str
        Who listened.
    story : str
        What was heard; trials of one story never lie on both sides of a story split.
    name : str
        Label of the trial in tables and messages.
    channel_names : sequence of str, optional
        One name per channel, as in MNE; needed for topographies.
    audio : array of shape (n_samples,) or (n_samples, n_audio_channels), optional
        Waveform that was played, the mixture.
    audio_sfreq : float, optional
        Sampling rate of `audio` in hertz.
    channel_positions : array of shape (n_channels, 3), optional
        Places of the electrodes in metres: x to the right ear, y to the nose, z up (the head
        coordinates of MNE); NaN for channels without a place. Without them, maps of the head go by
        the names, see `cocktailparty.electrodes.montages`.
    provenance : mapping of str to object
        What loader and preprocessing did, such as file, original rate, reference and filters, in
        values that JSON can hold; see `cocktailparty.provenance`.
    metadata : mapping of str to str, int, float, bool or None
        Whatever else is known of the trial, such as the signal-to-noise ratio or the age of the
        listener. No decoder sees it; tables of results have it as columns.
    streams : mapping of str to Trial
        Other bands of the EEG, with the features that go with them, of the same listening and the
        same stimuli at a whole multiple of `sfreq`; see `cocktailparty.preprocessing.with_streams`.
        A copy with other EEG, stimuli or rate has them only if they are given as well.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a channel or stimulus is constant, or a label
        or rate is impossible. The message names the trial, what came and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trial = Trial(rng.normal(size=(640, 4)), rng.random((2, 640)), sfreq=64, attended=0)
    >>> trial
    Trial(10.0 s at 64 Hz, 4 channels, 2 stimuli x 1 feature, attended 0)
    >>> trial.stimuli.shape
    (2, 640, 1)
    """

    eeg: Any
    stimuli: Any
    sfreq: float
    attended: int | None = None
    subject: str = ""
    story: str = ""
    name: str = ""
    channel_names: Sequence[str] | None = None
    audio: Any = None
    audio_sfreq: float | None = None
    channel_positions: Any = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, "Trial"] = field(default_factory=dict)

    # Whether it was cut out of a trial. In a segment of a valid trial a talker may pause all the
    # time, or a channel be flat; in a whole trial either is a mistake.
    _is_segment = False
    # What may be constant: in a segment, "eeg" and "stimuli", unless they were replaced by such.
    _may_rest = frozenset[str]()
    # The same for all segments of a trial, which are one decision of attention.
    _origin = ""

    def __post_init__(self) -> None:
        where = f"trial {self.name!r}: " if self.name else ""
        # The class is frozen: what validation normalises is written past the guard, once.
        for name, value in _validated(self, where).items():
            object.__setattr__(self, name, value)

    @property
    def n_times(self) -> int:
        """Number of EEG samples."""
        return int(self.eeg.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of EEG channels."""
        return int(self.eeg.shape[1])

    @property
    def n_stimuli(self) -> int:
        """Number of competing sounds."""
        return int(self.stimuli.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features of each sound."""
        return int(self.stimuli.shape[2])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_times / self.sfreq

    @property
    def origin(self) -> str:
        """Mark shared by all segments that `crop` cut from one trial; empty if whole."""
        # A whole trial that is changed is another one: templates are filled so.
        return self._origin if self._is_segment else ""

    @property
    def label(self) -> str:
        """Subject, story and name, as far as they are known."""
        parts = dict.fromkeys(part for part in (self.subject, self.story, self.name) if part)
        return "/".join(parts)

    def __repr__(self) -> str:
        counts = [
            f"{self.duration:.1f} s at {self.sfreq:g} Hz",
            _plural(self.n_channels, "channel"),
            f"{_plural(self.n_stimuli, 'stimulus', 'stimuli')} x "
            f"{_plural(self.n_features, 'feature')}",
            f"attended {'unknown' if self.attended is None else self.attended}",
            *(f"{name} at {stream.sfreq:g} Hz" for name, stream in self.streams.items()),
        ]
        return f"Trial({', '.join(([repr(self.label)] if self.label else []) + counts)})"

    def _repr_html_(self) -> str:
        eeg = f"{self.duration:.1f} s at {self.sfreq:g} Hz, {_plural(self.n_channels, 'channel')}"
        stimuli = (
            f"{self.n_stimuli}, with {_plural(self.n_features, 'feature')} each"
            if self.n_stimuli
            else "not known, only the mixture"
        )
        facts: dict[str, Any] = {
            "subject": self.subject,
            "story": self.story,
            "EEG": eeg,
            "channels": some_of(self.channel_names or ()),
            "stimuli": stimuli,
            "attended": "unknown" if self.attended is None else self.attended,
        }
        if self.audio is not None and self.audio_sfreq is not None:
            facts["audio"] = (
                f"{len(self.audio) / self.audio_sfreq:.1f} s at {self.audio_sfreq:g} Hz"
            )
        known = (f"{name} = {value}" for name, value in self.metadata.items())
        facts["metadata"] = some_of(known, n=8)
        return facts_table(f"Trial {self.name}".rstrip(), facts)

    def replace(self, **changes: Any) -> "Trial":
        """Copy the trial with some fields changed, checked anew.

        Parameters
        ----------
        **changes : object
            New values of any constructor parameters.

        Returns
        -------
        Trial
            The changed trial; unchanged arrays are shared. A changed segment remains a segment of
            its trial, in which only what was silent or flat before may be so.

        Raises
        ------
        TypeError
            If there is no parameter of that name.
        ValueError
            If the changed trial is not valid.

        Examples
        --------
        >>> import numpy as np
        >>> trial = Trial(np.random.default_rng(0).normal(size=(64, 2)), None, sfreq=64)
        >>> trial.replace(subject="S1").subject
        'S1'
        """
        return self._made(changes, self._is_segment, self._resting(changes), self.origin)

    def crop(self, start: float = 0.0, stop: float | None = None) -> "Trial":
        """Cut a segment of time out of the trial.

        Parameters
        ----------
        start : float
            First moment kept, in seconds.
        stop : float, optional
            First moment not kept, in seconds; None for the end.

        Returns
        -------
        Trial
            EEG, stimuli and audio between the two moments. In a segment, a stimulus may be silent
            and a channel flat, if they are not in the whole. Segments of one trial are one
            decision of attention, see `cocktailparty.evaluation.units`.

        Raises
        ------
        ValueError
            If the segment does not lie inside the trial.

        Examples
        --------
        >>> import numpy as np
        >>> trial = Trial(np.random.default_rng(0).normal(size=(640, 2)), None, sfreq=64)
        >>> trial.crop(2.0, 5.0).duration
        3.0
        """
        stop = self.duration if stop is None else stop
        if not 0 <= start < stop <= self.duration + 0.5 / self.sfreq:
            raise ValueError(
                f"cannot crop to {start:g}-{stop:g} s: the trial lasts {self.duration:g} s"
            )
        first, last = round(start * self.sfreq), round(stop * self.sfreq)
        audio = self.audio
        if audio is not None and self.audio_sfreq is not None:
            scale = self.audio_sfreq / self.sfreq
            audio = audio[round(first * scale) : round(last * scale), ...]
        segment = {"eeg": self.eeg[first:last, :], "stimuli": self.stimuli[:, first:last, :]}
        if not self._origin:
            object.__setattr__(self, "_origin", uuid4().hex)
        ends = first / self.sfreq, last / self.sfreq
        streams = {name: stream.crop(*ends) for name, stream in self.streams.items()}
        changes = {**segment, "audio": audio, "streams": streams}
        return self._made(changes, True, frozenset({"eeg", "stimuli"}), self._origin)

    def with_samples(self, eeg: Any, stimuli: Any) -> "Trial":
        """Make a segment of a trial like this one from other samples.

        Parameters
        ----------
        eeg : array of shape (n_times, n_channels)
            Other EEG of the same channels.
        stimuli : array of shape (n_stimuli, n_times, n_features)
            Other stimuli.

        Returns
        -------
        Trial
            A segment, as from `crop`, in which a stimulus may be silent and a channel flat.

        Raises
        ------
        ValueError
            If shapes disagree or a value is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> trial = Trial(np.random.default_rng(0).normal(size=(64, 2)), np.eye(2, 64), sfreq=64)
        >>> trial.with_samples(np.zeros((32, 2)), np.zeros((2, 32, 1))).duration
        0.5
        """
        changes = {"eeg": eeg, "stimuli": stimuli, "audio": None, "audio_sfreq": None}
        return self._made(changes, True, frozenset({"eeg", "stimuli"}), self.origin)

    def _resting(self, changes: dict[str, Any]) -> frozenset[str]:
        """Tell what may be constant in a copy: what is not changed, and what already was so."""
        known = {
            "eeg": lambda: bool(constant_columns(self.eeg)),
            "stimuli": lambda: any(map(_is_silent, self.stimuli)),
        }
        return frozenset(name for name in self._may_rest if name not in changes or known[name]())

    def _made(
        self, changes: dict[str, Any], is_segment: bool, may_rest: frozenset[str], origin: str
    ) -> "Trial":
        """Copy with some fields changed, checked as a whole trial or as a segment of one."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        unknown = sorted(changes.keys() - known.keys())
        if unknown:
            raise TypeError(f"a Trial has no {unknown}, only {sorted(known)}")
        if changes.keys() & {"eeg", "stimuli", "sfreq"}:
            # Other bands of what was replaced would no longer belong to it.
            changes = {"streams": {}, **changes}
        made = object.__new__(type(self))
        internal = {"_is_segment": is_segment, "_may_rest": may_rest, "_origin": origin}
        for name, value in {**known, **changes, **internal}.items():
            object.__setattr__(made, name, value)
        made.__post_init__()
        return made


def _is_rate(x: Any) -> bool:
    return isinstance(x, int | float | np.number) and bool(np.isfinite(x)) and float(x) > 0


def _plural(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _validated(trial: Trial, where: str) -> dict[str, Any]:
    """Fields of a trial in their final form, or the error that names what is wrong."""
    if not _is_rate(trial.sfreq):
        raise ValueError(f"{where}sfreq must be a positive number of hertz, got {trial.sfreq!r}")
    eeg = float_array(trial.eeg, f"{where}eeg")
    if eeg.ndim != 2:
        single = ": a single channel is eeg[:, None]" if eeg.ndim == 1 else ""
        raise ValueError(
            f"{where}eeg must have shape (n_times, n_channels), got {tuple(eeg.shape)}{single}"
        )
    n_times, n_channels = eeg.shape
    if n_channels == 0:
        raise ValueError(f"{where}eeg has no channels")
    if n_times < 2:
        raise ValueError(f"{where}eeg has {n_times} sample(s), at least 2 are needed")
    check_finite(eeg, f"{where}eeg")
    names = _checked_names(trial.channel_names, eeg.shape, where)
    if names is None and trial.channel_positions is None and not trial._is_segment:
        check_time_first(eeg.shape, f"{where}eeg")  # nobody said what a channel is
    flat = [] if "eeg" in trial._may_rest else constant_columns(eeg)
    if flat:
        shown = [names[i] for i in flat] if names else flat
        raise ValueError(
            f"{where}eeg channel(s) {shown} are constant: interpolate or drop them first"
        )
    stimuli = _checked_stimuli(trial.stimuli, eeg, where, "stimuli" in trial._may_rest)
    attended = trial.attended
    if attended is not None:
        if isinstance(attended, bool) or not isinstance(attended, int | np.integer):
            raise ValueError(f"{where}attended must be an integer or None, got {attended!r}")
        if not 0 <= attended < stimuli.shape[0]:
            raise ValueError(
                f"{where}attended={attended} is not an index into {stimuli.shape[0]} stimuli"
            )
        attended = int(attended)
    audio = _checked_audio(trial, n_times / trial.sfreq, where)
    return {
        "sfreq": float(trial.sfreq),
        "eeg": eeg,
        "stimuli": stimuli,
        "attended": attended,
        "subject": str(trial.subject),
        "story": str(trial.story),
        "name": str(trial.name),
        "channel_names": names,
        "audio": audio,
        "channel_positions": _checked_positions(trial.channel_positions, n_channels, where),
        "provenance": dict(trial.provenance),
        "metadata": _checked_metadata(trial.metadata, where),
        "streams": checked_streams(
            trial.streams, float(trial.sfreq), n_times, int(stimuli.shape[0]), where
        ),
    }


def _is_silent(stimulus: Any) -> bool:
    # A single silent band is ordinary, a stimulus without any variation is a mistake.
    return len(constant_columns(stimulus)) == stimulus.shape[1]


def _checked_stimuli(stimuli: Any, eeg: Any, where: str, may_rest: bool) -> Any:
    n_times = eeg.shape[0]
    if stimuli is None:
        return namespace(eeg).zeros((0, n_times, 1))
    if isinstance(stimuli, list | tuple) or _holds_arrays(stimuli):
        stimuli = _stacked(list(stimuli), where)
    stimuli = float_array(stimuli, f"{where}stimuli")
    if stimuli.ndim == 2:
        stimuli = stimuli[:, :, None]
    if stimuli.ndim != 3:
        raise ValueError(
            f"{where}stimuli must have shape (n_stimuli, n_times, n_features), got "
            f"{tuple(stimuli.shape)}{': a single sound is a list of one' * (stimuli.ndim == 1)}"
        )
    if stimuli.shape[1] != n_times:
        check_time_first(eeg.shape, f"{where}eeg", stimuli.shape[1])
        if stimuli.shape[2] == n_times:
            raise ValueError(
                f"{where}stimuli have shape {tuple(stimuli.shape)}, with the {n_times} samples of "
                "eeg last: expected (n_stimuli, n_times, n_features), swap the last two axes"
            )
        if stimuli.shape[0] == n_times and stimuli.shape[2] == 1:
            raise ValueError(
                f"{where}stimuli have shape {tuple(stimuli.shape)}, with the {n_times} samples of "
                "eeg first: expected (n_stimuli, n_times, n_features), pass the transpose of two "
                "axes, or a list of one array for each stimulus"
            )
        raise ValueError(
            f"{where}stimuli have {stimuli.shape[1]} samples but eeg has {n_times}: align and crop "
            "them to the same length and rate first"
        )
    if stimuli.shape[2] == 0:
        raise ValueError(f"{where}stimuli have no features")
    namespace(eeg, stimuli)  # a trial half on the GPU would be moved silently later on
    check_finite(stimuli, f"{where}stimuli")
    for i in range(0 if may_rest else stimuli.shape[0]):
        if _is_silent(stimuli[i, ...]):
            raise ValueError(
                f"{where}stimulus {i} is constant: is its audio silent or missing? If its talker "
                "only pauses, cut this part out of the whole trial by Trial.crop"
            )
    return stimuli


def _holds_arrays(stimuli: Any) -> bool:
    """Tell an object array, or a column of pandas, whose items are the stimuli."""
    return holds_objects(stimuli) and bool(stimuli.ndim == 1)


def _stacked(stimuli: list[Any], where: str) -> Any:
    """Stimuli that came one by one as an array, those of one axis as a single feature."""
    arrays = [as_array(s, f"{where}stimuli[{i}]") for i, s in enumerate(stimuli)]
    lengths = [s.shape[0] if s.ndim else 0 for s in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"{where}stimuli differ in length: {lengths} samples")
    if {s.ndim for s in arrays} == {1, 2}:
        arrays = [s[:, None] if s.ndim == 1 else s for s in arrays]
    if len({tuple(s.shape) for s in arrays}) > 1:
        raise ValueError(
            f"{where}stimuli differ in shape: {[tuple(s.shape) for s in arrays]}, expected the "
            "same number of features of all"
        )
    return namespace(*arrays).stack(arrays) if arrays else stimuli


def _checked_audio(trial: Trial, duration: float, where: str) -> Any:
    if trial.audio is None:
        return None
    if trial.audio_sfreq is None or not _is_rate(trial.audio_sfreq):
        raise ValueError(
            f"{where}audio needs audio_sfreq, a positive number of hertz, got {trial.audio_sfreq!r}"
        )
    audio = float_array(trial.audio, f"{where}audio")
    if audio.ndim not in (1, 2):
        raise ValueError(
            f"{where}audio must have shape (n_samples,) or (n_samples, n_audio_channels), "
            f"got {audio.shape}"
        )
    check_finite(audio, f"{where}audio")
    lasts = audio.shape[0] / trial.audio_sfreq
    if abs(lasts - duration) > 2 / trial.sfreq:
        raise ValueError(
            f"{where}audio lasts {lasts:g} s but eeg lasts {duration:g} s: align and crop them"
        )
    return audio


def _checked_names(names: Any, shape: tuple[int, ...], where: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    names = tuple(str(name) for name in names)
    n_times, n_channels = shape
    if len(names) != n_channels:
        turned = ""
        if len(names) == n_times:
            turned = f": it has shape {tuple(shape)}, time is expected first, pass eeg.T"
        raise ValueError(f"{where}{len(names)} channel_names for {n_channels} eeg channels{turned}")
    if len(set(names)) != n_channels:
        raise ValueError(f"{where}channel_names are not unique")
    return names


def _checked_metadata(metadata: Any, where: str) -> dict[str, Any]:
    if not isinstance(metadata, Mapping):
        raise ValueError(f"{where}metadata must be a mapping of names to values, got {metadata!r}")
    checked = {}
    for name, value in metadata.items():
        value = value.item() if isinstance(value, np.generic) else value
        kind = isinstance(value, str | int | float | bool | None)
        if not isinstance(name, str) or not name or not kind:
            raise ValueError(
                f"{where}metadata must have names of text, and text, numbers, true, false or None "
                f"as values, got {name!r}: {value!r}"
            )
        checked[name] = value
    return checked


def _checked_positions(positions: Any, n_channels: int, where: str) -> np.ndarray | None:
    if positions is None:
        return None
    positions = to_numpy(positions, f"{where}channel_positions").astype(float)
    if positions.shape != (n_channels, 3):
        raise ValueError(
            f"{where}channel_positions must have shape (n_channels, 3), here ({n_channels}, 3), "
            f"got {positions.shape}"
        )
    known = ~np.isnan(positions).any(axis=1)
    # Half a metre from the middle of the head is no electrode: millimetres or centimetres.
    if known.any() and not np.linalg.norm(positions[known], axis=1).max() < 0.5:
        raise ValueError(
            f"{where}channel_positions must be in metres, got distances from the origin of up to "
            f"{np.linalg.norm(positions[known], axis=1).max():g}"
        )
    return positions if known.any() else None
