"""Waveform that following responses of the brain keep pace with."""

from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.features.envelope import resample
from cocktailparty.features.waveform import check_waveform
from cocktailparty.validation import check_rate


def following_waveform(
    audio: Any, audio_sfreq: float, sfreq: float, l_freq: float = 70.0, h_freq: float = 220.0
) -> np.ndarray:
    """Rectify a sound and keep the range of the voice's pitch, at the sampling rate of the EEG.

    Brainstem and cortex follow the single pulses of a voice. A half-wave rectified sound holds
    them also where the fundamental itself is missing, as the firing of the auditory nerve does.
    It takes the place of `speech_envelope` wherever that is a parameter, such as in
    `cocktailparty.recordings.trial_from_raw`.

    Parameters
    ----------
    audio : array of shape (n_samples,)
        Waveform.
    audio_sfreq, sfreq : float
        Sampling rates of the audio and of the result, in hertz.
    l_freq, h_freq : float
        Edges of the pass band in hertz (zero-phase Butterworth filter of fourth order).

    Returns
    -------
    ndarray of shape (n_times, 1)
        With n_times = ceil(n_samples * sfreq / audio_sfreq); float32 if the audio is.

    Raises
    ------
    ValueError
        If the audio is not one channel of finite samples, or the band does not fit below half of
        either rate.

    References
    ----------
    Etard, O., Kegler, M., Braiman, C., Forte, A. E., & Reichenbach, T. (2019). Decoding of
    selective attention to continuous speech from the human auditory brainstem response.
    NeuroImage, 200, 1-11. https://doi.org/10.1016/j.neuroimage.2019.06.029

    Kulasingham, J. P., Brodbeck, C., Presacco, A., Kuchinsky, S. E., Anderson, S., & Simon, J. Z.
    (2020). High gamma cortical processing of continuous speech in younger and older listeners.
    NeuroImage, 222, 117291. https://doi.org/10.1016/j.neuroimage.2020.117291

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=2 * 8000)
    >>> following_waveform(noise, 8000, 512).shape
    (1024, 1)
    """
    from scipy.signal import butter, sosfiltfilt

    audio = to_numpy(check_waveform(audio, audio_sfreq), "audio")
    check_rate(sfreq, "sfreq")
    if not 0 < l_freq < h_freq:
        raise ValueError(f"l_freq={l_freq!r} and h_freq={h_freq!r} must be positive, in order")
    for rate, what in ((audio_sfreq, "audio_sfreq"), (sfreq, "sfreq")):
        if rate <= 2 * h_freq:
            raise ValueError(
                f"{what}={rate:g} Hz does not hold the band of {l_freq:g}-{h_freq:g} Hz: more than "
                f"{2 * h_freq:g} Hz are needed"
            )
    sos = butter(2, [l_freq, h_freq], "bandpass", fs=audio_sfreq, output="sos")
    pulses = sosfiltfilt(sos, np.maximum(audio, 0), padlen=min(len(audio) - 1, 1000))
    return np.asarray(resample(pulses[:, None].astype(audio.dtype), audio_sfreq, sfreq))
