"""Common frames for guide and spectrogram, which meet the samples of the EEG."""

from math import ceil

import numpy as np
from scipy.ndimage import uniform_filter1d

from cocktailparty.features import resample
from cocktailparty.validation import same_rate

# A guide has nothing to tell in bands of less than this share of its largest power.
_OUTSIDE = 0.01


def frame_grid(audio_sfreq: float, sfreq: float, window: float = 0.064) -> tuple[int, int]:
    """Choose window and step of a spectrogram whose frames meet the samples of a guide.

    From the rates of audio and guide in hertz and a window in seconds: the length of the window
    in samples, even, and the step in samples. The step is the distance of two samples of the guide
    (or the nearest whole number of samples), a whole fraction of it where half a window is
    shorter, or a sixteenth of the window where that is longer. A window of fewer than 16 samples is
    a ValueError.

    Examples
    --------
    >>> frame_grid(16000, 64)
    (1024, 250)
    >>> frame_grid(44100, 64)
    (2822, 689)
    """
    n_fft = 2 * round(window * audio_sfreq / 2)
    if n_fft < 16:
        raise ValueError(
            f"window={window:g} s is {n_fft} samples at {audio_sfreq:g} Hz: make it longer"
        )
    step = audio_sfreq / sfreq
    return n_fft, max(round(step / ceil(step / (n_fft // 2))), n_fft // 16)


def on_frames(guide: np.ndarray, sfreq: float, frame_rate: float, n_frames: int) -> np.ndarray:
    """Bring a guide, (n_times,) at `sfreq` hertz, to frames (n_frames,); both start at time 0.

    The mean is removed; the guide is resampled against aliasing if the rates differ, and zero in
    frames after its end.

    Examples
    --------
    >>> import numpy as np
    >>> on_frames(np.array([1.0, 2.0, 3.0]), 64, 64, 4)
    array([-1.,  0.,  1.,  0.])
    """
    centred = guide - guide[0]  # a constant one becomes exactly zero
    centred = centred - centred.mean()
    if not same_rate(frame_rate, sfreq):
        centred = resample(centred, sfreq, frame_rate)
    frames = np.zeros(n_frames)
    n = min(n_frames, len(centred))
    frames[:n] = centred[:n]
    return frames


def in_band(loudness: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Keep of loudness (n_frames, n_parts) what lies in the pass band of a guide (n_frames,).

    Slow changes of loudness are large, and tell nothing to a guide that has none of them. The mean
    goes, and so do frequencies where the guide has less than 1 % of its largest power, both
    smoothed over a fortieth of all frequencies.

    Examples
    --------
    >>> time = np.arange(640) / 64
    >>> slow, fast = np.sin(2 * np.pi * np.outer([0.2, 4.0], time))
    >>> bool(np.allclose(in_band((slow + fast)[:, None], fast)[:, 0], fast, atol=1e-9))
    True
    """
    spectrum = np.fft.rfft(loudness, axis=0)
    power = np.abs(np.fft.rfft(guide)) ** 2
    width = max(9, len(power) // 40) | 1
    power[1:] = uniform_filter1d(power[1:], width, mode="nearest")
    kept = power >= _OUTSIDE * power[1:].max(initial=0.0)
    kept[0] = False
    filtered: np.ndarray = np.fft.irfft(spectrum * kept[:, None], len(loudness), axis=0)
    return filtered
