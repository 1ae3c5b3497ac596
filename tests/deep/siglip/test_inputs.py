from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty import Trial
from cocktailparty.decoding import saving
from cocktailparty.decoding.saving import load_model, save_model
from deep import SigLIPDecoder
from deep.siglip.inputs import Inputs, check_lengths, in_samples

SFREQ, N_LAGS = 32.0, 4


def trial(seed=0, seconds=20, n_stimuli=2, subject="a", n_bands=1, n_channels=3):
    """EEG that answers the first stimulus two samples later."""
    rng = np.random.default_rng(seed)
    n = round(seconds * SFREQ)
    stimuli = rng.gamma(2.0, size=(n_stimuli, n, n_bands))
    eeg = 1e-6 * (rng.normal(size=(n, n_channels)) + 3)
    eeg += 1e-6 * np.roll(stimuli[0, :, :1], 2, axis=0) * np.arange(1, n_channels + 1)
    return Trial(eeg, stimuli, SFREQ, attended=0, subject=subject)


@pytest.fixture(scope="module")
def trials():
    return [trial(seed, subject=name) for seed, name in enumerate("abab")]


def of(trials, target=None, raw=False):
    return Inputs.of(trials, np.zeros(len(trials), int), target, raw)


def test_scale_is_that_of_all_eeg_without_the_means_of_trials(trials):
    uneven = [*trials, trial(7, seconds=5)]
    moved = [t.replace(eeg=t.eeg + 1e-3 * i) for i, t in enumerate(uneven)]
    inputs = of(moved)
    eeg = np.concatenate([t.eeg - t.eeg.mean(axis=0) for t in uneven])
    np.testing.assert_array_equal(inputs.mean, np.zeros(3))
    np.testing.assert_allclose(inputs.scale, eeg.std(axis=0), rtol=1e-10)
    assert inputs.subjects == ["a", "b"]


def test_eeg_is_standardised_and_features_follow_each_stimulus(trials):
    inputs = of(trials)
    one = inputs.recording(trials[1])
    eeg = np.concatenate([inputs.recording(t).signals["eeg"] for t in trials])
    assert eeg.dtype == np.float32
    np.testing.assert_allclose(one.signals["eeg"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(eeg.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_array_equal(one.sounds["features"], inputs.features(trials[1].stimuli))
    np.testing.assert_allclose(one.sounds["envelopes"], trials[1].stimuli[..., 0], rtol=1e-6)
    assert (one.subject, one.n_times) == (1, 640)
    assert inputs.recording(trials[1].replace(subject="stranger")).subject == -1


def test_a_model_of_an_earlier_version_takes_off_the_mean_of_its_training(
    trials, tmp_path, monkeypatch
):
    own = replace(of(trials), mean=np.array([1.0, 2.0, 3.0]), remove_mean=False)
    decoder = SigLIPDecoder()
    decoder.inputs_ = own
    save_model(decoder, tmp_path / "now")
    assert not load_model(tmp_path / "now").inputs_.remove_mean
    known = [field for field in fields(Inputs) if field.name != "remove_mean"]
    monkeypatch.setattr(saving, "fields", lambda value: known if value is own else fields(value))
    save_model(decoder, tmp_path / "before")
    old = load_model(tmp_path / "before").inputs_
    assert not old.remove_mean
    expected = (trials[0].eeg - own.mean) / own.scale
    np.testing.assert_allclose(old.recording(trials[0]).signals["eeg"], expected, rtol=1e-6)
    raw = replace(old, raw=True).recording(trials[0])
    np.testing.assert_allclose(raw.signals["eeg"], trials[0].eeg, rtol=1e-6)


def test_a_network_of_raw_signals_gets_them_unscaled():
    bands = [trial(seed, n_bands=3) for seed in (0, 1)]
    one = of(bands, target=2, raw=True).recording(bands[0])
    expected = bands[0].eeg - bands[0].eeg.mean(axis=0)
    np.testing.assert_allclose(one.signals["eeg"], expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(one.sounds["stimuli"], bands[0].stimuli, rtol=1e-6)
    np.testing.assert_allclose(one.sounds["envelopes"], bands[0].stimuli[..., 2], rtol=1e-6)
    assert "features" not in one.sounds


def test_levels_are_those_of_what_was_attended(trials):
    """What was not attended may be as loud as it likes."""
    louder = [t.replace(stimuli=t.stimuli * [[[1]], [[50]]]) for t in trials]
    np.testing.assert_array_equal(of(louder).features.knees, of(trials).features.knees)


@settings(max_examples=20)
@given(
    seeds=st.lists(st.integers(0, 2), min_size=1, max_size=4), n_window=st.sampled_from([32, 64])
)
def test_no_sound_is_in_two_parts(seeds, n_window):
    trials = [trial(seed) for seed in seeds]
    inputs = of(trials)
    recordings, parts = inputs.segments(trials, np.zeros(len(trials), int), n_window)
    first_seed = list(dict.fromkeys(seeds))
    owners = {}
    for one, part in zip(recordings, parts, strict=True):
        assert one.n_times >= 2 * n_window
        sound, start = one.place
        for moment in range(start, start + one.n_times):
            assert owners.setdefault((sound, moment), part) == part
        # A stretch is a piece of its recording, from the place that it tells.
        whole = inputs.recording(trials[seeds.index(first_seed[sound])])
        cut = slice(start, start + one.n_times)
        np.testing.assert_array_equal(one.signals["eeg"], whole.signals["eeg"][cut])
        np.testing.assert_array_equal(one.sounds["features"], whole.sounds["features"][:, cut])


def fitted(trials, held_out=()):
    inputs = of(trials)
    recordings, parts = inputs.segments(trials, np.zeros(len(trials), int), 64)
    inputs.fit_ridge(recordings, parts, N_LAGS, held_out)
    return inputs, recordings, parts


def test_ridge_models_predict_the_features_at_a_scale_of_one(trials):
    inputs, recordings, _ = fitted(trials)
    linear = np.concatenate([one.signals["linear"] for one in recordings])
    np.testing.assert_allclose(linear.std(axis=0), 1, rtol=1e-3)
    whole = inputs.recording(trials[0])
    features = whole.sounds["features"][0]
    assert whole.signals["linear"].shape == features.shape
    assert np.corrcoef(whole.signals["linear"][:, 0], features[:, 0])[0, 1] > 0.7
    # What a training window gets comes from models that have not seen it.
    assert not np.allclose(
        recordings[0].signals["linear"], whole.signals["linear"][: recordings[0].n_times], rtol=1e-3
    )


def test_ridge_models_are_the_same_in_any_unit(trials):
    microvolts = [t.replace(eeg=1e6 * t.eeg) for t in trials]
    found, scaled = (fitted(some)[0].recording(some[0]).signals for some in (trials, microvolts))
    np.testing.assert_allclose(scaled["linear"], found["linear"], rtol=1e-3, atol=1e-3)


def test_a_listener_joins_without_changing_the_others(trials):
    inputs = fitted(trials)[0]
    before = inputs.recording(trials[0])
    new = [trial(seed, subject="c") for seed in (8, 9)]
    recordings, parts = inputs.segments(new, np.zeros(2, int), 64)
    joined = inputs.join("c", recordings, parts, held_out=())
    assert (inputs.subjects, joined.subjects) == (["a", "b"], ["a", "b", "c"])
    assert len(joined.ridge.weights) == len(inputs.ridge.weights) + 1
    np.testing.assert_array_equal(
        joined.recording(trials[0]).signals["linear"], before.signals["linear"]
    )
    assert all("linear" in one.signals for one in recordings)
    assert joined.recording(new[0]).subject == 2
    stranger = joined.recording(new[0].replace(subject="d"))
    np.testing.assert_array_equal(
        stranger.signals["linear"], inputs.recording(new[0]).signals["linear"]
    )


def test_trials_unlike_those_of_the_training_are_refused(trials):
    inputs = of(trials)
    for other, message in (
        (trial(n_channels=4), "the trial has 4 channels, the decoder was trained with 3"),
        (trial(n_bands=2), "the trial has 2 features, the decoder was trained with 1"),
        (trials[0].replace(sfreq=16.0), "16"),
    ):
        with pytest.raises(ValueError, match=message):
            inputs.check(other)
    inputs.check(trial(seconds=5, n_stimuli=3))


def test_lengths_of_training_windows(trials):
    check_lengths(trials, 20.0)
    with pytest.raises(ValueError, match=r"window=0\.4 s holds 13 samples at 32 Hz"):
        check_lengths(trials, 0.4)
    with pytest.raises(ValueError, match=r"trials\[4\] lasts 5 s, shorter than window=6 s"):
        check_lengths([*trials, trial(seconds=5)], 6.0)


def test_lengths_of_decision_windows(trials):
    assert in_samples(trials[0], 1.26) == 40
    assert in_samples(trials[0], 20.0) == 640
    for window in (0.04, 20.1):
        with pytest.raises(ValueError, match="must hold at least 2 samples and not be longer"):
            in_samples(trials[0], window)
