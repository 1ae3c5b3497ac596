import numpy as np
import pytest

from cocktailparty.features import following_waveform


def test_following_waveform_keeps_a_missing_fundamental():
    time = np.arange(16000) / 8000
    voice = sum(np.cos(2 * np.pi * 120 * k * time) for k in (8, 9, 10, 11))
    wave = following_waveform(voice, 8000, 512)[:, 0]
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.fft.rfftfreq(len(wave), 1 / 512)[spectrum.argmax()] == pytest.approx(120, abs=1)
    with pytest.raises(ValueError, match=r"sfreq=128 Hz does not hold .* more than 440 Hz"):
        following_waveform(voice, 8000, 128)
