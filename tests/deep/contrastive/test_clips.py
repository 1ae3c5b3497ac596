import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.clips import AudioClip
from deep.contrastive.clips import Clips, check_clips, durations, prepared
from deep.data.dealing import Balanced


@pytest.fixture
def waves(rng):
    return [rng.normal(size=n) + 3 for n in (50, 200, 90)]


def test_each_clip_has_no_mean_and_one_loudness(waves):
    for x in check_clips(waves, 100, 8):
        y = prepared(x, 100, 100)
        assert abs(y.mean()) < 1e-6
        assert np.sqrt(np.mean(y**2)) == pytest.approx(0.1, rel=1e-5)
        assert y.dtype == np.float32


def test_clips_are_resampled_once():
    time = np.arange(800) / 800
    clip = np.sin(2 * np.pi * 40 * time).astype(np.float32)
    y = prepared(clip, 800, 1600)
    assert len(y) == 1600
    expected = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 40 * np.arange(1600) / 1600)
    np.testing.assert_allclose(y[100:-100], expected[100:-100], atol=2e-3)


def test_long_clips_are_cut_and_short_ones_repeated(waves):
    clips = check_clips(waves, 100, 8)
    labels = np.array([0, 1, 0])
    examples = Clips(clips, 100, 100, 80, 8, {"y": labels}, Balanced(labels))
    batch = examples.take(np.array([0, 1, 2]), None)
    whole = [prepared(x, 100, 100) for x in clips]
    np.testing.assert_array_equal(batch["x"][0], np.tile(whole[0], 2)[:80])
    np.testing.assert_array_equal(batch["x"][1], whole[1][60:140])  # its middle
    assert batch["y"].tolist() == [0, 1, 0]
    starts = set()
    for seed in range(50):
        cut = examples.take(np.array([1]), np.random.default_rng(seed))["x"][0]
        starts.add(int(np.argmax([np.array_equal(cut, whole[1][s : s + 80]) for s in range(121)])))
    assert len(starts) > 20
    assert len(examples) == 3
    assert all(len(b) == 2 for b in examples.batches(2, np.random.default_rng(0)))


def test_files_are_known_by_name_size_and_date(tmp_path, waves):
    path = tmp_path / "a.wav"
    soundfile.write(path, waves[1] / 10, 100)
    clips = check_clips([str(path), AudioClip(str(path), 0.5, 1.0)], 100, 8)
    assert durations(clips, 100).tolist() == [2.0, 0.5]

    def digest():
        return Clips(clips, 100, 100, 40, 8).digest()

    first = digest()
    assert digest() == first
    soundfile.write(path, waves[1][:150] / 10, 100)
    assert digest() != first


def test_integers_have_their_full_scale():
    half = np.array([0, 16384, -16384], np.int16)
    assert check_clips([half], 100, 2)[0].tolist() == [0, 0.5, -0.5]
    unsigned = np.array([128, 192, 64], np.uint8)
    assert check_clips([unsigned], 100, 2)[0].tolist() == [0, 0.5, -0.5]
