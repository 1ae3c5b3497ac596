import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.base import AttentionDecoderMixin, ReconstructionMixin
from cocktailparty.metrics import window_scores
from linear_aad import AttentionDecoder
from linear_aad.lasso import LassoTRF


class Louder(AttentionDecoderMixin, BaseEstimator):
    """Scores the power of each stimulus: what the mixin adds must follow from this alone."""

    def fit(self, trials, attended=None):
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        n = round(window * trial.sfreq)
        starts = range(0, trial.n_times - n + 1, n if hop is None else round(hop * trial.sfreq))
        return np.array([(trial.stimuli[:, s : s + n, 0] ** 2).mean(axis=1) for s in starts])


class Oracle(ReconstructionMixin, BaseEstimator):
    calls = 0

    def reconstruct(self, trials):
        self.calls += 1
        return [trial.stimuli[1] for trial in trials]


@pytest.fixture
def trials(rng):
    def make(n_times, gains):
        stimuli = [gain * rng.normal(size=(n_times, 1)) for gain in gains]
        return Trial(rng.normal(size=(n_times, 2)), stimuli, 10, attended=0)

    return [make(300, (1, 3, 2)), make(200, (3, 1, 2))]


def test_everything_follows_from_window_scores(trials):
    decoder = Louder().fit(trials)
    np.testing.assert_array_equal(decoder.predict(trials), [1, 0])
    assert decoder.score(trials) == 0.5
    assert decoder.score(trials, [1, 0]) == 1.0
    whole = [(t.stimuli[:, :, 0] ** 2).mean(axis=1) for t in trials]
    np.testing.assert_allclose(decoder.decision_function(trials), whole)
    sweep = decoder.window_sweep(trials[1], [5, 20, 21])
    assert {w: s.shape for w, s in sweep.items()} == {5: (4, 3), 20: (1, 3), 21: (0, 3)}


def test_a_reconstruction_is_made_once_for_all_windows(trials):
    decoder = Oracle()
    sweep = decoder.window_sweep(trials[0], [1, 5, 10])
    assert decoder.calls == 1
    for window, scores in sweep.items():
        expected = window_scores(trials[0].stimuli[1], trials[0].stimuli, 10, window)
        np.testing.assert_allclose(scores, expected, atol=1e-12)
    np.testing.assert_array_equal(decoder.predict(trials), [1, 1])


class Says(AttentionDecoderMixin, BaseEstimator):
    """Gives the same score to every stimulus, or what it is told."""

    def __init__(self, says=0.0):
        self.says = says

    def fit(self, trials, attended=None):
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        return np.full((int(trial.duration // window), trial.n_stimuli), self.says)


ORDERS = {
    "attended first": lambda n, k, rng: np.zeros(n, int),
    "attended last": lambda n, k, rng: np.full(n, k - 1),
    "random": lambda n, k, rng: rng.integers(k, size=n),
    "balanced": lambda n, k, rng: np.arange(n) % k,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_stimuli", [2, 3])
def test_a_decoder_that_says_nothing_guesses_in_every_order_of_labels(rng, order, n_stimuli):
    labels = ORDERS[order](6, n_stimuli, rng)
    trials = [
        Trial(rng.normal(size=(100, 2)), rng.random((n_stimuli, 100)), 10, attended=int(k))
        for k in labels
    ]
    assert Says().score(trials) == pytest.approx(1 / n_stimuli, rel=1e-15)
    found = cross_val_score(Says(), trials, labels, cv=KFold(3))
    np.testing.assert_allclose(found, 1 / n_stimuli, rtol=1e-15)
    np.testing.assert_array_equal(Says().predict(trials), 0)


@pytest.mark.parametrize("order", ORDERS)
def test_a_regressor_without_weights_wins_no_search(rng, order):
    listeners = simulate_two_talkers(n_trials=6, n_channels=4, duration=10, random_state=0).trials
    labels = ORDERS[order](6, 2, rng)
    trials = [
        t.replace(stimuli=t.stimuli[[t.attended, 1 - t.attended]][:: 1 - 2 * int(k)], attended=k)
        for t, k in zip(listeners, labels.tolist(), strict=True)
    ]
    silent = LassoTRF(0, 0.1, 64, alpha=1.0)
    search = GridSearchCV(AttentionDecoder(silent), {"regressor__alpha": [1e-3, 1.0]}, cv=2)
    search.fit(trials, labels)
    assert search.cv_results_["mean_test_score"][1] == 0.5
    assert search.best_params_ == {"regressor__alpha": 1e-3}


def test_fewer_stimuli_than_in_other_trials_are_no_tie(trials):
    pair = trials[0].replace(stimuli=trials[0].stimuli[:2], attended=1)
    assert Says().score([pair, trials[1]]) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert Louder().score([pair, trials[1]]) == 1
    lowest = Says(-np.inf)
    assert lowest.score([pair, trials[1]]) == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_nan_is_an_error_that_names_decoder_and_trial(trials):
    named = [trial.replace(name=f"trial-{i}", subject="S1") for i, trial in enumerate(trials)]
    for method in ("decision_function", "predict", "score"):
        with pytest.raises(ValueError, match=r"Says, trials\[0\] \(S1/trial-0\): NaN in 3 of 3"):
            getattr(Says(np.nan), method)(named)


def test_there_is_nothing_to_choose_from_one_stimulus(trials):
    alone = trials[0].replace(stimuli=trials[0].stimuli[:1])
    with pytest.raises(ValueError, match=r"trials \[1\] have a single stimulus"):
        Louder().score([trials[0], alone])
