import io

import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.flac import FlacEnd, flac_end, flac_streams, with_length

RATE = 8000


def encoded(n_samples: int, n_channels: int = 1, rate: int = RATE) -> bytes:
    noise = np.random.default_rng(n_samples).normal(scale=0.1, size=(n_samples, n_channels))
    file = io.BytesIO()
    soundfile.write(file, noise, rate, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize("n_samples", [1, 100, 4096, 4097, 50_000])
@pytest.mark.parametrize(("n_channels", "rate"), [(1, 8000), (2, 44_100), (1, 51_200)])
def test_the_last_frame_ends_with_the_sound(n_samples, n_channels, rate):
    start, stop = flac_end(encoded(n_samples, n_channels, rate))
    assert stop == n_samples
    assert 0 <= start < stop


def test_the_last_frame_of_a_cut_stream_ends_before_the_sound():
    content = encoded(50_000)
    assert 0 < flac_end(content[: len(content) // 2]).stop < 30_000


def test_a_stream_without_a_frame_ends_where_it_begins():
    assert flac_end(encoded(100)[:42]) == FlacEnd(0, 0)


def test_joined_files_come_apart():
    parts = [encoded(n) for n in (100, 5000, 70)]
    assert flac_streams(b"a tag before" + b"".join(parts)) == parts
    assert flac_streams(b"RIFF") == []


def test_a_stated_length_changes_nothing_else():
    content = encoded(5000, 2, 44_100)
    none, again = with_length(content, 0), with_length(with_length(content, 0), 5000)
    assert (len(none), again) == (len(content), content)
    info = soundfile.info(io.BytesIO(with_length(content, 4000)))
    assert (info.frames, info.samplerate, info.channels) == (4000, 44_100, 2)
