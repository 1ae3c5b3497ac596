import numpy as np
import pytest

from linear_aad.lagged import trial_moments
from linear_aad.lagged.moments import LaggedMoments
from linear_aad.lagged.trial_moments import TrialMoments

LAGS = np.arange(-2, 4)


@pytest.fixture(params=[0, trial_moments.KEPT_BYTES], ids=["computed again", "kept"])
def data(rng, monkeypatch, request):
    monkeypatch.setattr(trial_moments, "KEPT_BYTES", request.param)
    x = [rng.normal(size=(30 + 5 * i, 3)) for i in range(4)]
    return x, [rng.normal(size=(len(s), 2)) for s in x]


def same(found, expected):
    for a, b in zip(found.dense().parts, expected.dense().parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_each_item_holds_the_sums_of_a_trial(data):
    trials = TrialMoments(*data, LAGS)
    assert len(trials) == 4
    assert trials.n_targets == 2
    for _ in range(2):
        for found, x, y in zip(trials, *data, strict=True):
            same(found, LaggedMoments.of(x, y, LAGS))
    same(trials[-1], trials[3])
    same(trials.total(), LaggedMoments.sum([trials[k] for k in range(4)]))
    same(trials[1:3].total(), trials[1] + trials[2])
    with pytest.raises(IndexError):
        trials[4]


def test_scaled_moments_are_those_of_scaled_signals(data):
    x, y = data
    factors = np.array([2.0, 0.5, -3.0])
    expected = TrialMoments([s * factors for s in x], y, LAGS)
    scaled = TrialMoments(x, y, LAGS).scaled(factors)
    for part in (scaled, scaled[1:]):
        same(part[-1], expected[-1])
    same(scaled.total(), expected.total())
    same(scaled.scaled(1 / factors).total(), TrialMoments(x, y, LAGS).total())


def test_only_moments_that_fit_into_memory_are_kept(data):
    trials = TrialMoments(*data, LAGS)
    kept = trial_moments.KEPT_BYTES > 0
    assert (trials[0] is trials[0]) is kept
