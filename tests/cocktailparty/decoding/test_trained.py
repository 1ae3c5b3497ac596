from dataclasses import replace

import mne
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import LeaveOneGroupOut

from cocktailparty import Trial, datasets
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.decoding.saving import save_model
from cocktailparty.decoding.trained import ENVELOPE, TrainedModel, train_model
from cocktailparty.evaluation.comparing import SharedStimulusWarning
from cocktailparty.metrics import window_scores
from cocktailparty.model_selection.leakage import LeakError
from cocktailparty.preprocessing import preprocess
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.recordings.trials import read_eeg
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF
from tests.cocktailparty.edffiles import write_edf
from tests.cocktailparty.listener import (
    DURATION,
    N_CHANNELS,
    NAMES,
    SFREQ,
    START,
    SWITCH,
    save_raw,
    write_listener,
)

TRF = BackwardTRF(0.0, 0.25, 64, alpha=1e-2, alpha_convention="relative")
# The last electrode has no place.
PLACES = np.vstack([0.09 * np.eye(3), -0.09 * np.eye(3), [[0, 0.06, 0.06], [np.nan] * 3]])
TRACKER = AttentionTracker(AttentionDecoder(TRF), dwell=30, cv="story")


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    return write_listener(tmp_path_factory.mktemp("listener"))


@pytest.fixture(scope="module")
def training(listener):
    trials = datasets.load(listener / "train", "table")
    return [trial.replace(channel_positions=PLACES) for trial in trials]


@pytest.fixture(scope="module")
def model(training):
    return train_model(TRACKER, training)


@pytest.fixture(scope="module")
def sounds(listener):
    return [listener / "a.wav", listener / "b.wav"]


@pytest.fixture(scope="module")
def trial(listener, model, sounds):
    return model.trial(read_eeg(listener / "new_raw.fif"), sounds, START)


def test_a_switch_of_attention_is_followed(model, trial):
    table = model.decode(trial, window=5.0, hop=2.5, start=START)
    np.testing.assert_allclose(table["start"], START + 2.5 * np.arange(31))
    np.testing.assert_allclose(table["end"] - table["start"], 5.0)
    probabilities = table[["probability_0", "probability_1"]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(table["chosen"], probabilities.argmax(axis=1))
    np.testing.assert_array_equal(table["confidence"], probabilities.max(axis=1))
    settled = (table["end"] > START + 10) & ((table["end"] - START - SWITCH - 5).abs() > 5)
    truth = (table["end"] > START + SWITCH + 5).astype(int)
    assert (table["chosen"] == truth)[settled].mean() > 0.95
    for k in range(2):
        assert (table[f"low_{k}"] <= table[f"probability_{k}"]).all()
        assert (table[f"probability_{k}"] <= table[f"high_{k}"]).all()


def test_scores_are_the_decoders_and_probabilities_the_trackers(model, trial):
    table = model.decode(trial, window=4.0, hop=1.5)
    scores = model.tracker.decoder_.window_scores(trial, 4.0, 1.5)
    np.testing.assert_array_equal(table[["score_0", "score_1"]], scores)
    track = model.tracker.track(trial)
    # Ends at 4, 5.5, 7, ... s: the tracker's last window ends at 4, 5, 7, ... s.
    last = np.floor(table["end"].to_numpy()).astype(int) - 1
    np.testing.assert_array_equal(table["probability_1"], track.probability[last, 1])
    other = model.decode(trial, window=4.0, hop=4.0)
    shared = table.merge(other, on="end")
    assert len(shared) > 3
    np.testing.assert_array_equal(shared["probability_0_x"], shared["probability_0_y"])


class Constant(AttentionDecoderMixin, BaseEstimator):
    """Scores that differ by a given amount, on average, between attended and other sounds."""

    def __init__(self, difference=0.1):
        self.difference = difference

    def fit(self, trials, attended=None):
        self.fitted_ = True
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        n_windows = int(trial.duration / window)
        scores = np.zeros((n_windows, 2))
        scores[:, 0 if trial.attended is None else trial.attended] = self.difference
        scores[::2] += [0.3, 0.0]
        return scores


def drawn_trials(rng):
    return [
        Trial(rng.normal(size=(200, 1)), rng.random((2, 200)), 10, attended=i % 2, name=str(i))
        for i in range(4)
    ]


def test_the_interval_is_that_of_the_mean_difference(rng):
    tracker = AttentionTracker(Constant(), dwell=np.inf, cv="trial")
    model = train_model(tracker, drawn_trials(rng))
    assert model.n_windows == 4 * 20
    # Differences of 0.1 with and without 0.3 of either sign: their moments are known.
    mean, variance = 0.1, 0.3**2 / 2
    assert model.tracker.difference_ == pytest.approx(mean)
    assert model.tracker.variance_ == pytest.approx(variance)
    # Trials differ by 0.25 and -0.05 in turn; 3.182 is the quantile of three degrees of freedom.
    margin = 3.18245 * 0.15 / np.sqrt(3)
    assert model.interval() == pytest.approx((mean - margin, mean + margin), rel=1e-5)


@pytest.fixture(scope="module")
def nothing(trial):
    """A recording of the same sounds with electrodes that record noise alone."""
    noise = np.random.default_rng(3).normal(size=(trial.n_times + 4, trial.n_channels))
    smooth = sum(noise[k : k + trial.n_times] for k in range(5))
    return trial.replace(eeg=smooth * trial.eeg.std() / smooth.std())


def test_a_recording_that_follows_no_sound_is_known_as_such(model, trial, nothing):
    seen, unseen = (model.decode(one, 5.0) for one in (trial, nothing))
    assert (seen["follows_none"] < 0.05).all()
    assert (unseen["follows_none"] > 0.7).all()
    assert seen["confidence"].mean() > 0.8
    assert unseen["confidence"].mean() < 0.55
    assert unseen["follows_none"].nunique() == 1
    test = model.follows(trial)
    assert test.p_value == 0.01
    reconstruction = model.tracker.decoder_.reconstruct([trial])[0][:, 0]
    means = window_scores(reconstruction, trial.stimuli[:, :, 0], trial.sfreq, 5.0).mean(axis=0)
    assert test.observed == pytest.approx(means.max())
    assert model.follows(nothing).p_value > 0.05
    with pytest.raises(ValueError, match="too short to be shifted"):
        model.follows(trial.crop(0, 3))


def test_one_large_artefact_does_not_hide_that_sounds_are_followed(model, trial, nothing):
    """In a correlation over the whole recording, nothing else would count."""

    def popped(one):
        eeg = one.eeg.copy()
        eeg[700:764, :2] += 1000 * one.eeg.std()
        return one.replace(eeg=eeg)

    assert model.follows(popped(trial)).p_value == 0.01
    assert model.follows(popped(nothing)).p_value > 0.05


def test_decoders_without_a_reconstruction_are_asked_for_scores(rng):
    model = train_model(AttentionTracker(Constant(), cv="trial"), drawn_trials(rng))
    test = model.follows(drawn_trials(rng)[0], n_shifts=3)
    assert test.null.tolist() == [test.observed] * 3  # its scores do not look at sounds


def test_a_loaded_model_decides_the_same(model, trial, tmp_path):
    model.save(tmp_path / "model")
    loaded = TrainedModel.load(tmp_path / "model")
    assert loaded.decode(trial).equals(model.decode(trial))
    for name in ("sfreq", "l_freq", "h_freq", "reference", "channel_names", "n_channels"):
        assert getattr(loaded, name) == getattr(model, name)
    assert loaded.envelope == ENVELOPE
    assert all(map(np.array_equal, loaded.stimuli, model.stimuli))
    save_model(model.tracker, tmp_path / "alone")
    with pytest.raises(ValueError, match=r"without the settings.*save a TrainedModel"):
        TrainedModel.load(tmp_path / "alone")


def test_a_fast_channel_beside_the_eeg_moves_nothing(listener, model, trial, sounds, tmp_path, rng):
    eeg = read_eeg(listener / "new_raw.fif").get_data()
    seconds = -(-eeg.shape[1] // SFREQ)
    eeg = np.pad(eeg, [(0, 0), (0, seconds * SFREQ - eeg.shape[1])], "reflect")
    rates = [SFREQ] * N_CHANNELS + [8 * SFREQ]
    signals = [*(20 / eeg.std() * eeg), 100 * rng.normal(size=seconds * 8 * SFREQ)]
    write_edf(tmp_path / "new.edf", signals, rates, [*NAMES, "EMG"])
    found = model.trial(read_eeg(tmp_path / "new.edf"), sounds, START).eeg
    inner = slice(None, -2 * 64)
    for ours, theirs in zip(found[inner].T, trial.eeg[inner].T, strict=True):
        assert np.corrcoef(ours, theirs)[0, 1] > 0.9999


def test_places_of_electrodes_stay_with_the_model(listener, model, trial, sounds, tmp_path):
    model.save(tmp_path / "model")
    loaded = TrainedModel.load(tmp_path / "model").channel_positions
    np.testing.assert_array_equal(loaded, model.channel_positions)
    np.testing.assert_allclose(loaded, PLACES)
    # The new recording does not say where its electrodes were.
    np.testing.assert_array_equal(trial.channel_positions, loaded)
    assert trial.provenance["positions"] == "the training trials"
    raw = read_eeg(listener / "new_raw.fif")
    own = mne.channels.make_dig_montage({"E1": [0.0, 0.0, 0.1]}, coord_frame="head")
    raw.set_montage(own, on_missing="ignore")
    found = model.trial(raw, sounds, START, 20.0)
    assert np.flatnonzero(np.isfinite(found.channel_positions).all(axis=1)).tolist() == [1]
    assert found.provenance["positions"] == "the recording"


def test_models_of_former_versions_know_no_places(model, tmp_path):
    settings = {name: getattr(model, name) for name in model.__dataclass_fields__}
    tracker = settings.pop("tracker")
    del settings["channel_positions"]
    save_model(tracker, tmp_path / "former", {"decoding": settings})
    assert TrainedModel.load(tmp_path / "former").channel_positions is None


def test_a_recording_is_prepared_as_in_training(listener, training, model, sounds, trial):
    row = "listener_raw.fif,f3.wav;m3.wav,1,75"
    assert row in (listener / "train" / "trials.csv").read_text()
    raw = read_eeg(listener / "train" / "listener_raw.fif")
    again = model.trial(raw, [listener / "train" / f"{name}3.wav" for name in "fm"], 75.0)
    np.testing.assert_array_equal(again.eeg, training[3].eeg)
    np.testing.assert_array_equal(again.stimuli, training[3].stimuli)
    # Channels in another order, with one more, are brought into that of the training.
    eeg = np.load(listener / "new.npy")[:, ::-1]
    info = mne.create_info([*NAMES[::-1], "more"], SFREQ, "eeg")
    shuffled = mne.io.RawArray(np.column_stack([eeg, eeg[:, 0]]).T, info, verbose="ERROR")
    found = model.trial(shuffled, sounds, START)
    assert list(found.channel_names) == NAMES
    np.testing.assert_allclose(found.eeg, trial.eeg, atol=1e-6 * trial.eeg.std())
    assert model.trial(shuffled, sounds, START, 20.0).duration == 20
    assert trial.duration == DURATION


def test_channels_have_to_agree(listener, model, training, sounds, tmp_path):
    raw = read_eeg(listener / "new_raw.fif").load_data()
    raw.info["bads"] = ["E2"]
    with pytest.raises(ValueError, match=r"\['E2'\] are marked bad.*interpolate"):
        model.trial(raw, sounds, START)
    raw.info["bads"] = []
    raw.rename_channels({"E5": "Oz"})
    with pytest.raises(ValueError, match=r"lacks channel\(s\) \['E5'\].*rename"):
        model.trial(raw, sounds, START)
    unnamed = train_model(TRACKER, [trial.replace(channel_names=None) for trial in training])
    assert unnamed.channel_names is None
    assert unnamed.trial(raw, sounds, START).n_channels == 8
    save_raw(tmp_path / "less_raw.fif", np.load(listener / "new.npy")[:, :5], NAMES[:5])
    with pytest.raises(ValueError, match="has 5 EEG channels, the model was trained on 8"):
        unnamed.trial(read_eeg(tmp_path / "less_raw.fif"), sounds, START)


def test_sounds_of_the_training_are_refused(listener, model):
    raw = read_eeg(listener / "new_raw.fif")
    trial = model.trial(raw, [listener / "a.wav", listener / "train" / "m2.wav"], duration=20.0)
    with pytest.raises(LeakError, match=r"sound\(s\) \[1\], counted from 0, also play in"):
        model.decode(trial)
    with pytest.warns(SharedStimulusWarning, match=r"sound\(s\) \[1\]"):
        assert len(model.decode(trial, allow_shared_stimuli=True)) == 4


def test_models_that_keep_the_mean_of_features_know_their_sounds(model, training, trial):
    former = replace(model, stimuli=[sound.mean(axis=1) for sound in model.stimuli])
    met = trial.crop(0, training[0].duration).replace(stimuli=training[0].stimuli)
    for known in (model, former):
        with pytest.raises(LeakError, match=r"sound\(s\) \[0, 1\]"):
            known.decode(met)


@pytest.mark.parametrize("label", [0, 1])
def test_the_label_of_a_trial_changes_no_decision(model, trial, label):
    expected = model.decode(trial, window=5.0)
    pd.testing.assert_frame_equal(model.decode(trial.replace(attended=label), 5.0), expected)


def test_trials_that_share_sounds_teach_no_confidence(training):
    doubled = [*training, training[0].replace(story="another")]
    with pytest.raises(LeakError, match="also plays in training trial"):
        train_model(TRACKER, doubled)
    with pytest.warns(SharedStimulusWarning):
        train_model(TRACKER, doubled, allow_shared_stimuli=True)


def test_a_decoder_that_is_wrong_is_refused(rng):
    with pytest.raises(ValueError, match=r"no higher than the others \(by -0.1.*decide nothing"):
        train_model(AttentionTracker(Constant(-0.1), cv="trial"), drawn_trials(rng))


@pytest.mark.parametrize(
    ("window", "hop"), [(0.5, None), (200.0, None), (5.0, 0.0), (5.0, -1.0), (float("nan"), None)]
)
def test_impossible_windows_are_refused(model, trial, window, hop):
    with pytest.raises(ValueError, match=f"window={window:g} s with hop="):
        model.decode(trial, window, hop)


def test_a_trial_of_another_rate_is_refused(model, trial):
    with pytest.raises(ValueError, match="sampled at 32 Hz"):
        model.decode(preprocess([trial], sfreq=32)[0])


def test_real_attention_is_decoded_from_envelopes(shared_data):
    """The corpus has envelopes, but no audio: its trials are decoded as they are."""
    trials = preprocess(datasets.load(shared_data("eeg/two_talker_teoh")), sfreq=32)
    trf = BackwardTRF(0.0, 0.25, 32, alpha=1.0, alpha_convention="relative")
    tracker = AttentionTracker(AttentionDecoder(trf), cv=LeaveOneGroupOut())
    right = []
    for left_out in range(3):
        model = train_model(tracker, trials[:left_out] + trials[left_out + 1 :], reference=None)
        table = model.decode(trials[left_out], window=10.0)
        right.append(table["chosen"] == trials[left_out].attended)
    assert np.mean(right) > 0.6


def test_a_causal_model_keeps_its_phase(tmp_path):
    trials = datasets.simulate_two_talkers(n_trials=5, n_channels=8, snr=-15, random_state=0).trials
    trf = BackwardTRF(tmax=0.25, sfreq=64, alpha=1e-2, alpha_convention="relative")
    causal = preprocess(trials, phase="causal")
    tracker = AttentionTracker(AttentionDecoder(trf))
    with pytest.raises(ValueError, match="phase must be 'zero' or 'causal'"):
        train_model(tracker, causal, phase="linear")
    model = train_model(tracker, causal, phase="causal")
    assert "causal" in model._repr_html_()
    path = tmp_path / "model"
    model.save(path)
    loaded = TrainedModel.load(path)
    assert loaded.phase == "causal"
    names = trials[0].channel_names
    raw = raw_from_array(trials[0].eeg, 64, names, names, "x")
    trial = loaded.trial(raw, [sound[:, 0] for sound in trials[0].stimuli])
    assert trial.provenance["filters"][-1]["phase"] == "causal"
