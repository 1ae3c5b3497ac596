import io
import struct

import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.lengths import stated_lengths
from cocktailparty.recordings.audio.reading import audio_duration, read_audio

RATE = 8000
FORMATS = ["wav", "rf64", "w64", "aiff", "au", "caf", "nist", "flac", "ogg"]


def encoded(suffix, seconds=4.0, n_channels=2, **arguments):
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    noise = rng.uniform(-0.5, 0.5, size=(round(seconds * RATE), n_channels))
    soundfile.write(file, noise, RATE, format=suffix.upper(), **arguments)
    return file.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_files_are_read_whole(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(encoded(suffix))
    assert stated_lengths(path) is None
    assert len(read_audio(path)[0]) == 4 * RATE
    assert audio_duration(path) == 4


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_files_that_were_cut_off_are_refused(tmp_path, suffix, share):
    content = encoded(suffix)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content[: round(share * len(content))])
    for read in (read_audio, audio_duration):
        with pytest.raises(OSError, match=r"audio file .* is incomplete: .* are there.*copy it"):
            read(path)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW", "MS_ADPCM"])
def test_both_lengths_of_a_cut_file_are_named(tmp_path, subtype):
    content = encoded("wav", subtype=subtype)
    (tmp_path / "a.wav").write_bytes(content[: len(content) // 2])
    with pytest.raises(
        OSError, match=r"tells of \d+ bytes .*\((4|3)\.\d\d s\), \d+ \((2\.0|1\.9)\d s\)"
    ):
        read_audio(tmp_path / "a.wav")


def test_a_cut_flac_names_both_lengths(tmp_path):
    content = encoded("flac")
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    with pytest.raises(
        OSError, match=r"32000 samples \(4\.00 s\), 1\d{4} \((1|2)\.\d\d s\) are th"
    ):
        read_audio(tmp_path / "a.flac")


@pytest.mark.parametrize("stated", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_of_open_length_is_read_to_its_end(tmp_path, stated):
    content = encoded("wav")
    (tmp_path / "a.wav").write_bytes(content[:40] + struct.pack("<I", stated) + content[44:])
    assert len(read_audio(tmp_path / "a.wav")[0]) == 4 * RATE


@pytest.mark.parametrize("stated", [0, 1000, 64000])
def test_a_wav_that_goes_on_after_its_stated_end_is_refused(tmp_path, stated):
    content = encoded("wav")
    (tmp_path / "a.wav").write_bytes(content[:40] + struct.pack("<I", stated) + content[44:])
    with pytest.raises(OSError, match=rf"never finished: .* tells of {stated} bytes .*128000"):
        read_audio(tmp_path / "a.wav")


def test_chunks_after_the_sound_are_no_sound(tmp_path):
    notes = b"LIST" + struct.pack("<I", 40000) + bytes(40000)
    (tmp_path / "a.wav").write_bytes(encoded("wav") + notes)
    assert audio_duration(tmp_path / "a.wav") == 4


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_joined_files_are_read_one_after_another(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(encoded(suffix))
    once, _ = read_audio(path)
    path.write_bytes(2 * encoded(suffix))
    np.testing.assert_array_equal(read_audio(path)[0], np.concatenate([once, once]))
    assert audio_duration(path) == 8


def test_joined_sounds_of_different_rates_are_refused(tmp_path):
    other = io.BytesIO()
    soundfile.write(other, np.zeros((16000, 2)), 16000, format="OGG")
    (tmp_path / "a.ogg").write_bytes(encoded("ogg") + other.getvalue())
    with pytest.raises(OSError, match=r"joins sounds of different rates .*8000, 2.*16000, 2"):
        read_audio(tmp_path / "a.ogg")


def test_an_ogg_that_lacks_a_page_or_its_end_is_refused(tmp_path):
    content = encoded("ogg", 20.0)
    pages = [i for i in range(len(content)) if content.startswith(b"OggS", i)]
    assert len(pages) > 5
    (tmp_path / "a.ogg").write_bytes(content[: pages[3]] + content[pages[4] :])
    with pytest.raises(OSError, match="damaged: page 3 is missing"):
        read_audio(tmp_path / "a.ogg")
    (tmp_path / "a.ogg").write_bytes(content[: pages[-1]])
    with pytest.raises(OSError, match="without the mark at the end"):
        read_audio(tmp_path / "a.ogg")
    (tmp_path / "a.ogg").write_bytes(content[: pages[4] + 20])
    with pytest.raises(OSError, match="no whole page begins"):
        read_audio(tmp_path / "a.ogg")


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_an_ogg_with_a_damaged_stretch_is_refused(tmp_path, kind):
    """The decoder leaves it out, so that all that follows would come too early."""
    content = encoded("ogg", seconds=20.0, subtype=kind)
    middle = len(content) // 2
    path = tmp_path / "a.ogg"
    path.write_bytes(content[:middle] + bytes(2000) + content[middle + 2000 :])
    with pytest.raises(OSError, match=r"a\.ogg"):
        read_audio(path)


def test_a_codec_that_cannot_be_searched_is_read(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded("wav", n_channels=1, subtype="GSM610"))
    assert len(read_audio(tmp_path / "a.wav")[0]) == pytest.approx(4 * RATE, abs=320)


def test_formats_that_do_not_tell_their_length_are_named(tmp_path):
    content = encoded("ircam")
    (tmp_path / "a.sf").write_bytes(content[: len(content) // 2])
    with pytest.warns(RuntimeWarning, match=r"a\.sf: nothing tells .*IRCAM.* is whole"):
        assert audio_duration(tmp_path / "a.sf") < 2.1


def test_a_flac_that_states_no_length_is_read_to_its_end(tmp_path):
    content = bytearray(encoded("flac", 20.0))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert len(read_audio(tmp_path / "a.flac")[0]) == 20 * RATE
    assert audio_duration(tmp_path / "a.flac") == 20
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="decoder lost sync"):
        read_audio(tmp_path / "a.flac")
