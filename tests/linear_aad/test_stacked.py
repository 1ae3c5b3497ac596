import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.metrics import window_scores
from cocktailparty.preprocessing import with_streams
from cocktailparty.trial import Trial
from linear_aad import StackedTRF


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(
        n_trials=8, n_channels=6, duration=30, snr=-18, random_state=0
    ).trials


@pytest.fixture(scope="module")
def stack(trials):
    return StackedTRF(tmax=0.2, alpha=1e-2).fit(trials[:6])


def test_attention_of_left_out_trials_is_decoded(trials, stack):
    np.testing.assert_array_equal(stack.predict(trials[6:]), [t.attended for t in trials[6:]])


def test_a_score_is_the_weighted_sum_of_the_correlations_of_the_features(trials, stack):
    trial = trials[6]
    made = stack.ridge_.predict([trial.eeg])[0]
    features = stack.features_(trial.stimuli)
    r = [window_scores(made[:, f], features[:, :, f], 64, 5.0) for f in range(len(stack.weights_))]
    expected = np.tensordot(stack.weights_, r, axes=1)
    np.testing.assert_allclose(stack.window_scores(trial, 5.0), expected, atol=1e-12)


def test_a_sweep_holds_the_scores_of_every_window(trials, stack):
    sweep = stack.window_sweep(trials[6], [2.5, 10, 60])
    for window in (2.5, 10):
        np.testing.assert_allclose(
            sweep[window], stack.window_scores(trials[6], window), atol=1e-12
        )
    assert sweep[60].shape == (0, 2)


def test_weights_are_those_of_logistic_regression_on_both_orders(stack, rng):
    x = rng.normal(size=(200, 3)) * [0.1, 1.0, 0.3] + [0.05, 0.0, 0.1]
    weights = stack._weigh(x)
    scale = np.sqrt((x**2).mean(axis=0))
    both = np.concatenate([x, -x]) / scale
    logistic = LogisticRegression(fit_intercept=False).fit(both, [1] * 200 + [0] * 200)
    np.testing.assert_allclose(weights * scale, logistic.coef_[0], rtol=1e-6)
    assert weights[2] > abs(weights[1])


def test_labels_matter_and_the_order_of_stimuli_does_not(trials, stack):
    flipped = [
        t.replace(stimuli=t.stimuli[::-1].copy(), attended=1 - t.attended) for t in trials[:6]
    ]
    again = clone(stack).fit(flipped)
    np.testing.assert_allclose(again.weights_, stack.weights_, rtol=1e-4, atol=1e-6)
    wrong = clone(stack).fit(trials[:6], [1 - t.attended for t in trials[:6]])
    assert not np.allclose(wrong.weights_, stack.weights_, rtol=0.1)


def test_same_data_same_bits_and_a_saved_model_is_the_same(trials, stack, tmp_path):
    again = clone(stack).fit(trials[:6])
    np.testing.assert_array_equal(again.weights_, stack.weights_)
    save_model(stack, tmp_path / "stack.safetensors")
    loaded = load_model(tmp_path / "stack.safetensors")
    np.testing.assert_array_equal(
        loaded.window_scores(trials[7], 10), stack.window_scores(trials[7], 10)
    )


def test_one_sound_at_a_time_is_weighed_by_match_mismatch(trials):
    alone = [t.replace(stimuli=t.stimuli[[t.attended]], attended=0) for t in trials[:4]]
    stack = StackedTRF(tmax=0.2, alpha=1e-2).fit(alone)
    assert stack.window_scores(trials[6], 10).shape == (3, 2)


def test_bad_input_is_named(trials):
    with pytest.raises(ValueError, match="at least 2 training trials, got 1"):
        StackedTRF().fit([trials[0].replace(story="")])
    with pytest.raises(ValueError, match="only one remains: give one alpha or more"):
        StackedTRF().fit([trial.replace(story="") for trial in trials[:2]])
    with pytest.raises(ValueError, match="window=-1"):
        StackedTRF(window=-1).fit(trials)
    with pytest.raises(ValueError, match="sampled at 64 Hz"):
        StackedTRF(sfreq=128).fit(trials)


@pytest.fixture(scope="module")
def streamed(trials):
    """Trials with a fast stream that alone tells what is attended; the slow EEG is noise."""
    rng = np.random.default_rng(1)
    made = []
    for trial in trials:
        waves = rng.normal(size=(2, 2 * trial.n_times))
        fast = rng.normal(size=(2 * trial.n_times, 3))
        fast[3:] += 0.3 * waves[trial.attended, :-3, None]
        noise = trial.replace(eeg=rng.normal(size=trial.eeg.shape))
        made += with_streams([noise], fast=[Trial(fast, waves, 128)])
    return made


def test_streams_are_weighed_with_the_rest(streamed):
    slow = StackedTRF(tmax=0.2, alpha=1e-2).fit(streamed[:6])
    both = StackedTRF(tmax=0.2, alpha=1e-2, streams={"fast": 0.05}).fit(streamed[:6])
    assert len(both.weights_) == len(slow.weights_) + 1
    assert both.weights_[-1] > 0
    assert both.streams_["fast"].coef_.shape == (1, 3, 7)

    def right(decoder):
        scores = [
            decoder.window_scores(t, 3)[:, [t.attended, 1 - t.attended]] for t in streamed[6:]
        ]
        return np.mean([s[:, 0] > s[:, 1] for s in scores])

    assert right(both) > 0.95 > 0.8 > right(slow)


def test_windows_of_streams_begin_with_those_of_the_trial(streamed):
    both = StackedTRF(tmax=0.2, alpha=1e-2, streams={"fast": 0.05}).fit(streamed[:6])
    trial = streamed[6]
    made = both.streams_["fast"].predict([trial.streams["fast"].eeg])[0][:, 0]
    true = trial.streams["fast"].stimuli[:, :, 0]
    both.weights_ = np.eye(len(both.weights_))[-1]
    # 3.01 s and a hop of 0.7 s are no whole samples of the trial, 193 and 45 of them are.
    for k, row in enumerate(both.window_scores(trial, 3.01, hop=0.7)):
        part = slice(90 * k, 90 * k + 386)
        expected = [np.corrcoef(made[part], s[part])[0, 1] for s in true]
        np.testing.assert_allclose(row, expected, atol=1e-9)
    sweep = both.window_sweep(trial, [3.01, 10])
    np.testing.assert_allclose(sweep[3.01], both.window_scores(trial, 3.01), atol=1e-9)
    np.testing.assert_allclose(sweep[10], both.window_scores(trial, 10), atol=1e-9)


def test_streams_survive_saving(streamed, tmp_path):
    both = StackedTRF(tmax=0.2, alpha=1e-2, streams={"fast": 0.05}).fit(streamed[:4])
    save_model(both, tmp_path / "stack.safetensors")
    loaded = load_model(tmp_path / "stack.safetensors")
    expected = both.window_scores(streamed[7], 10)
    np.testing.assert_array_equal(loaded.window_scores(streamed[7], 10), expected)


def test_missing_streams_are_named(trials, streamed):
    stack = StackedTRF(tmax=0.2, alpha=1e-2, streams={"fast": 0.05})
    with pytest.raises(ValueError, match=r"has streams \[\], expected \['fast'\]: preprocess"):
        stack.fit(trials)
    with pytest.raises(ValueError, match=r"has streams \[\], expected \['fast'\]"):
        stack.fit(streamed[:4]).window_scores(trials[7])
    narrow = streamed[7].streams["fast"]
    narrow = narrow.replace(eeg=narrow.eeg[:, :2])
    with pytest.raises(ValueError, match="has 2 channels but the decoder was fitted on 3"):
        stack.window_scores(streamed[7].replace(streams={"fast": narrow}))
