import numpy as np
import pytest
from scipy.signal import welch

from cocktailparty.datasets import simulate_corpus
from cocktailparty.datasets.simulation.drive import DRIVES, depressed_drive
from cocktailparty.datasets.simulation.speech import ArtificialSpeech
from cocktailparty.features.levels import EnvelopeFeatures
from cocktailparty.model_selection import check_no_leak, folds
from cocktailparty.preprocessing import preprocess
from linear_aad import AttentionDecoder, BackwardTRF

SMALL = {"n_channels": 6, "duration": 10.0, "n_stories": 2}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus") / "store"
    return simulate_corpus(folder, 2, 80 / 3600, random_state=3, **SMALL)


@pytest.fixture(scope="module")
def following(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus") / "store"
    return simulate_corpus(
        folder, 1, 40 / 3600, 512, 3, following_snr=0.0, snr=-200.0, unattended_gain=0.0, **SMALL
    )


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for k in range(5):
        (folder / f"talker {k % 2}").mkdir(exist_ok=True)
        modulation = 1 + np.sin(2 * np.pi * (2 + k) * np.arange(24000) / 8000)
        sound = 0.01 * (k + 1) * modulation * rng.normal(size=24000)
        soundfile.write(folder / f"talker {k % 2}" / f"{k}.wav", sound, 8000)
    return folder


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def test_corpus_is_as_asked(store):
    assert len(store) == 8
    assert store.sfreq == 64
    assert store.subjects == ["sub-01"] * 4 + ["sub-02"] * 4
    assert store.stories == ["story-1", "story-1", "story-2", "story-2"] * 2
    assert [trial.attended for trial in store].count(0) == 4
    assert store[0].stimuli.shape == (2, 640, 1)
    assert store[0].eeg.shape == (640, 6)
    assert store[0].eeg.dtype == np.float32
    assert store.description["simulation"]["drive"] == "adaptation"


def test_larger_corpus_begins_as_a_smaller_one(store, tmp_path):
    again = simulate_corpus(tmp_path / "store", 1, 40 / 3600, random_state=3, **SMALL)
    for same, first in zip(again, store, strict=False):
        np.testing.assert_array_equal(same.eeg, first.eeg)
        np.testing.assert_array_equal(same.stimuli, first.stimuli)


def test_no_two_trials_share_artificial_speech(store):
    envelopes = [stimulus[:, 0] for trial in store for stimulus in trial.stimuli]
    r = np.corrcoef(envelopes) - np.eye(len(envelopes))
    assert np.abs(r).max() < 0.6


def test_subjects_differ(store):
    noise = [np.std([t.eeg for t in store if t.subject == s], axis=(0, 1)) for s in
             ("sub-01", "sub-02")]  # fmt: skip
    assert np.abs(np.log(noise[0] / noise[1])).max() > 0.1


def test_eeg_has_pink_noise_alpha_and_blinks(tmp_path):
    store = simulate_corpus(
        tmp_path / "store", 3, 3 / 60, random_state=0, n_channels=32, n_stories=1
    )
    back = [list(store[0].channel_names).index(name) for name in ("O1", "Oz", "O2")]
    front = [list(store[0].channel_names).index(name) for name in ("Fp1", "Fp2")]
    peaks = []
    for trial in store:
        freqs, power = welch(trial.eeg, 64, nperseg=512, axis=0)
        near, beside = (freqs > 7) & (freqs < 13), (freqs > 15) & (freqs < 25)
        peaks.append(power[near][:, back].mean() / power[beside][:, back].mean())
        slow, fast = (freqs > 2) & (freqs < 4), (freqs > 20) & (freqs < 30)
        assert power[slow].mean() > 3 * power[fast].mean()
        assert trial.eeg[:, front].max() > 1.5 * trial.eeg[:, back].max()
        assert 5e-6 < np.std(trial.eeg) < 50e-6
    assert max(peaks) > 4


@pytest.mark.parametrize("drive", sorted(DRIVES))
def test_linear_decoders_find_attention(tmp_path, drive):
    store = simulate_corpus(
        tmp_path / "store", 1, 0.2, random_state=1, n_channels=8, snr=-15.0, drive=drive,
        n_stories=3,
    )  # fmt: skip
    trials = preprocess(list(store), 64, 1, 9)
    decoder = AttentionDecoder(BackwardTRF(0, 0.4, 64, 0.01, alpha_convention="relative"))
    assert decoder.fit(trials[:8]).score(trials[8:]) == 1


@pytest.mark.parametrize("drive", sorted(DRIVES))
def test_no_feature_of_a_decoder_is_the_drive(drive, rng):
    [speech] = ArtificialSpeech().talkers(1, 120.0, 0, rng)
    followed = DRIVES[drive](speech.bands, 64.0) @ np.ones(speech.bands.shape[1])
    stimuli = speech.envelope[None, :, None]
    features = EnvelopeFeatures.of([stimuli], 64.0, None)(stimuli)[0]
    columns = np.concatenate([np.roll(features, k, axis=0) for k in range(-8, 17)], axis=1)
    columns = columns - columns.mean(axis=0)
    centred = followed - followed.mean()
    half = len(centred) // 2
    weights = np.linalg.lstsq(columns[:half], centred[:half], rcond=1e-4)[0]
    # All features at all lags together explain much of the drive, and leave some of it.
    assert 0.5 < correlation(columns[half:] @ weights, centred[half:]) < 0.99
    assert max(abs(correlation(f, followed)) for f in features.T) < 0.98


def test_depression_tires_and_recovers():
    burst = np.ones(64)
    sound = np.concatenate([burst, np.zeros(64), burst, np.zeros(320), burst])
    drive = depressed_drive(sound, 64)
    first, soon, late = drive[0], drive[128], drive[512]
    assert drive[40] < 0.6 * first
    assert soon < 0.95 * late <= first


def test_following_response_is_there(following):
    assert following[0].stimuli.shape == (2, 5120, 2)
    filtered = preprocess([t.replace(stimuli=t.stimuli[..., 1:]) for t in following], None, 70, 220)
    ridge = BackwardTRF(0, 0.04, 512, 1e-2, alpha_convention="relative")
    decoder = AttentionDecoder(ridge).fit(filtered[:3])
    r = decoder.window_scores(filtered[3], 10)[0]
    assert r[filtered[3].attended] > 0.3
    assert r[filtered[3].attended] > 1.5 * r[1 - filtered[3].attended] > 0.1


def test_stimuli_of_a_following_response_without_one(following, tmp_path):
    sizes = {"snr": -200.0, "unattended_gain": 0.0, **SMALL}
    none = simulate_corpus(tmp_path / "store", 1, 40 / 3600, 512, 3, following_snr=-np.inf, **sizes)
    np.testing.assert_array_equal(none[0].stimuli, following[0].stimuli)
    answer = following[0].eeg - none[0].eeg
    freqs, power = welch(answer, 512, nperseg=512, axis=0)
    inside = (freqs > 70) & (freqs < 220)
    assert power[inside].sum() > 0.9 * power.sum() > 0


def test_speech_from_files(sounds, tmp_path):
    store = simulate_corpus(tmp_path / "store", 2, 80 / 3600, random_state=0, speech=sounds,
                            **SMALL)  # fmt: skip
    trials = list(store)
    assert trials[0].stimuli.std(axis=1).min() > 0
    # Stories share no sound, which the search for leaks confirms.
    for fold in folds(trials, "story"):
        check_no_leak(fold)
    # Level differences between files are no differences between talkers.
    assert 0.5 < trials[0].stimuli[0].mean() / trials[0].stimuli[1].mean() < 2


def test_following_waveform_of_files(sounds, tmp_path):
    store = simulate_corpus(tmp_path / "store", 1, 10 / 3600, 512, speech=sounds, random_state=0,
                            following_snr=0.0, n_channels=2, duration=5.0, n_stories=1)  # fmt: skip
    freqs, power = welch(store[0].stimuli[0, :, 1], 512, nperseg=512)
    inside = (freqs > 70) & (freqs < 220)
    assert power[inside].sum() > 0.9 * power.sum()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_subjects": 0}, "n_subjects must be at least 1"),
        ({"hours": 0}, "hours must be a positive number"),
        ({"duration": 0.5}, "duration must be at least 1 s"),
        ({"sfreq": 100}, "sfreq must be a whole multiple of 64 Hz, got 100"),
        ({"drive": "envelope"}, r"drive must be one of \['adaptation', 'depression'\]"),
        ({"unattended_gain": 2}, "unattended_gain must be from 0 to 1"),
        ({"following_snr": 0.0}, "needs sfreq of at least 512 Hz, got 64"),
        ({"n_channels": 65}, "n_channels must be 1 to 64"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        simulate_corpus(tmp_path / "store", **{"n_subjects": 1, "hours": 0.01, **wrong})


def test_missing_speech_is_refused(sounds, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        simulate_corpus(tmp_path / "store", speech=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no sounds"):
        simulate_corpus(tmp_path / "store", speech=tmp_path / "empty")
    with pytest.raises(ValueError, match="holds 5 sounds, expected at least two for each of 3"):
        simulate_corpus(tmp_path / "store", speech=sounds, n_stories=3)
