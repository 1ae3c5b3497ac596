import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from linear_aad import BackwardTRF
from linear_aad.lagged.moments import LaggedMoments, lag_matrix
from linear_aad.lagged.shrinkage import ledoit_wolf_penalty


@pytest.mark.parametrize("offset", [0.0, 3.0])
@pytest.mark.parametrize(
    ("lengths", "lags"), [((60, 40), (0, 6)), ((300,), (-3, 4)), ((30,), (0, 12))]
)
def test_same_shrinkage_as_scikit_learn(rng, lengths, lags, offset):
    lags = np.arange(*lags)
    trials = [rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) + offset for n in lengths]
    moments = [LaggedMoments.of(x, x[:, :1], lags) for x in trials]
    total = sum(moments[1:], start=moments[0]).dense()
    alpha = ledoit_wolf_penalty(total, trials, lags)

    lagged = np.concatenate([lag_matrix(x, lags) for x in trials])
    oracle = LedoitWolf().fit(lagged)
    n, p = lagged.shape
    mu = np.trace(total.centred()[0]) / n / p
    rho = alpha / (alpha + n * mu)
    assert rho == pytest.approx(oracle.shrinkage_, rel=1e-10)
    shrunk = (total.centred()[0] + alpha * np.eye(p)) * (1 - rho) / n
    np.testing.assert_allclose(shrunk, oracle.covariance_, rtol=1e-10, atol=1e-12)


def test_what_is_all_noise_is_shrunk_to_the_end():
    # Two samples, the same distance apart in every dimension: nothing differs from the identity.
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    moments = LaggedMoments.of(x, x[:, :1], np.arange(1)).dense()
    assert LedoitWolf().fit(x).shrinkage_ == 0  # scikit-learn's choice where both are the same
    assert ledoit_wolf_penalty(moments, [x], np.arange(1)) == pytest.approx(0.5 * 4 * 1e9)


def test_the_model_takes_the_penalty_by_name(rng):
    eeg = [rng.normal(size=(200, 4)) + 1 for _ in range(3)]
    eeg = [x - x.mean(axis=0) for x in eeg]
    stimuli = [x[:, :1] + rng.normal(size=(200, 1)) for x in eeg]
    named = BackwardTRF(0, 0.1, 64, alpha="ledoit-wolf").fit(eeg, stimuli)
    moments = [LaggedMoments.of(x, s, named.lags_) for x, s in zip(eeg, stimuli, strict=True)]
    total = sum(moments[1:], start=moments[0]).dense()
    assert named.alpha_ == pytest.approx(ledoit_wolf_penalty(total, eeg, named.lags_))
    given = BackwardTRF(0, 0.1, 64, alpha=named.alpha_).fit(eeg, stimuli)
    np.testing.assert_array_equal(named.coef_, given.coef_)
    with pytest.raises(ValueError, match="alpha must be 'ledoit-wolf' or one or several numbers"):
        BackwardTRF(0, 0.1, 64, alpha="lasso").fit(eeg, stimuli)
