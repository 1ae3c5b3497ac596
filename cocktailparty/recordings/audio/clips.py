"""Clips of sound files, such as a word or a breath of a longer recording."""

import os
from dataclasses import dataclass

import numpy as np

from cocktailparty.recordings.audio.reading import read_audio


@dataclass(frozen=True)
class AudioClip:
    """A segment of a sound file that is read when it is needed.

    Parameters
    ----------
    path : str
        Sound file of any format that libsndfile reads.
    start : float
        Beginning of the segment in seconds.
    stop : float, optional
        Its end in seconds; None for the end of the file.

    Examples
    --------
    >>> AudioClip("101_1b1_Al_sc_Meditron.wav", 0.036, 0.579).stop
    0.579
    """

    path: str
    start: float = 0.0
    stop: float | None = None

    def rate_and_length(self) -> tuple[float, int]:
        """Look up the rate in hertz and the samples of the segment, without reading these.

        Raises a FileNotFoundError if there is no such file, an OSError if it is not a sound file,
        a ValueError if the segment lies outside.
        """
        import soundfile

        if not os.path.exists(self.path):
            raise FileNotFoundError(f"there is no file {self.path}")
        try:
            info = soundfile.info(self.path)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise OSError(f"{self.path} cannot be read as sound: {error}") from error
        first, last = self._samples(info.samplerate, info.frames)
        return float(info.samplerate), last - first

    def _samples(self, sfreq: float, n_samples: int) -> tuple[int, int]:
        first = round(self.start * sfreq)
        last = n_samples if self.stop is None else round(self.stop * sfreq)
        # Annotations end within a sample of the last one.
        last = n_samples if last == n_samples + 1 else last
        if not 0 <= first < last <= n_samples:
            raise ValueError(
                f"the part from {self.start:g} s to {self.stop} s lies outside of {self.path}, "
                f"which lasts {n_samples / sfreq:g} s"
            )
        return first, last


def read_clip(clip: AudioClip) -> np.ndarray:
    """Read a segment of a sound file as float32, (n_samples,), the mean of its channels.

    Raises a FileNotFoundError if there is no such file, an OSError that names it if it is broken
    or incomplete, a ValueError if the segment lies outside.
    """
    import soundfile

    if clip.start == 0 and clip.stop is None:
        return read_audio(clip.path)[0]
    rate, n_samples = AudioClip(clip.path).rate_and_length()
    first, last = clip._samples(rate, n_samples)
    try:
        audio = soundfile.read(clip.path, last - first, first, dtype="float32", always_2d=True)[0]
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise OSError(f"{clip.path} cannot be read as sound: {error}") from error
    if len(audio) < last - first:
        raise OSError(f"{clip.path} is cut off: it ends before {last / rate:g} s")
    return np.asarray(audio.mean(axis=1))
