import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.metrics import window_scores
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
