import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.lengths import Lengths, stated_lengths

# Bytes of sound in a second of 16 bits.
RATE, SECOND = 8000, 16000


@pytest.fixture(params=["WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "AU", "CAF", "NIST"])
def path(tmp_path, request, rng):
    file = tmp_path / "a.snd"
    noise = rng.uniform(-0.5, 0.5, size=4 * RATE)
    soundfile.write(file, noise, RATE, format=request.param, subtype="PCM_16")
    return file


def test_a_header_that_is_right_says_nothing(path):
    assert stated_lengths(path) is None


@pytest.mark.parametrize("missing", [1000, 3 * SECOND])
def test_bytes_that_are_missing_are_counted(path, missing):
    content = path.read_bytes()
    # Some formats put tables behind the sound.
    path.write_bytes(content[: content.rindex(content[-SECOND:]) + SECOND - missing])
    lengths = stated_lengths(path)
    assert isinstance(lengths, Lengths)
    assert lengths.stated == pytest.approx(4 * SECOND, abs=64)
    assert lengths.stated - lengths.held == pytest.approx(missing, abs=64)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEdata", b"OggS" * 9, b".snd"])
def test_other_files_and_pieces_of_headers_tell_no_length(tmp_path, content):
    (tmp_path / "a.snd").write_bytes(content)
    assert stated_lengths(tmp_path / "a.snd") is None


def test_a_length_that_was_left_open_is_none(tmp_path, rng):
    file = tmp_path / "a.wav"
    soundfile.write(file, rng.uniform(-0.5, 0.5, size=RATE), RATE, subtype="PCM_16")
    content = bytearray(file.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = np.array([0xFFFFFFFF], "<u4").tobytes()
    file.write_bytes(content)
    assert stated_lengths(file) is None
