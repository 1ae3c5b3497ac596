import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.datasets import simulate_two_talkers
from linear_aad import AdaptiveDecoder, BackwardTRF, CCADecoder
from linear_aad.haufe import patterns
from linear_aad.lagged.moments import lag_matrix


@given(
    seed=st.integers(0, 2**32 - 1),
    n_regressors=st.integers(2, 8),
    n_sources=st.integers(1, 4),
    exponent=st.integers(-9, 9),
)
def test_patterns_are_the_closed_form_whatever_the_units(seed, n_regressors, n_sources, exponent):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, n_regressors)) @ rng.normal(size=(n_regressors, n_regressors))
    units = 10.0 ** (exponent * np.arange(n_sources) / max(1, n_sources - 1))
    weights = rng.normal(size=(n_regressors, min(n_sources, n_regressors)))
    weights = weights * units[: weights.shape[1]]
    covariance = np.cov(x.T)
    found = patterns(covariance @ weights, weights)
    scale = np.sqrt(np.einsum("ij,ij->j", weights, covariance @ weights))
    normed = weights / scale
    sources = normed.T @ covariance @ normed
    if np.linalg.cond(sources) < 1e6:
        expected = covariance @ normed @ np.linalg.inv(sources) / scale
        error = np.abs((found - expected) * scale).max()
        assert error < 1e-7 * np.abs(expected * scale).max()


def test_dependent_and_constant_sources_get_the_pseudo_inverse(rng):
    covariance = np.cov(rng.normal(size=(50, 4)).T)
    w = rng.normal(size=(4, 2))
    weights = np.c_[w[:, 0], w[:, 0], np.zeros(4), w[:, 1]]
    found = patterns(covariance @ weights, weights)
    alone = patterns(covariance @ w, w)
    np.testing.assert_allclose(found, np.c_[alone[:, 0] / 2, alone[:, 0] / 2, np.zeros(4),
                                            alone[:, 1]], atol=1e-12)  # fmt: skip


@pytest.mark.parametrize("alpha", [0.0, 0.01, 10.0])
@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
def test_patterns_invert_the_weights(alpha, penalty):
    """The same data and identity as MNE's test of its inverse coefficients, but exactly."""
    rng = np.random.RandomState(0)
    n_inputs, n_outputs, lags = 3, 2, np.arange(-10, 1)
    x = rng.randn(1000, n_inputs)
    y = lag_matrix(x, lags) @ rng.randn(n_inputs * len(lags), n_outputs)
    for inputs, outputs in ((x, y), (y, x)):
        trf = BackwardTRF(-10.0, 0.0, 1.0, alpha, penalty=penalty).fit(inputs, outputs)
        k = outputs.shape[1]
        assert trf.coef_.shape == trf.patterns_.shape == (k, inputs.shape[1], len(lags))
        weights, found = trf.coef_.reshape(k, -1), trf.patterns_.reshape(k, -1)
        np.testing.assert_allclose(weights @ found.T, np.eye(k), atol=1e-8)


def test_a_feature_does_not_leak_into_the_pattern_of_one_that_it_correlates_with(rng):
    stimuli = rng.normal(size=(20_000, 2)) @ [[1.0, 0.8], [0.0, 0.6]]
    truth = np.zeros((2, 6))
    truth[0, 0] = truth[1, 3] = 1.0
    eeg = stimuli @ truth + 0.05 * rng.normal(size=(20_000, 6))
    trf = BackwardTRF(0, 0, 1.0, 1e-6).fit(eeg, stimuli)
    np.testing.assert_allclose(trf.patterns_[:, :, 0], truth, atol=0.02)


@pytest.fixture(scope="module")
def listeners():
    """Trials of a simulated listener; each sound is its envelope and the onsets of that."""
    trials = simulate_two_talkers(n_trials=4, n_channels=6, random_state=0).trials
    found = []
    for trial in trials:
        envelope = np.asarray(trial.stimuli)
        onsets = np.maximum(np.diff(envelope, axis=1, prepend=0), 0)
        found.append(trial.replace(stimuli=np.concatenate([envelope, onsets], axis=2)))
    return found


@pytest.mark.parametrize(
    "decoder",
    [
        CCADecoder(tmax=0.1, stimulus_tmax=0.1, sfreq=64, alpha=1.0, n_components=2),
        AdaptiveDecoder(BackwardTRF(tmax=0.1, sfreq=64, alpha="ledoit-wolf"), random_state=0),
    ],
    ids=["cca", "adaptive"],
)
def test_patterns_of_every_decoder_invert_its_weights(listeners, decoder):
    fitted = decoder.fit(listeners)
    weights = fitted.coef_eeg_ if isinstance(decoder, CCADecoder) else fitted.coef_
    k = len(weights)
    product = weights.reshape(k, -1) @ fitted.patterns_.reshape(k, -1).T
    np.testing.assert_allclose(product, np.eye(k), atol=1e-8)
