import numpy as np
import pytest

from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged_ridge import LaggedRidge


def test_the_base_is_not_a_model():
    with pytest.raises(TypeError, match="abstract"):
        LaggedRidge()


@pytest.mark.parametrize("model", [BackwardTRF, ForwardTRF])
def test_constant_signals_correlate_with_nothing(rng, model):
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 3))
    fitted = model(0, 0.05, 64).fit([x, x], [y, y])
    y[:, 1] = 4.0
    r = fitted.correlations([x], [y])
    assert r[1] == 0
    assert np.all(np.abs(r[[0, 2]]) > 0)


def test_both_directions_use_the_same_sign_of_lags(rng):
    stimulus = rng.normal(size=(3000, 1))
    eeg = np.roll(stimulus, 5, axis=0) + rng.normal(size=(3000, 1))
    for model, pair in ((BackwardTRF, (eeg, stimulus)), (ForwardTRF, (stimulus, eeg))):
        fitted = model(-0.1, 0.15, 64).fit(*pair)
        assert fitted.lags_[np.abs(fitted.coef_[0, 0]).argmax()] == 5
