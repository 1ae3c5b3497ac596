import itertools

import numpy as np
import pytest
from scipy.stats import norm

from cocktailparty.decoding.attention_filter import _ALIKE, _GRID, _LEVEL_SPREAD
from cocktailparty.decoding.markov import transition_matrix
from cocktailparty.decoding.score_model import ScoreModel

MODEL = ScoreModel(0.14, 0.05, 0.0, 0.15, 0.7, 0.07, 0.01)
CHAINS = [(20.0, 0.3), (np.inf, 0.7)]


def drawn(rng, n_windows, effect, level, label=0, n_stimuli=2, sd=0.27):
    scores = level + rng.normal(scale=sd, size=(n_windows, n_stimuli))
    scores -= effect / n_stimuli
    scores[:, label] += effect
    return scores


def by_hand(model, scores, chains, none):
    """Sum over all effects and all sequences of states, with whole densities."""
    n_windows, n = scores.shape
    mean = model.attended - model.unattended
    share = (model.unattended + mean / n - model.unrelated) / mean
    own = model.level_variance / (n * n_windows) + model.level_spread**2
    level = scores.mean()
    prior = norm.pdf(_GRID)
    prior /= prior.sum()
    sigma = np.sqrt(model.variance / 2)
    about = scores - scores.mean(axis=1, keepdims=True)

    def densities(effect):
        """Of the scores about their mean, which lie in n - 1 dimensions, for each state."""
        centres = effect * (np.eye(n) - 1 / n)
        return np.exp(-((about[:, None] - centres) ** 2).sum(axis=2) / (2 * sigma**2))

    last, total = np.zeros(n), 0.0
    silent = norm.pdf(level, model.unrelated, np.sqrt(own))
    alike = 0.0
    for g, p in zip(_GRID, prior, strict=True):
        effect = mean * np.exp(model.spread * g)
        centre = model.unrelated + share * effect
        at = norm.pdf(level, centre, np.sqrt(own + (_LEVEL_SPREAD * share * effect) ** 2))
        alike += p * at
        told = densities(effect)
        for dwell, weight in chains:
            step = transition_matrix(n, 1.0, dwell)
            for states in itertools.product(range(n), repeat=n_windows):
                path = 1 / n * np.prod([step[a, b] for a, b in itertools.pairwise(states)])
                path *= np.prod([told[t, k] for t, k in enumerate(states)])
                last[states[-1]] += (1 - none) * p * at * weight * path
    nothing = np.prod(densities(0.0)[:, 0]) * none * ((1 - _ALIKE) * silent + _ALIKE * alike)
    total = last.sum() + nothing
    return (last + nothing / n) / total, nothing / total


@pytest.mark.parametrize("n_stimuli", [2, 3])
@pytest.mark.parametrize("none", [0.0, 0.4])
def test_the_posterior_is_the_sum_over_all_possibilities(rng, n_stimuli, none):
    scores = drawn(rng, 4, 0.4, 0.2, 1, n_stimuli)
    found = MODEL.posterior(scores, np.ones(4, bool), 1.0, CHAINS, none)
    last, nothing = by_hand(MODEL, scores, CHAINS, none)
    np.testing.assert_allclose(found.probability[-1], last, rtol=1e-9)
    np.testing.assert_allclose(found.none, nothing, rtol=1e-9)


def test_windows_without_sound_tell_nothing(rng):
    scores, heard = drawn(rng, 12, 0.3, 0.1), np.ones(12, bool)
    padded = np.concatenate([scores, np.full((3, 2), 7.0)])
    stays = [(np.inf, 1.0)]
    alone = MODEL.posterior(scores, heard, 1.0, stays, 0.3)
    rests = MODEL.posterior(padded, np.arange(15) < 12, 1.0, stays, 0.3)
    assert rests.none[-1] == pytest.approx(alone.none[-1])
    np.testing.assert_allclose(rests.probability[12:], np.tile(alone.probability[-1], (3, 1)))
    silent = MODEL.posterior(scores, ~heard, 1.0, stays, 0.3)
    assert (silent.none == 0.3).all()
    np.testing.assert_allclose(silent.probability, 0.5)


def training(rng, n_trials=40, n_windows=60, effect=0.09, level=0.1):
    labels = [i % 2 for i in range(n_trials)]
    scores = [drawn(rng, n_windows, effect, level, k) for k in labels]
    unrelated = [[drawn(rng, n_windows, 0.0, 0.0) for _ in range(4)] for _ in labels]
    return scores, labels, unrelated


def test_distributions_are_those_of_the_scores(rng):
    model = ScoreModel.of(*training(rng), interval=np.array([0.07, 0.11]))
    assert model.attended == pytest.approx(0.145, abs=0.015)
    assert model.unattended == pytest.approx(0.055, abs=0.015)
    assert model.unrelated == pytest.approx(0.0, abs=0.01)
    assert model.variance == pytest.approx(2 * 0.27**2, rel=0.12)
    assert model.level_variance == pytest.approx(0.27**2, rel=0.12)
    assert model.level_spread < 0.01
    # That of any recording, and what the interval of the mean leaves open.
    assert model.spread == pytest.approx(np.hypot(0.5, 0.04 / 3.92 / 0.09), abs=0.01)


def test_what_neighbouring_windows_have_in_common_counts_once(rng):
    scores, labels, unrelated = training(rng, n_windows=200)
    smooth = [0.5 * (z[1:] + z[:-1]) for z in scores]
    model = ScoreModel.of(smooth, labels, unrelated, interval=np.array([0.07, 0.11]))
    # Means of two neighbours have half the variance and correlate by one half: as much as before.
    assert model.variance == pytest.approx(2 * 0.27**2, rel=0.12)


@pytest.mark.parametrize("case", ["no shifts", "scores that shifts do not change"])
def test_a_level_that_tells_nothing_is_not_looked_at(rng, case):
    scores, labels, _ = training(rng)
    unrelated = [[] if case == "no shifts" else [z] * 4 for z in scores]
    model = ScoreModel.of(scores, labels, unrelated, interval=np.array([0.07, 0.11]))
    assert model.level_variance == np.inf
    near, far = (
        model.posterior(scores[0] + level, np.ones(60, bool), 1.0, CHAINS, 0.3).none[-1]
        for level in (0.0, 5.0)
    )
    assert near == pytest.approx(far)


def calibration(model, rng, effect, level, n_recordings=200):
    confidence, right, width = [], [], []
    for i in range(n_recordings):
        scores = drawn(rng, 60, effect, level, i % 2)
        found = model.posterior(scores, np.ones(60, bool), 1.0, [(60.0, 0.1), (np.inf, 0.9)], 0.3)
        confidence.append(found.probability[4::5].max(axis=1))
        right.append(found.probability[4::5].argmax(axis=1) == i % 2)
        width.append((found.upper - found.lower)[4::5, 0])
    confidence, right = np.concatenate(confidence), np.concatenate(right)
    place = np.minimum(((confidence - 0.5) * 20).astype(int), 9)
    error = sum(
        (place == k).mean() * abs(confidence[place == k].mean() - right[place == k].mean())
        for k in range(10)
        if (place == k).any()
    )
    return error, confidence.mean(), np.concatenate(width)


def test_the_confidence_is_right_at_other_noise_and_about_nothing(rng):
    model = ScoreModel.of(*training(rng), interval=np.array([0.075, 0.105]))
    errors = {gain: calibration(model, rng, gain * 0.09, gain * 0.1)[0] for gain in (0.5, 1.0, 2.0)}
    assert max(errors.values()) <= 0.06, errors
    _, nothing, band = calibration(model, rng, 0.0, 0.0)
    assert nothing <= 0.55
    assert band.mean() > 0.1
    # Without any doubt about the recording it would be as sure as of one who attends.
    scores = [drawn(rng, 60, 0.0, 0.0) for _ in range(40)]
    certain = [
        model.posterior(z, np.ones(60, bool), 1.0, [(np.inf, 1.0)], 0.0).probability.max(axis=1)
        for z in scores
    ]
    assert np.mean(certain) > 0.6


def test_a_decoder_below_chance_tells_nothing(rng):
    model = ScoreModel(0.0, 0.1, 0.0, 0.15, 0.7, 0.07, 0.01)
    found = model.posterior(drawn(rng, 9, 0.5, 0.1), np.ones(9, bool), 1.0, CHAINS, 0.3)
    np.testing.assert_allclose(found.probability, 0.5)


def test_training_that_may_be_guessing_makes_none_more_probable(rng):
    parts = training(rng)
    sure = ScoreModel.of(*parts, interval=np.array([0.05, 0.13]))
    unsure = ScoreModel.of(*parts, interval=np.array([-0.06, 0.24]))
    mean = sure.attended - sure.unattended
    assert sure.guessing == pytest.approx(norm.cdf(-mean * 3.92 / 0.08))
    assert unsure.guessing > 0.1
    scores, heard = drawn(rng, 60, 0.09, 0.1), np.ones(60, bool)
    few, many = (m.posterior(scores, heard, 1.0, CHAINS, 0.0).none[-1] for m in (sure, unsure))
    assert few < 0.01
    assert many > few
