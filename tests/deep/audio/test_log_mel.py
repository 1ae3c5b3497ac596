import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from deep.audio.log_mel import LogMel, mel_filters
from deep.contrastive.panns import front_of


@pytest.mark.parametrize(
    "front", [front_of(32000, True), front_of(16000, True), front_of(8000)], ids=str
)
def test_levels_are_those_of_librosa(rng, front):
    n = round(0.3 * front["sfreq"])
    # A falling spectrum, as sounds have it.
    x = np.convolve(rng.normal(size=n), [1, 0.9], "same") * np.hanning(n)
    x = (0.1 * x / x.std()).astype(np.float32)
    theirs = librosa.feature.melspectrogram(
        y=x.astype(float), sr=front["sfreq"], n_fft=front["n_fft"], hop_length=front["hop"],
        n_mels=front["n_mels"], fmin=front["f_min"], fmax=front["f_max"], pad_mode="reflect",
    )  # fmt: skip
    theirs = librosa.power_to_db(theirs, ref=1.0, amin=1e-10, top_db=None)
    np.testing.assert_allclose(LogMel(**front)(jnp.asarray(x)), theirs.T, atol=1e-4, rtol=0)


def test_silence_is_at_the_floor():
    levels = LogMel(8000, 256, 80, 40, 50, 4000)(jnp.zeros(800))
    np.testing.assert_allclose(levels, -100, atol=1e-4)


def test_filters_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        mel_filters(8000, 256, 40, 50, 4000)[:] = 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((8000, 256, 80, 40, 50, 5000), "do not fit below half the sampling rate of 8000 Hz"),
        ((8000, 256, 80, 40, 500, 400), "mel bands from 500 to 400 Hz"),
        ((8000, 256, 80, 256, 0, 4000), "256 mel bands .* too narrow for frames of 256 samples"),
    ],
)
def test_bands_that_cannot_be_are_refused(args, message):
    with pytest.raises(ValueError, match=message):
        LogMel(*args)
