import numpy as np
import pytest
import soundfile

from cocktailparty.features import speech_envelope
from cocktailparty.recordings.audio.reading import (
    audio_duration,
    read_audio,
    sound_features,
    waveform,
)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_read_audio_averages_the_channels(tmp_path, rng, suffix):
    stereo = rng.uniform(-0.5, 0.5, size=(4000, 2))
    soundfile.write(tmp_path / f"a.{suffix}", stereo, 8000)
    audio, sfreq = read_audio(tmp_path / f"a.{suffix}")
    assert (audio.dtype, audio.shape, sfreq) == (np.float32, (4000,), 8000.0)
    np.testing.assert_allclose(audio, stereo.mean(axis=1), rtol=0, atol=2**-15)
    channels, _ = read_audio(tmp_path / f"a.{suffix}", mono=False)
    np.testing.assert_allclose(channels, stereo, rtol=0, atol=2**-15)


def test_read_audio_names_missing_broken_and_empty_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"audio file .*no\.wav does not exist"):
        read_audio(tmp_path / "no.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF and nothing that follows")
    for function in (read_audio, audio_duration):
        with pytest.raises(OSError, match=r"broken\.wav cannot be read .* convert it to wav or"):
            function(tmp_path / "broken.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with pytest.raises(OSError, match=r"empty\.wav holds no samples"):
        read_audio(str(tmp_path / "empty.wav"))


def test_sound_features_of_a_file_a_waveform_and_features_agree(tmp_path, rng):
    noise = rng.uniform(-0.5, 0.5, size=16000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, 8000, subtype="FLOAT")
    expected = speech_envelope(noise, 8000, 64)
    for sound in (tmp_path / "a.wav", str(tmp_path / "a.wav"), (noise, 8000), expected):
        np.testing.assert_array_equal(sound_features(sound, 64), expected)
    assert sound_features(expected[:, 0], 64).shape == (128, 1)


def test_sound_features_takes_another_envelope(rng):
    bands = sound_features(
        (rng.normal(size=8000), 8000), 64, lambda a, a_sfreq, s: np.ones((5, int(s)))
    )
    assert bands.shape == (5, 64)


def test_a_silent_file_is_named(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 8000)
    with pytest.raises(ValueError, match=r"audio file .*silent\.wav: audio is constant"):
        sound_features(tmp_path / "silent.wav", 64)


def test_what_is_no_sound_is_refused(rng):
    with pytest.raises(TypeError, match=r"a path or a pair .* got ndarray"):
        waveform(rng.normal(size=100))
    with pytest.raises(TypeError, match=r"a path, a pair .* got list"):
        sound_features([1.0, 2.0], 64)
    with pytest.raises(ValueError, match=r"pass one channel"):
        sound_features((rng.normal(size=(100, 2)), 8000), 64)
    with pytest.raises(ValueError, match="features must have shape"):
        sound_features(rng.normal(size=(2, 100, 1)), 64)
