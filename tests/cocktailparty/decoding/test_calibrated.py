import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import cross_val_score

from cocktailparty import Trial
from cocktailparty.decoding import AttentionDecoderMixin, CalibratedDecoder

SLOPE = 3.0


class Told(AttentionDecoderMixin, BaseEstimator):
    """Decoder whose scores stand in the metadata of a trial, and which learns nothing."""

    def fit(self, trials, attended=None):
        self.fitted_ = True
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        scores = [trial.metadata[f"z{k}"] for k in range(trial.n_stimuli)]
        return np.tile(scores, (int(trial.duration / window), 1))


def trials(rng, n, slope=SLOPE, n_stimuli=2):
    found = []
    for i in range(n):
        scores = rng.normal(size=n_stimuli)
        p = np.exp(slope * scores) / np.exp(slope * scores).sum()
        found.append(
            Trial(
                rng.normal(size=(20, 1)), rng.random((n_stimuli, 20)), 4,
                attended=int(rng.choice(n_stimuli, p=p)), name=f"t{i}", story=f"s{i}",
                metadata={f"z{k}": float(z) for k, z in enumerate(scores)},
            )
        )  # fmt: skip
    return found


def test_the_slope_is_that_of_logistic_regression_without_a_constant(rng):
    some = trials(rng, 60)
    fitted = CalibratedDecoder(Told()).fit(some)
    z = np.array([t.metadata["z1"] - t.metadata["z0"] for t in some])[:, None]
    logistic = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-8)
    logistic.fit(z, [t.attended for t in some])
    assert fitted.slope_ == pytest.approx(logistic.coef_[0, 0], rel=1e-3)
    np.testing.assert_allclose(
        fitted.predict_proba(some)[:, 1], expit(fitted.slope_ * z[:, 0]), rtol=1e-12
    )


def test_probabilities_are_calibrated(rng):
    fitted = CalibratedDecoder(Told()).fit(trials(rng, 150, slope=1.0))
    new = trials(rng, 800, slope=1.0)
    probability = fitted.predict_proba(new)[:, 1]
    shares, means = calibration_curve([t.attended for t in new], probability, n_bins=4)
    np.testing.assert_allclose(shares, means, atol=0.12)


def test_tools_of_scikit_learn_take_them(rng):
    some = trials(rng, 40)
    labels = [t.attended for t in some]
    area = make_scorer(roc_auc_score, response_method="predict_proba")
    scores = cross_val_score(CalibratedDecoder(Told()), some, labels, scoring=area, cv=2)
    assert (scores > 0.8).all()
    loss = cross_val_score(CalibratedDecoder(Told()), some, labels, scoring="neg_log_loss", cv=2)
    assert (loss > np.log(0.5)).all()


def test_a_decoder_that_says_nothing_gets_equal_probabilities(rng):
    some = [t.replace(metadata={"z0": 1.0, "z1": 1.0}) for t in trials(rng, 10)]
    fitted = CalibratedDecoder(Told()).fit(some)
    assert fitted.slope_ == 0
    np.testing.assert_array_equal(fitted.predict_proba(some), 0.5)
    wrong = [t.replace(attended=int(t.metadata["z0"] > t.metadata["z1"])) for t in trials(rng, 10)]
    assert CalibratedDecoder(Told()).fit(wrong).slope_ == 0


def test_stimuli_that_are_not_there_are_impossible(rng):
    three = trials(rng, 8, n_stimuli=3)
    fitted = CalibratedDecoder(Told()).fit(three)
    found = fitted.predict_proba([*trials(rng, 2), three[0]])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found[:2, 2], 0)
    assert fitted.classes_.tolist() == [0, 1, 2]


def test_bad_trials_are_refused(rng):
    with pytest.raises(ValueError, match="two or more stimuli"):
        CalibratedDecoder(Told()).fit(trials(rng, 3, n_stimuli=1))
    with pytest.raises(ValueError, match="label"):
        CalibratedDecoder(Told()).fit([t.replace(attended=None) for t in trials(rng, 3)])
