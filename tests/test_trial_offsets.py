"""An offset of its own in every trial changes no decision and no model."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Lasso, Ridge, SGDRegressor
from sklearn.neighbors import KNeighborsRegressor

from cocktailparty.datasets import simulate_two_talkers
from deep import SigLIPDecoder
from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    AttentionTracker,
    BackwardTRF,
    CCADecoder,
    ForwardTRF,
    LaggedRegressor,
    LassoTRF,
    PopulationTRF,
    StackedTRF,
    nested_leave_one_out,
    shift_test,
)
from linear_aad.lagged.moments import lag_matrix

LAGS = {"tmin": -2 / 64, "tmax": 6 / 64, "sfreq": 64}


@pytest.fixture
def signals(rng):
    """Inputs and outputs of five trials with an offset of their own each."""
    x = [rng.normal(size=(120 + 10 * i, 3)) for i in range(5)]
    y = [np.roll(s[:, :2], -3, axis=0) + rng.normal(size=(len(s), 2)) for s in x]
    return [s + 50 * rng.normal(size=3) for s in x], [s + 50 * rng.normal(size=2) for s in y]


def centred(part):
    return [s - s.mean(axis=0) for s in part]


MODELS = {
    "backward": BackwardTRF(**LAGS, alpha=3.0),
    "choice": BackwardTRF(**LAGS, alpha=[1.0, 1e2], alpha_convention="relative"),
    "each output": ForwardTRF(**LAGS, alpha=[1.0, 1e2], alpha_per_output=True),
    "forward": ForwardTRF(**LAGS, alpha=3.0, penalty="laplacian"),
    "bands": BackwardTRF(**LAGS, alpha=[1.0, 1e2], bands=(1, 2)),
    "models": ForwardTRF(**LAGS, alpha=3.0, averaging="models"),
    "shrinkage": BackwardTRF(**LAGS, alpha="ledoit-wolf"),
    "no constant": ForwardTRF(**LAGS, alpha=3.0, fit_intercept=False),
    "lasso": LassoTRF(**LAGS, alpha=[0.05, 0.3], tol=1e-10),
    "scikit-learn's lasso": LaggedRegressor(Lasso(alpha=0.05, tol=1e-10), **LAGS),
    "ridge": LaggedRegressor(Ridge(), **LAGS, direction="forward"),
    "descent": LaggedRegressor(
        SGDRegressor(random_state=0), **LAGS, max_passes=3, tol=0.5, random_state=0
    ),
    "neighbours": LaggedRegressor(KNeighborsRegressor(), **LAGS),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:SGDRegressor was still improving")
def test_offsets_of_trials_change_nothing_but_the_mean(signals, name):
    """A model of trials with offsets is that of trials without, which has no use for the option."""
    model = MODELS[name]
    x, y = signals
    plain = type(model)(**{**model.get_params(deep=False), "remove_mean": False})
    level = np.concatenate(y).mean(axis=0) * getattr(model, "fit_intercept", True)
    targets = centred(y)
    if isinstance(model, LaggedRegressor):  # some regressors care for the level of their targets
        targets, level = [s + level for s in targets], 0.0
    found, expected = model.fit(x, y), plain.fit(centred(x), targets)
    for attribute in ("coef_", "cv_scores_", "alpha_", "patterns_"):
        if hasattr(expected, attribute):
            scale = np.abs(getattr(expected, attribute)).max()
            np.testing.assert_allclose(
                getattr(found, attribute), getattr(expected, attribute), atol=1e-6 * scale
            )
    # Outputs of new trials get the mean of the training data: nothing is known about theirs.
    new = [s + 1e3 for s in x]
    for p, q in zip(found.predict(new), expected.predict(centred(x)), strict=True):
        np.testing.assert_allclose(p, q + level, rtol=1e-6, atol=1e-6 * (1 + np.abs(level).max()))
    np.testing.assert_allclose(
        found.correlations(new, y), expected.correlations(centred(x), centred(y)), atol=1e-6
    )


def test_the_model_solves_the_normal_equations_of_centred_trials(signals):
    x, y = signals
    trf = BackwardTRF(**LAGS, alpha=3.0).fit(x, y)
    lagged = np.concatenate([lag_matrix(s, trf.lags_) for s in centred(x)])
    targets = np.concatenate(centred(y))
    design = np.c_[lagged, np.ones(len(lagged))]
    penalty = np.diag(np.r_[np.full(lagged.shape[1], 3.0), 0.0])
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ targets)
    np.testing.assert_allclose(trf.coef_.reshape(2, -1).T, solution[:-1], atol=1e-10)
    level = np.concatenate(y).mean(axis=0)
    np.testing.assert_allclose(trf.intercept_, solution[-1] + level, atol=1e-10)
    assert np.concatenate(trf.predict(x)).mean(axis=0) == pytest.approx(level)


def test_fast_paths_see_trials_without_means(signals):
    x, y = signals
    several, one = BackwardTRF(**LAGS, alpha=[1.0, 1e2]), BackwardTRF(**LAGS, alpha=3.0)
    np.testing.assert_allclose(
        nested_leave_one_out(several, x, y).scores,
        nested_leave_one_out(several, centred(x), centred(y)).scores,
        atol=1e-9,
    )
    options = {"n_shifts": 5, "n_splits": 2, "min_shift": 0.2, "random_state": 0}
    np.testing.assert_allclose(
        shift_test(one, x, y, **options).null,
        shift_test(one, centred(x), centred(y), **options).null,
        atol=1e-9,
    )


@pytest.fixture(scope="module")
def listener():
    trials = simulate_two_talkers(n_trials=7, n_channels=6, snr=-22, random_state=0).trials
    rng = np.random.default_rng(0)
    size = 1e3 * np.std(trials[0].eeg)
    offset = [
        t.replace(eeg=t.eeg + size * rng.normal(size=6), stimuli=np.asarray(t.stimuli) + 5 * i)
        for i, t in enumerate(trials)
    ]
    return [t.crop(0, 20) for t in trials], [t.crop(0, 20) for t in offset]


RIDGE = BackwardTRF(0, 0.2, 64, alpha=1e-2, alpha_convention="relative")
SHRUNK = BackwardTRF(0, 0.2, 64, alpha="ledoit-wolf")
DECODERS = {
    "ridge": AttentionDecoder(RIDGE),
    "population": AttentionDecoder(PopulationTRF(tmax=0.2, alpha=1e-2)),
    "cca": CCADecoder(tmax=0.1, stimulus_tmax=0.1, train_window=5, n_components=2),
    "adaptive": AdaptiveDecoder(SHRUNK, random_state=0, segment=10),
    "tracker": AttentionTracker(AttentionDecoder(RIDGE)),
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoders_decide_the_same_with_offsets(listener, name):
    plain, offset = listener
    without, with_them = (
        DECODERS[name].fit(part[:5]).window_scores(part[6], 5.0) for part in (plain, offset)
    )
    np.testing.assert_allclose(with_them, without, atol=1e-6)


FEW = {"window": 2.0, "max_epochs": 1, "random_state": 0}
OF_THE_EEG = {
    "stack": (StackedTRF(tmax=0.2, alpha=1e-2), 1e-6),
    "siglip": (SigLIPDecoder(tmax=0.2, **FEW), 0.01),
    "siglip-thesis": (SigLIPDecoder("thesis", **FEW), 0.01),
}


# Half a minute of compilation; what takes off the means is the same as in the other.
THESIS = pytest.param("siglip-thesis", marks=pytest.mark.slow)


@pytest.mark.parametrize("name", ["stack", "siglip", THESIS])
def test_others_decide_the_same_with_offsets_of_the_eeg(listener, name):
    """Features of theirs know the level of the sound; networks compute in single precision."""
    decoder, tolerance = OF_THE_EEG[name]
    plain, offset = listener
    offset = [t.replace(stimuli=p.stimuli) for t, p in zip(offset, plain, strict=True)]
    without, with_them = (
        clone(decoder).fit(p[:5]).window_scores(p[6], 5.0) for p in (plain, offset)
    )
    np.testing.assert_allclose(with_them, without, atol=tolerance * np.abs(without).max())


def test_an_adaptive_decoder_keeps_the_level_of_the_stimuli(listener):
    _, offset = listener
    decoder = AdaptiveDecoder(SHRUNK, random_state=0, segment=20).fit(offset[:4])
    heard = [t.stimuli[k] for t, k in zip(offset[:4], decoder.labels_, strict=True)]
    level = np.mean([r.mean() for r in decoder.reconstruct(offset[:4])])
    assert level == pytest.approx(np.mean(heard), rel=1e-6)
