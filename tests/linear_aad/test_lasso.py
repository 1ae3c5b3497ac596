import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from sklearn.utils.estimator_checks import parametrize_with_checks

from linear_aad import BackwardTRF
from linear_aad.lagged.moments import lag_matrix
from linear_aad.lasso import LassoTRF

LAGS = {"tmin": -0.05, "tmax": 0.1, "sfreq": 64.0}


@pytest.fixture
def trials(rng):
    """Return EEG of five trials in which two of four channels answer to two features."""
    stimuli = [rng.random((n, 2)) for n in (200, 260, 180, 220, 240)]
    gains = np.array([[1.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.7, 0.0]])
    eeg = [
        5 + np.roll(s, 4, axis=0) @ gains + rng.normal(scale=0.4, size=(len(s), 4)) for s in stimuli
    ]
    return eeg, stimuli


def limits(x, y):
    return np.abs((x - x.mean(axis=0)).T @ (y - y.mean(axis=0))).max(axis=0)


def test_weights_are_those_of_scikit_learn_on_the_lag_matrix(trials):
    eeg, stimuli = trials
    trf = LassoTRF(**LAGS, alpha=0.15, tol=1e-10, remove_mean=False).fit(eeg, stimuli)
    x, y = np.concatenate([lag_matrix(e, trf.lags_) for e in eeg]), np.concatenate(stimuli)
    for f, limit in enumerate(limits(x, y)):
        lasso = Lasso(alpha=0.15 * limit / len(x), tol=1e-12, max_iter=100_000).fit(x, y[:, f])
        np.testing.assert_allclose(trf.coef_[f].ravel(), lasso.coef_, atol=1e-6)
        assert trf.intercept_[f] == pytest.approx(lasso.intercept_, rel=1e-5)
        assert 0 < np.count_nonzero(trf.coef_[f]) < trf.coef_[f].size / 2
        predicted = lasso.predict(lag_matrix(eeg[2], trf.lags_))
        np.testing.assert_allclose(trf.predict(eeg)[2][:, f], predicted, rtol=1e-5)
    assert LassoTRF(**LAGS, alpha=1.0).fit(eeg, stimuli).coef_.any() == np.False_


def test_the_penalty_is_chosen_by_trials_that_are_left_out(trials):
    eeg, stimuli = trials
    alphas = [0.03, 0.9, 0.2]
    trf = LassoTRF(**LAGS, alpha=alphas, tol=1e-8).fit(eeg, stimuli)
    expected = [
        [
            LassoTRF(**LAGS, alpha=alpha, tol=1e-8)
            .fit(eeg[:k] + eeg[k + 1 :], stimuli[:k] + stimuli[k + 1 :])
            .score(eeg[k], stimuli[k])
            for k in range(5)
        ]
        for alpha in alphas
    ]
    np.testing.assert_allclose(trf.cv_scores_, expected, atol=1e-6)
    assert trf.alpha_ == alphas[np.mean(expected, axis=1).argmax()] != 0.9
    alone = LassoTRF(**LAGS, alpha=trf.alpha_, tol=1e-8).fit(eeg, stimuli)
    np.testing.assert_allclose(trf.coef_, alone.coef_, atol=1e-6)


def test_units_do_not_matter(trials):
    eeg, stimuli = trials
    trf = LassoTRF(**LAGS, alpha=[0.3, 0.1]).fit(eeg, stimuli)
    other = LassoTRF(**LAGS, alpha=[0.3, 0.1]).fit(
        [1e-6 * e for e in eeg], [100 * s for s in stimuli]
    )
    assert other.alpha_ == trf.alpha_
    np.testing.assert_allclose(other.coef_, 1e8 * trf.coef_, rtol=1e-4, atol=1)


def test_shapes_and_dtypes_are_those_of_the_other_models(trials):
    eeg, stimuli = trials
    ridge = BackwardTRF(**LAGS).fit(eeg, stimuli)
    lasso = LassoTRF(**LAGS).fit(eeg, stimuli)
    for name in ("coef_", "intercept_", "lags_"):
        assert getattr(lasso, name).shape == getattr(ridge, name).shape
    flat = LassoTRF(**LAGS).fit(eeg, [s[:, 0] for s in stimuli])
    np.testing.assert_allclose(flat.coef_[0], lasso.coef_[0], atol=1e-8)
    assert flat.predict(eeg[0]).shape == (200,)
    assert lasso.predict([e.astype(np.float32) for e in eeg])[0].dtype == np.float32
    constant = [np.c_[s[:, 0], np.ones(len(s))] for s in stimuli]
    assert not LassoTRF(**LAGS).fit(eeg, constant).coef_[1].any()


def test_bad_input_is_named(trials):
    eeg, stimuli = trials
    for parameters, message in (
        ({"alpha": 0.0}, "above 0 and up to 1, got 0.0"),
        ({"alpha": [0.1, 2.0]}, "up to 1"),
        ({"alpha": []}, "up to 1"),
        ({"alpha": "ledoit-wolf"}, "up to 1"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"tol": 0.0}, "tol must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            LassoTRF(**LAGS, **parameters).fit(eeg, stimuli)
    with pytest.raises(ValueError, match="at least 2 trials"):
        LassoTRF(**LAGS, alpha=[0.1, 0.2]).fit(eeg[0], stimuli[0])
    with pytest.warns(ConvergenceWarning):
        LassoTRF(**LAGS, alpha=0.001, max_iter=1, tol=1e-12).fit(eeg, stimuli)


@parametrize_with_checks(
    [LassoTRF(tmax=0.0, alpha=0.01)],
    expected_failed_checks=lambda estimator: {
        "check_methods_subset_invariance": "a part of a trial loses another mean"
    },
)
def test_the_contract_of_scikit_learn_is_kept(estimator, check):
    check(estimator)
