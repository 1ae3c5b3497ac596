import numpy as np
import pytest

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.excerpts import ExcerptScorer, Silence
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder

DECODERS = {
    "ridge": lambda: AttentionDecoder(BackwardTRF(-0.1, 0.25, 64, alpha=1e-2,
                                                  alpha_convention="relative")),
    "ledoit-wolf": lambda: AttentionDecoder(BackwardTRF(0, 0.4, 64, alpha="ledoit-wolf")),
    "cca": lambda: CCADecoder(sfreq=64),
}  # fmt: skip
REACH = {"ridge": (6, 16), "ledoit-wolf": (0, 26), "cca": (16, 16)}


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(
        n_trials=8, n_channels=8, duration=20, snr=-22, random_state=0
    ).trials


@pytest.mark.parametrize("name", DECODERS)
def test_excerpts_reach_as_far_as_the_lags_and_score_like_the_whole(name, trials):
    decoder = DECODERS[name]().fit(trials[:7])
    scorer = ExcerptScorer.of(decoder, trials[7], 1.0)
    assert (scorer.n_before, scorer.n_after) == REACH[name]
    found = np.array(scorer.of_trial(trials[7]))
    whole = decoder.window_scores(trials[7], 1.0)
    np.testing.assert_allclose(found[1:-1], whole[1:-1], atol=1e-9)
    # Where the trial begins, samples before it count as zero, after means have been taken off.
    np.testing.assert_allclose(found, whole, atol=0.15)


def test_a_decoder_that_looks_at_the_whole_trial_is_refused(trials):
    class Whole:
        def window_scores(self, trial, window, hop=None):
            return np.full((3, 2), trial.eeg.std())

    with pytest.raises(ValueError, match="Whole cannot decode a window at a time"):
        ExcerptScorer.of(Whole(), trials[0], 1.0)


def test_silence_is_known_from_what_was_heard(rng):
    sounds, silence = rng.normal(size=(2, 64, 1)), Silence(2, 1)
    assert silence.heard(sounds).all()
    sounds[1] *= 1e-9
    np.testing.assert_array_equal(silence.heard(sounds), [True, False])
    other = Silence(2, 1)
    other.restore(silence.state())
    np.testing.assert_array_equal(other.heard(0 * sounds), [False, False])
    assert not Silence(2, 1).heard(np.zeros((2, 64, 1))).any()
