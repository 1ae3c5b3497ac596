import numpy as np
import pytest
import soundfile

from cocktailparty.datasets.simulation.speech import ArtificialSpeech, RecordedSpeech


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech")
    rng = np.random.default_rng(0)
    for k in range(4):
        tone = (1 + np.sin(np.arange(16000) / 300 * (k + 1))) * rng.normal(size=16000)
        soundfile.write(path / f"{k}.wav", 0.1 * tone, 8000)
    return path


@pytest.mark.parametrize("following_sfreq", [None, 512.0])
def test_artificial_talkers_last_as_long_as_asked(rng, following_sfreq):
    first, second = ArtificialSpeech(following_sfreq).talkers(2, 3.0, 0, rng)
    assert first.bands.shape == second.bands.shape == (192, 6)
    assert (first.bands >= 0).all()
    assert abs(np.corrcoef(first.envelope, second.envelope)[0, 1]) < 0.7
    if following_sfreq is None:
        assert first.following is None
    else:
        power = np.abs(np.fft.rfft(first.following)) ** 2
        freqs = np.fft.rfftfreq(len(first.following), 1 / 512)
        assert power[(freqs > 60) & (freqs < 230)].sum() > 0.95 * power.sum()


def test_files_are_repeated_until_they_are_long_enough(folder, rng):
    (talker, other) = RecordedSpeech(folder, 2).talkers(2, 5.0, 0, rng)
    assert len(talker.bands) == 320
    np.testing.assert_array_equal(talker.bands[:128], talker.bands[128:256])
    assert not np.array_equal(talker.bands, other.bands)


def test_stories_share_no_file(folder, rng):
    source = RecordedSpeech(folder, 2)
    stories = [{t.bands[:64].tobytes() for t in source.talkers(2, 1.0, k, rng)} for k in (0, 1)]
    assert not stories[0] & stories[1]


def test_too_many_talkers_and_too_short_files_are_refused(folder, rng, tmp_path):
    with pytest.raises(ValueError, match="2 sounds in a story are too few for 3 talkers"):
        RecordedSpeech(folder, 2).talkers(3, 1.0, 0, rng)
    for k in range(2):
        soundfile.write(tmp_path / f"{k}.wav", 0.1 * np.ones(80), 8000)
    with pytest.raises(ValueError, match=r"lasts 0.01 s, expected 1 s or more"):
        RecordedSpeech(tmp_path, 1).talkers(2, 1.0, 0, rng)
