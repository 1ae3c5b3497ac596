import numpy as np
import pytest
from sklearn.base import BaseEstimator

from cocktailparty import Trial
from cocktailparty.decoder import AttentionDecoderMixin, ReconstructionMixin
from cocktailparty.metrics import window_scores


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
