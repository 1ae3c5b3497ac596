import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.clips import AudioClip, read_clip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.arange(1000) / 2000, 100, subtype="FLOAT")
    return str(path)


def test_a_part_is_read(file):
    clip = AudioClip(file, 2.0, 2.5)
    assert clip.rate_and_length() == (100, 50)
    np.testing.assert_allclose(read_clip(clip), np.arange(200, 250) / 2000)
    np.testing.assert_allclose(read_clip(AudioClip(file, 9.5)), np.arange(950, 1000) / 2000)
    assert read_clip(AudioClip(file)).shape == (1000,)
    # An annotation that is rounded up ends with the file.
    assert AudioClip(file, 9.0, 10.01).rate_and_length() == (100, 100)


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "s.wav", np.array([[0.5, 0.0]] * 10), 10, subtype="FLOAT")
    for clip in (AudioClip(str(tmp_path / "s.wav")), AudioClip(str(tmp_path / "s.wav"), 0.2)):
        assert set(read_clip(clip)) == {0.25}


def test_what_cannot_be_read_is_named(file, tmp_path):
    with pytest.raises(ValueError, match=r"the part from 9 s to 11\.0 s lies outside of .*a\.wav"):
        AudioClip(file, 9, 11.0).rate_and_length()
    with pytest.raises(ValueError, match="lies outside"):
        read_clip(AudioClip(file, 5.0, 5.0))
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.wav"):
        read_clip(AudioClip(str(tmp_path / "none.wav"), 1.0))
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(OSError, match=r"text\.wav cannot be read as sound"):
        AudioClip(str(tmp_path / "text.wav")).rate_and_length()
