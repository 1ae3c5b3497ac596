import base64
import warnings
import zlib

import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.mpeg import mpeg_segments
from cocktailparty.recordings.audio.reading import audio_duration, read_audio

RATE = 44100
# A tone from sample 2000 to 2200 of 4000 at 16 kHz, encoded by FFmpeg's mp2 encoder.
MP2 = zlib.decompress(
    base64.b64decode(
        "eNr7/9XiSIqzrlDIHQYGBtHQ0ND42u/3Yeh89bWjG7dd3fg56vr5WT9zar7vzYmWzo2WN11b83P9tOODWPrAf5C/XHSF"
        "gjYB/cW1atWq/Yqf5GU/yvN/stf8dF//s7zxZ3vTz/Hmn/NBBuVk3fi5NvvZ1vWzQOaIHVvbP+vavuyon+sHRDLs6Ma9"
        "2VVQyXe2E5MfO2x6HrRlt/dMxgYUf8n/////RU3/iZr4IzX9J2uWn/5z/PSf62eBqOb9xRLx1El1TG5QY/a5PKg83yax"
        "5oqOh2vYpUCgA9YOJk8v+D9M0yEAnG0LfA=="
    )
)


def sound(seconds=3.0):
    """Quiet at first, so that an encoder of variable rate spends few bits on the first frames."""
    rng = np.random.default_rng(0)
    audio = 0.2 * np.cumsum(rng.normal(size=round(seconds * RATE)) - 0.0)
    audio -= np.convolve(audio, np.ones(200) / 200, mode="same")
    audio *= np.where(np.arange(audio.size) < audio.size / 4, 0.002, 0.5) / np.abs(audio).max()
    return audio


def mp3(path, audio, mode="VARIABLE"):
    with soundfile.SoundFile(
        path, "w", RATE, 1, "MPEG_LAYER_III", bitrate_mode=mode, compression_level=0.3, format="MP3"
    ) as file:
        file.write(audio)
    return path.read_bytes()


def without_header(content):
    """Leave out the first frame, which holds no sound but what others need to know."""
    for tag in (b"Xing", b"Info"):
        if tag in content[:40]:
            return content[content.index(content[:2], 4) :]
    raise AssertionError("the file has no header")


def lag(audio, original):
    n = min(len(audio), len(original))
    spectra = (np.fft.rfft(a[:n], 2 * n) for a in (audio, original))
    return int(np.argmax(np.fft.irfft(next(spectra) * np.conj(next(spectra)))))


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_mp3_without_a_header_is_read_to_its_end_and_in_place(tmp_path, mode):
    original = sound()
    content = mp3(tmp_path / "a.mp3", original, mode)
    (tmp_path / "b.mp3").write_bytes(without_header(content))
    audio, sfreq = read_audio(tmp_path / "b.mp3")
    assert sfreq == RATE
    assert 0 <= len(audio) - len(original) < 2 * 1152  # the encoder fills its last frames
    assert audio_duration(tmp_path / "b.mp3") == pytest.approx(len(audio) / RATE)
    assert lag(audio, original) == 0
    assert np.corrcoef(audio[: len(original)], original)[0, 1] > 0.99
    if mode == "VARIABLE":  # what libsndfile takes the length for
        assert soundfile.info(tmp_path / "b.mp3").frames < 0.6 * len(original)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_a_whole_mp3_is_what_libsndfile_makes_of_it(tmp_path, mode):
    content = mp3(tmp_path / "a.mp3", sound(), mode)
    expected, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    tagged = b"ID3\x03\0\0\0\0\x01\0" + bytes(128) + content + b"TAG" + b"a" * 125 + bytes(100)
    (tmp_path / "tagged.mp3").write_bytes(tagged)
    for name in ("a.mp3", "tagged.mp3"):
        np.testing.assert_array_equal(read_audio(tmp_path / name)[0], expected)
        assert audio_duration(tmp_path / name) == len(expected) / RATE == 3.0


def test_something_foreign_after_the_last_frame_is_no_damage(tmp_path):
    content = mp3(tmp_path / "a.mp3", sound())
    (tmp_path / "b.mp3").write_bytes(content + b"\x01\x02 of another program" * 50)
    assert len(read_audio(tmp_path / "b.mp3")[0]) == 3 * RATE
    (tmp_path / "c.mp3").write_bytes(without_header(content) + b"\x01\x02 of another program" * 50)
    with pytest.raises(OSError, match="belongs to no frame"):  # which may have been the rest of it
        read_audio(tmp_path / "c.mp3")


@pytest.mark.parametrize("rate", [11025, 22050])
def test_lower_rates_and_tags_in_front(tmp_path, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(tmp_path / "a.mp3", tone, rate, format="MP3")
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "b.mp3").write_bytes(b"APETAGEX" + bytes(200) + without_header(content))
    audio, sfreq = read_audio(tmp_path / "b.mp3")
    assert (lag(audio, tone), sfreq) == (0, rate)
    assert 0 <= len(audio) - len(tone) < 3 * 576


def test_joined_mp3_files_are_read_one_after_another(tmp_path):
    content = mp3(tmp_path / "a.mp3", sound()) + b"TAG" + b"a" * 125
    (tmp_path / "b.mp3").write_bytes(content + content)
    once, twice = read_audio(tmp_path / "a.mp3")[0], read_audio(tmp_path / "b.mp3")[0]
    np.testing.assert_array_equal(twice, np.concatenate([once, once]))
    assert audio_duration(tmp_path / "b.mp3") == 6.0


@pytest.mark.parametrize("read", [read_audio, audio_duration])
def test_a_cut_mp3_is_refused_with_both_lengths(tmp_path, read, capfd):
    content = mp3(tmp_path / "a.mp3", sound(), "CONSTANT")
    for part in (0.5, 0.9):
        (tmp_path / "b.mp3").write_bytes(content[: round(part * len(content))])
        with pytest.raises(OSError, match=r"b\.mp3 is incomplete: its header tells of 3\.\d\d s "):
            read(tmp_path / "b.mp3")
    rest = without_header(content)
    (tmp_path / "c.mp3").write_bytes(rest[: len(rest) // 2 + 7])
    with pytest.raises(OSError, match=r"its last frame has \d+ bytes, \d+ are .* after 1\.5\d s"):
        read(tmp_path / "c.mp3")
    assert capfd.readouterr().err == ""  # libmpg123 prints what it thinks of such files


def test_a_hole_in_an_mp3_is_refused(tmp_path):
    content = mp3(tmp_path / "a.mp3", sound(), "CONSTANT")
    middle = len(content) // 2
    (tmp_path / "b.mp3").write_bytes(content[:middle] + bytes(5000) + content[middle + 5000 :])
    with pytest.raises(OSError, match=r"b\.mp3 is damaged: byte \d+ of \d+, after 1\.\d\d s"):
        read_audio(tmp_path / "b.mp3")


def test_an_encoder_that_is_unknown_is_warned_of(tmp_path):
    content = without_header(mp3(tmp_path / "a.mp3", sound(), "CONSTANT"))
    (tmp_path / "b.mp3").write_bytes(content.replace(b"LAME", b"Enc0"))
    with pytest.warns(RuntimeWarning, match=r"b\.mp3 does not say .* 576 \(13 ms\)"):
        audio, _ = read_audio(tmp_path / "b.mp3")
    assert lag(audio, sound()) == 576
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (part,) = mpeg_segments(content, "b")
    assert part.skip == 1105


def test_mp2_is_in_place(tmp_path):
    (tmp_path / "a.mp2").write_bytes(MP2)
    raw, sfreq = soundfile.read(tmp_path / "a.mp2")
    audio, _ = read_audio(tmp_path / "a.mp2")
    original = np.zeros(4000)
    original[2000:2200] = np.sin(2 * np.pi * 1000 * np.arange(200) / 16000)
    assert (lag(raw, original), lag(audio, original), sfreq) == (481, 0, 16000)
    assert len(audio) == 4 * 1152 - 481
    assert audio_duration(tmp_path / "a.mp2") == len(audio) / 16000


def test_mp2_whose_first_frame_is_small_is_read_to_its_end(tmp_path):
    # A frame of 8 kbit/s that holds silence (no bits allocated), then those of 24 kbit/s.
    silent = MP2[:2] + bytes([0x10 | MP2[2] & 0x0F]) + MP2[3:4] + bytes(72 - 4)
    (tmp_path / "a.mp2").write_bytes(silent + MP2)
    assert len(read_audio(tmp_path / "a.mp2")[0]) == 5 * 1152 - 481


@pytest.mark.parametrize(
    ("suffix", "when"), [("aac", "1024 samples late"), ("wma", "2048 samples ear")]
)
def test_formats_that_come_shifted_are_refused_with_the_reason(tmp_path, suffix, when):
    (tmp_path / f"a.{suffix}").write_bytes(b"\xff\xf1\x50\x80" + bytes(500))
    with pytest.raises(OSError, match=f"convert the original to wav or flac.* {when}"):
        read_audio(tmp_path / f"a.{suffix}")
