import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.signal import butter, sosfiltfilt
from scipy.stats import norm

from cocktailparty.separation.evidence import (
    attend,
    log_likelihood,
    log_prior,
    shift_statistics,
)
from cocktailparty.separation.weights import bold_weights, bounded_weights


def bursts(rng, n_frames=2000, n_components=6):
    """Loudness of independent components that come and go."""
    return rng.random((n_frames, n_components)) ** 6


@given(z=st.floats(-4, 6), other=st.floats(-4, 6), n_frames=st.integers(50, 20000))
@settings(max_examples=10)
def test_likelihood_is_the_integral_over_the_gain(z, other, n_frames):
    def integral(z):
        # The product of part and guide is normal around the gain, which is half-normal.
        scale = np.sqrt(n_frames) * 0.1
        value = quad(
            lambda gain: norm.pdf(z - gain) / norm.pdf(z) * 2 * norm.pdf(gain, scale=scale),
            0, 10 * scale, points=[max(z, 0)], limit=200,
        )[0]  # fmt: skip
        return np.log(value)

    found = log_likelihood(np.array([[z, other]]), np.eye(2), n_frames)[1:3, 0]
    assert found[0] - found[1] == pytest.approx(integral(z) - integral(other), abs=1e-6)


def test_prior_against_the_pairs_of_components(rng):
    loudness = bursts(rng, 50, 3)
    loudness[:, 1] += loudness[:, 0]
    loudness[:, 2] += 1 - loudness[:, 0]  # these two have no coupling
    coupling = np.maximum(np.corrcoef(loudness.T), 0)
    expected = np.full(8, -np.inf)
    for i in range(1, 7):
        s = 2 * ((i >> np.arange(3)) & 1) - 1
        expected[i] = sum(coupling[j, k] * s[j] * s[k] for j in range(3) for k in range(j))
    found = log_prior(loudness)
    np.testing.assert_allclose(found[1:-1] - found[1], expected[1:-1] - expected[1])
    assert np.exp(found).sum() == pytest.approx(1)
    assert found[0] == found[-1] == -np.inf


def test_products_are_those_of_shifted_guides(rng):
    loudness, guide = bursts(rng, 301, 2), rng.normal(size=301)
    products, covariance = shift_statistics(guide, loudness)
    for shift in (0, 1, 100):
        moved, same = shift_statistics(np.roll(guide, -shift), loudness)
        np.testing.assert_allclose(products[shift], moved[0], atol=1e-9)
        np.testing.assert_allclose(covariance, same)


def test_chance_is_as_wide_as_claimed(rng):
    # Guides with a steep spectrum, as envelopes have, that know nothing.
    loudness = np.cumsum(rng.normal(size=(4096, 3)), axis=0)
    loudness -= np.linspace(0, 1, 4096)[:, None] * loudness[-1]
    scores = []
    for _ in range(60):
        spectrum = np.fft.rfft(rng.normal(size=4096)) / (1 + np.arange(2049) / 100)
        products, covariance = shift_statistics(np.fft.irfft(spectrum), loudness)
        scores.append(products[0] / np.sqrt(np.diag(covariance)))
    assert 0.8 < np.std(scores) < 1.2


def test_what_lies_beyond_the_band_of_the_guide_does_not_drown_it():
    # As from EEG: from 1 to 9 Hz at 64 Hz, and nearly nothing beyond.
    sos = butter(4, [1, 9], "bandpass", fs=64, output="sos")
    scores = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        loudness = bursts(rng, 16000, 4)
        clean = loudness[:, 1] / loudness[:, 1].std()
        guide = sosfiltfilt(sos, clean + 3 * rng.normal(size=16000))
        products, covariance = shift_statistics(guide, loudness)
        scores.append(products[0] / np.sqrt(np.diag(covariance)))
    # It would be 20, were it known that nothing beyond counts, and 3.5 if the edges drown the rest.
    assert np.mean(scores, axis=0)[1] > 4.5
    assert np.abs(np.delete(scores, 1, axis=1)).max() < 3


def test_a_clear_guide_is_followed(rng):
    loudness = bursts(rng)
    guide = loudness[:, 1] + loudness[:, 4] + 0.1 * rng.normal(size=2000)
    found = attend(guide, loudness, np.diag([1.0, 2, 1, 1, 3, 1]))
    assert found.chosen.tolist() == [1, 4]
    np.testing.assert_allclose(found.weights, [0, 1, 0, 0, 1, 0], atol=0.02)
    assert found.confidence > 0.999
    assert found.p_value == 0.001
    assert found.correlation > 0.7
    # offset and scale mean nothing, the sign does
    same = attend(5 + 1e-3 * guide, loudness, np.diag([1.0, 2, 1, 1, 3, 1]))
    np.testing.assert_allclose(same.weights, found.weights, atol=1e-6)
    opposite = attend(-guide, loudness, np.diag([1.0, 2, 1, 1, 3, 1]))
    assert not set(opposite.chosen) & {1, 4}


def test_weak_evidence_adds_up_over_time():
    confidence = []
    for n_frames in (200, 2000, 20000):
        found = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            loudness = bursts(rng, n_frames, 5)
            clean = loudness[:, 2] / loudness[:, 2].std()
            guide = 0.1 * clean + rng.normal(size=n_frames)
            found.append(attend(guide, loudness, np.eye(5)).probabilities[2])
        confidence.append(np.mean(found))
    assert confidence[0] < 0.75
    assert confidence[2] > 0.99
    assert confidence[0] < confidence[1] < confidence[2]


def test_a_guide_that_knows_nothing_leaves_the_mixture():
    gaps, p_values = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = attend(rng.normal(size=400), bursts(rng, 400, 5), np.eye(5))
        gaps.append(np.ptp(found.weights) / found.weights.max())
        p_values.append(found.p_value)
        # a mixture of what was known before and what the guide says, adding up to one
        assert 0.25 < found.probabilities.mean() < 0.75
    assert np.median(gaps) < 0.3
    assert 0.2 < np.median(p_values) < 0.8


@pytest.mark.parametrize("which", ["constant guide", "silence"])
def test_nothing_to_go_by(rng, which):
    loudness, guide = bursts(rng, 100, 4), rng.normal(size=100)
    if which == "silence":
        loudness, gram = np.zeros((100, 4)), np.zeros((4, 4))
    else:
        guide, gram = np.full(100, 0.1), np.eye(4)
    found = attend(guide, loudness, gram)
    assert found.confidence == 0
    assert found.p_value == 1
    assert np.isnan(found.correlation)
    np.testing.assert_allclose(found.weights, found.weights[0], rtol=1e-4)


def uncertain(seed):
    """A Gram matrix of 4 components, three sets that are possible, and their probabilities."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(4, 6))
    posterior = np.zeros(16)
    some = rng.choice(np.arange(1, 15), 3, replace=False)
    posterior[some] = [0.6, 0.3, 0.1]  # drawn exactly by 200 sets
    sets = (some[:, None] >> np.arange(4)) & 1
    return rng, basis @ basis.T, posterior, sets, posterior[some]


def power_ratios(weights, sets, gram, numerator, denominator):
    """Power of the part in the output over that of all else, by the angle between them."""
    parts = sets @ gram
    cosine = (parts @ weights) ** 2 / (weights @ gram @ weights)
    cosine /= np.einsum("ij,ij->i", parts, sets)
    return (cosine + numerator) / (1 + denominator - cosine)


@given(seed=st.integers(0, 200))
@settings(max_examples=25)
def test_bold_weights_are_the_best_bet(seed):
    rng, gram, posterior, sets, probabilities = uncertain(seed)
    weights = bold_weights(posterior, gram)
    assert weights.max() == 1
    assert weights.min() >= 1e-3

    def risk(weights):
        return 1 / power_ratios(weights, sets, gram, 0.05, 0.05)

    mixture = risk(np.ones(4))
    expected = probabilities @ (risk(weights) / mixture)
    assert expected <= 1 + 1e-9
    # and no small change makes it better
    for change in 0.01 * rng.normal(size=(20, 4)):
        other = np.clip(weights + change, 1e-3, 1)
        assert probabilities @ (risk(other) / mixture) >= expected * (1 - 1e-3)


@given(seed=st.integers(0, 200), bold=st.lists(st.floats(0.001, 1), min_size=4, max_size=4))
@settings(max_examples=50)
def test_a_loss_is_improbable_and_the_step_the_longest(seed, bold):
    _, gram, posterior, sets, probabilities = uncertain(seed)
    bold = np.array(bold) / max(bold)
    weights = bounded_weights(bold, posterior, gram)
    assert np.all((weights >= 0) & (weights <= 1))

    def probability_of_loss(weights):
        found, mixture = (
            10 * np.log10(power_ratios(w, sets, gram, 1e-6, 2e-3)) for w in (weights, np.ones(4))
        )
        return probabilities @ (found < mixture - 0.5)

    assert probability_of_loss(weights) <= 0.02
    # a fortieth of the way further would be too far
    quiet = np.argmin(bold)
    ratio = (weights / weights.max())[quiet]
    step = (1 - ratio) / (1 - bold[quiet]) if bold[quiet] < 1 else 1.0
    if step < 0.99:
        assert probability_of_loss(1 + (step + 1 / 40) * (bold - 1)) > 0.02


def test_certainty_is_followed_and_doubt_is_not():
    bold = np.array([1.0, 0.001])
    sure, unsure = np.array([0, 1.0, 0, 0]), np.array([0, 0.9, 0.1, 0])
    np.testing.assert_allclose(bounded_weights(bold, sure, np.eye(2)), bold, rtol=1e-5)
    near = bounded_weights(bold, unsure, np.eye(2))
    assert 0.8 < near[1] / near[0] < 1
    # a part of nearly nothing but distortion: the model must see that it can be lost
    faint = np.diag([1.0, 1e-3])
    near = bounded_weights(bold, unsure, faint)
    assert near[1] / near[0] > 0.9
    np.testing.assert_array_equal(bounded_weights(bold, unsure, np.zeros((2, 2))), [0.5, 0.5])


def test_too_many_components_are_refused(rng):
    with pytest.raises(ValueError, match="n_components=19 must be at most 18"):
        attend(rng.normal(size=100), bursts(rng, 100, 19), np.eye(19))
