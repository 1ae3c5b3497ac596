import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.model_selection import match_mismatch
from cocktailparty.preprocessing import Stream, preprocess, with_streams


def trial(rng, sfreq, duration=10.0, n_stimuli=2, n_features=1, **labels):
    n_times = round(duration * sfreq)
    stimuli = rng.random((n_stimuli, n_times, n_features))
    return Trial(rng.normal(size=(n_times, 3)), stimuli, sfreq, **labels)


@pytest.fixture
def joined(rng):
    [joined] = with_streams([trial(rng, 64, attended=1)], fast=[trial(rng, 512)])
    return joined


def test_crop_cuts_streams_alike(joined):
    piece = joined.crop(2.5, 4.0)
    assert (piece.n_times, piece.streams["fast"].n_times) == (96, 768)
    np.testing.assert_array_equal(piece.streams["fast"].eeg, joined.streams["fast"].eeg[1280:2048])


def test_labels_change_without_the_streams(joined):
    assert joined.replace(attended=0, subject="s").streams.keys() == {"fast"}


def test_streams_of_other_samples_are_dropped(joined, rng):
    assert not joined.replace(stimuli=rng.random((2, 640))).streams
    assert not joined.replace(eeg=rng.normal(size=(640, 3))).streams
    assert not joined.with_samples(joined.eeg[:64], joined.stimuli[:, :64]).streams


def test_mismatch_has_mismatched_streams(rng):
    one = {"n_stimuli": 1}
    [single] = with_streams([trial(rng, 64, **one)], fast=[trial(rng, 512, **one)])
    pair = match_mismatch(single, 5)
    fast = pair.streams["fast"]
    assert fast.n_stimuli == 2
    np.testing.assert_array_equal(fast.stimuli[1, :2560], single.streams["fast"].stimuli[0, 2560:])


def test_a_sample_more_is_cut(rng):
    slow, fast = trial(rng, 64), trial(rng, 512)
    longer = Trial(rng.normal(size=(641, 3)), rng.random((2, 641)), 64)
    [joined] = with_streams([longer], fast=[fast])
    assert (joined.n_times, joined.streams["fast"].n_times) == (640, 5120)
    longer = Trial(rng.normal(size=(5123, 3)), rng.random((2, 5123)), 512)
    [joined] = with_streams([slow], fast=[longer])
    assert (joined.n_times, joined.streams["fast"].n_times) == (640, 5120)


def test_preprocessing_makes_streams(rng):
    times = np.arange(5120) / 512
    wave = np.sin(2 * np.pi * 4 * times) + np.sin(2 * np.pi * 120 * times)
    eeg = wave[:, None] * np.array([1.0, 2.0]) + 1e-3 * rng.normal(size=(5120, 2))
    raw = Trial(eeg, rng.random((2, 5120, 2)), 512, attended=1)
    streams = {"following": Stream(70, 220, features=[1])}
    [made] = preprocess([raw], 64, 1, 9, features=[0], streams=streams)
    fast = made.streams["following"]
    assert (made.sfreq, made.n_times, made.n_features) == (64, 640, 1)
    assert (fast.sfreq, fast.n_times, fast.n_features) == (512, 5120, 1)
    middle = slice(1024, -1024)
    expected = np.sin(2 * np.pi * 120 * times)[middle]
    np.testing.assert_allclose(fast.eeg[middle, 0], expected, atol=0.02)
    [alone] = preprocess([raw], 64, 1, 9)
    np.testing.assert_array_equal(made.eeg, alone.eeg)
    np.testing.assert_allclose(made.stimuli[..., 0], alone.stimuli[..., 0], atol=1e-12)


def test_recordings_make_streams(rng):
    mne = pytest.importorskip("mne")
    from cocktailparty.features import following_waveform
    from cocktailparty.recordings import trials_from_raw

    info = mne.create_info(["Fz", "Cz", "Pz"], 512, "eeg")
    raw = mne.io.RawArray(1e-6 * rng.normal(size=(3, 14 * 512)), info, verbose="WARNING")
    sounds = [[(rng.normal(size=10 * 8000), 8000) for _ in range(2)]]
    slow = trials_from_raw(raw, [2.0], sounds, attended=0)
    fast = trials_from_raw(
        raw, [2.0], sounds, sfreq=512, l_freq=70, h_freq=220, envelope=following_waveform
    )
    [joined] = with_streams(slow, following=fast)
    assert "following at 512 Hz" in repr(joined)


def test_recording_that_does_not_hold_the_band(rng):
    with pytest.raises(
        ValueError, match=r"'fast' of 70-220 Hz needs a sampling rate of more than 440 Hz, got 256"
    ):
        preprocess([trial(rng, 256)], 64, streams={"fast": Stream(70, 220)})
    with pytest.raises(ValueError, match="more than 440 Hz, got 256 Hz"):
        Stream(70, 220, 256)
    with pytest.raises(ValueError, match="l_freq=220 Hz must lie below"):
        Stream(220, 70)


@pytest.mark.parametrize("features", [[], [2], [-1]])
def test_features_that_are_not_there(rng, features):
    with pytest.raises(ValueError, match=r"must be indices of the 2 features"):
        preprocess([trial(rng, 64, n_features=2)], features=features)


@pytest.mark.parametrize(
    ("sfreq", "duration", "n_stimuli", "message"),
    [
        (100, 10.0, 2, "is sampled at 100 Hz, expected a whole multiple of the 64 Hz"),
        (32, 10.0, 2, "is sampled at 32 Hz, expected a whole multiple"),
        (128, 9.0, 2, r"last \[10.0, 9.0\] s: cut them"),
        (128, 10.0, 3, "1280 samples of 3 stimuli at 128 Hz, expected 1280 samples of 2"),
    ],
)
def test_streams_that_do_not_fit(rng, sfreq, duration, n_stimuli, message):
    with pytest.raises(ValueError, match=message):
        with_streams([trial(rng, 64)], fast=[trial(rng, sfreq, duration, n_stimuli)])


def test_streams_are_trials_by_name(rng):
    with pytest.raises(ValueError, match="must be a mapping of names to trials"):
        trial(rng, 64, streams=[trial(rng, 128)])
    with pytest.raises(ValueError, match="must be a mapping of names to trials"):
        trial(rng, 64, streams={"fast": 1})
    with pytest.raises(ValueError, match=r"has 1152 samples .* expected 1280"):
        trial(rng, 64, streams={"fast": trial(rng, 128, 9.0)})
    with pytest.raises(ValueError, match="0 trials in stream 'fast' for 1 trials"):
        with_streams([trial(rng, 64)], fast=[])
