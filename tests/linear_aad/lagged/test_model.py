import numpy as np
import pytest

from linear_aad import BackwardTRF
from linear_aad.lagged.model import LaggedModel


class Echo(LaggedModel):
    """Predicts its input."""

    _direction = -1

    def __init__(self, tmin=0.0, tmax=0.1, sfreq=10.0):
        self.tmin, self.tmax, self.sfreq = tmin, tmax, sfreq

    def fit(self, X, y):
        self._training_data(X, y)
        return self

    def predict(self, X):
        return X


def test_correlations_are_means_over_trials_and_zero_where_nothing_varies(rng):
    x = [rng.normal(size=(20 + i, 3)) for i in range(3)]
    y = [s + rng.normal(size=s.shape) for s in x]
    for s in y:
        s[:, 2] = 1.0
    model = Echo().fit(x, y)
    expected = [
        np.mean([np.corrcoef(a[:, j], b[:, j])[0, 1] for a, b in zip(x, y, strict=True)])
        for j in range(2)
    ]
    np.testing.assert_allclose(model.correlations(x, y), [*expected, 0.0])
    assert model.score(x, y) == pytest.approx(sum(expected) / 3)


def test_lags_of_the_input_rise_in_both_directions(rng):
    model = Echo(tmin=-0.1, tmax=0.2).fit(rng.normal(size=(9, 1)), rng.normal(size=9))
    np.testing.assert_array_equal(model.lags_, [-1, 0, 1, 2])
    np.testing.assert_array_equal(model._input_lags, [-2, -1, 0, 1])
    assert model.y_ndim_ == 1


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([np.ones((9, 1))], [np.ones(9)] * 2, "X has 1 trials but y has 2"),
        ([], [], "no trials were given"),
        (
            [np.ones((1, 1))],
            [np.ones(1)],
            r"reach 1 samples \(0\.1 s\) but trial 0 has n_samples=1",
        ),
        ([np.ones((9, 1))] * 2, [np.ones(9), np.ones((9, 2))], "differ in their number of"),
        ([np.ones((9, 1))], None, "requires y to be passed"),
    ],
)
def test_what_cannot_be_fitted_is_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        Echo().fit(X, y)


def test_ridge_speaks_of_the_same_correlations(rng):
    eeg, stimuli = [rng.normal(size=(50, 2))], [rng.normal(size=(50, 2))]
    trf = BackwardTRF(tmax=0.1, sfreq=10).fit(eeg, stimuli)
    expected = [np.corrcoef(trf.predict(eeg)[0][:, j], stimuli[0][:, j])[0, 1] for j in range(2)]
    np.testing.assert_allclose(trf.correlations(eeg, stimuli), expected)
