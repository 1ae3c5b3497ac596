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


def test_each_output_may_choose_its_penalty(rng):
    # Clean responses of one lag want no penalty, weak ones to a smooth stimulus a large one.
    smooth = [np.apply_along_axis(np.convolve, 0, rng.normal(size=(300, 2)), np.ones(9), "same")
              for _ in range(4)]  # fmt: skip
    stimuli = [s + 0.01 * rng.normal(size=s.shape) for s in smooth]
    eeg = [
        np.c_[3 * s[:, 0] + 0.001 * rng.normal(size=300), s[:, 1] + 30 * rng.normal(size=300)]
        for s in stimuli
    ]
    alphas = [1e-2, 1e3, 1e5]
    fitted = ForwardTRF(0, 0.1, 64, alphas, alpha_per_output=True).fit(stimuli, eeg)
    assert fitted.alpha_.shape == (2,)
    assert fitted.cv_scores_.shape == (3, 4)
    for c in range(2):
        alone = ForwardTRF(0, 0.1, 64, alphas).fit(stimuli, [x[:, c] for x in eeg])
        assert alone.alpha_ == fitted.alpha_[c]
        np.testing.assert_allclose(fitted.coef_[:, [c]], alone.coef_, rtol=1e-10, atol=1e-14)
    together = ForwardTRF(0, 0.1, 64, alphas).fit(stimuli, eeg)
    assert isinstance(together.alpha_, float)
    assert len(set(fitted.alpha_)) == 2
