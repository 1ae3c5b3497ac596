"""The linear engine against mTRFpy and MNE-Python, single precision and other array libraries."""

import array_api_strict
import mne
import numpy as np
import pytest
from mne.decoding import TimeDelayingRidge
from mtrf.model import TRF
from mtrf.stats import crossval, nested_crossval

from cocktailparty import backend
from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged import systems
from linear_aad.nested import nested_leave_one_out
from linear_aad.shifts import shift_test

SFREQ, TMAX = 64, 25 / 64
ALPHAS = [1e-1, 1e1, 1e3]


def z(x):
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(float)


@pytest.fixture(scope="module")
def recordings(shared_data):
    """Four trials of one subject; envelope, and envelope with its onsets."""
    folder = shared_data("eeg/dtu_single_talker")
    trials = [np.load(path) for path in sorted(folder.glob("DTU_S7_*.npz"))]
    eeg, envelopes = [z(t["eeg"]) for t in trials], [z(t["envelope"]) for t in trials]
    onsets = [z(np.maximum(np.diff(e, axis=0, prepend=e[:1]), 0)) for e in envelopes]
    return eeg, envelopes, [np.c_[e, o] for e, o in zip(envelopes, onsets, strict=True)]


def difference(found, expected):
    """Largest difference, relative to the size of the whole."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


# mTRFpy: weights (inputs, lags, outputs) are multiplied with the sampling rate; lags of a backward
# model run from the EEG to the stimulus, so they are negative and fall. Lists that it is given are
# changed.


def theirs(stimuli, eeg, alpha, direction=1, method="ridge", **options):
    model = TRF(direction=direction, method=method)
    scores = model.train(list(stimuli), list(eeg), SFREQ, 0, TMAX, alpha, verbose=False, **options)
    return model, scores


@pytest.mark.parametrize(("n_channels", "alpha"), [(16, 1e-2), (16, 1e2), (16, 1e5), (64, 1e2)])
def test_backward_weights_are_those_of_mtrfpy(recordings, n_channels, alpha):
    eeg, envelopes, _ = recordings
    eeg = [x[:, :n_channels] for x in eeg]
    model, _ = theirs(envelopes, eeg, alpha, direction=-1)
    ours = BackwardTRF(0, TMAX, SFREQ, alpha, "mtrfpy", remove_mean=False)
    ours.fit(eeg, envelopes)
    assert difference(ours.coef_ * SFREQ, model.weights[:, ::-1].transpose(2, 0, 1)) < 1e-9
    predicted, _ = model.predict(list(envelopes), list(eeg))
    for a, b in zip(ours.predict(eeg), predicted, strict=True):
        assert difference(a, b) < 1e-9


@pytest.mark.parametrize("alpha", [1e-2, 1e2, 1e5])
@pytest.mark.parametrize(("method", "penalty"), [("ridge", "ridge"), ("tikhonov", "laplacian")])
def test_forward_weights_are_those_of_mtrfpy(recordings, alpha, method, penalty):
    eeg, envelopes, _ = recordings
    model, _ = theirs(envelopes, eeg, alpha, method=method)
    ours = ForwardTRF(0, TMAX, SFREQ, alpha, "mtrfpy", penalty=penalty, remove_mean=False)
    ours.fit(envelopes, eeg)
    assert difference(ours.coef_ * SFREQ, model.weights.transpose(0, 2, 1)) < 1e-9
    predicted, _ = model.predict(list(envelopes), list(eeg))
    for a, b in zip(ours.predict(envelopes), predicted, strict=True):
        assert difference(a, b) < 1e-9


def test_with_several_inputs_mtrfpy_compares_inputs_instead_of_lags(recordings):
    eeg, _, two = recordings
    model, _ = theirs(two, eeg, 1e8, method="tikhonov")
    assert difference(model.weights[1], model.weights[0]) < 1e-3
    ours = ForwardTRF(0, TMAX, SFREQ, 1e8, "mtrfpy", penalty="laplacian", remove_mean=False)
    ours.fit(two, eeg)
    assert difference(ours.coef_[..., 1:], ours.coef_[..., :-1]) < 1e-3
    assert difference(ours.coef_[1], ours.coef_[0]) > 0.1


@pytest.mark.parametrize(
    ("direction", "method", "penalty"),
    [(-1, "ridge", "ridge"), (1, "ridge", "ridge"), (1, "tikhonov", "laplacian")],
)
def test_cross_validated_scores_are_those_of_mtrfpy(recordings, direction, method, penalty):
    eeg, envelopes, _ = recordings
    eeg = [x[:, :16] for x in eeg]
    kind, pair = (
        (BackwardTRF, (eeg, envelopes)) if direction < 0 else (ForwardTRF, (envelopes, eeg))
    )
    ours = kind(0, TMAX, SFREQ, ALPHAS, "mtrfpy", penalty=penalty, remove_mean=False).fit(*pair)
    for alpha, scores in zip(ALPHAS, ours.cv_scores_, strict=True):
        model = TRF(direction=direction, method=method)
        r = crossval(model, list(envelopes), list(eeg), SFREQ, 0, TMAX, alpha, k=-1, verbose=False)
        assert abs(scores.mean() - r) < 1e-6


def test_bands_are_those_of_mtrfpy(recordings):
    eeg, envelopes, two = recordings
    model, scores = theirs(two, eeg, ALPHAS, method="banded", bands=[1, 1])
    options = {"bands": [1, 1], "remove_mean": False}
    ours = ForwardTRF(0, TMAX, SFREQ, ALPHAS, "mtrfpy", **options).fit(two, eeg)
    assert ours.cv_scores_.shape == (9, 4)
    np.testing.assert_allclose(ours.cv_scores_.mean(axis=1), scores, atol=1e-6)
    assert difference(ours.coef_ * SFREQ, model.weights.transpose(0, 2, 1)) < 1e-9
    # An input that says nothing gets a penalty of its own.
    rng = np.random.default_rng(0)
    noisy = [np.c_[e, rng.normal(size=e.shape)] for e in envelopes]
    model, _ = theirs(noisy, eeg, [1e1, 1e5], method="banded", bands=[1, 1])
    ours = ForwardTRF(0, TMAX, SFREQ, [1e1, 1e5], "mtrfpy", **options).fit(noisy, eeg)
    assert ours.alpha_[0] < ours.alpha_[1]
    assert difference(ours.coef_ * SFREQ, model.weights.transpose(0, 2, 1)) < 1e-9


@pytest.mark.parametrize(
    ("method", "parameters", "options"),
    [
        ("backward", {}, {}),
        ("ridge", {}, {}),
        ("tikhonov", {"penalty": "laplacian"}, {}),
        ("banded", {"bands": [1, 1]}, {"bands": [1, 1]}),
    ],
)
def test_nested_scores_are_those_of_mtrfpy(recordings, method, parameters, options):
    eeg, envelopes, two = recordings
    eeg, stimuli = [x[:, :8] for x in eeg], two if method == "banded" else envelopes
    if method == "backward":
        kind, pair, model = BackwardTRF, (eeg, stimuli), TRF(direction=-1)
    else:
        kind, pair, model = ForwardTRF, (stimuli, eeg), TRF(method=method)
    scores, chosen = nested_crossval(
        model, list(stimuli), list(eeg), SFREQ, 0, TMAX, ALPHAS, k=-1, verbose=False, **options
    )
    ours = kind(0, TMAX, SFREQ, ALPHAS, "mtrfpy", remove_mean=False, **parameters)
    ours = nested_leave_one_out(ours, *pair)
    np.testing.assert_allclose(ours.scores.mean(axis=1), scores, atol=1e-6)
    if method == "banded":  # the penalties stand in a matrix: the constant, then inputs by lags
        chosen = [np.diag(matrix)[1:3] for matrix in chosen]
    np.testing.assert_allclose(ours.alphas[:, 0].squeeze(), chosen)


# mTRF-Toolbox: (X'X + M lambda / delta) \ X'y / delta over the samples of all trials, with a column
# of ones, delta = 1 / fs, and the columns of X in the order of lags, inputs within.


def lag_matrix(x, lags):
    """The columns of one trial: ones, then x at time t - lag, zero beyond its ends."""
    columns = [np.ones((len(x), 1))]
    for lag in lags:
        shifted = np.zeros_like(x)
        shifted[max(lag, 0) : len(x) + min(lag, 0)] = x[max(-lag, 0) : len(x) - max(lag, 0)]
        columns.append(shifted)
    return np.hstack(columns)


@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
@pytest.mark.parametrize("kind", [ForwardTRF, BackwardTRF])
def test_weights_solve_the_equations_of_the_matlab_toolbox(rng, kind, penalty):
    n_inputs = 1 if penalty == "laplacian" else 3  # that penalty mixes inputs there
    x = [rng.normal(size=(n, n_inputs)) for n in (200, 240, 220)]
    y = [rng.normal(size=(len(trial), 2)) + 1 for trial in x]
    lags = range(-2, 8) if kind is ForwardTRF else range(-7, 3)
    matrices = [lag_matrix(trial, lags) for trial in x]
    matrix = np.eye(matrices[0].shape[1])
    if penalty == "laplacian":
        matrix -= (np.eye(len(matrix), k=1) + np.eye(len(matrix), k=-1)) / 2
        matrix[1, 1] = matrix[-1, -1] = 0.5
        matrix[0, 1] = matrix[1, 0] = 0
    matrix[0, 0] = 0
    xx = sum(a.T @ a for a in matrices)
    xy = sum(a.T @ b for a, b in zip(matrices, y, strict=True))
    weights = np.linalg.solve(xx + 30 * SFREQ * matrix, xy) * SFREQ
    expected = weights[1:].reshape(n_inputs, len(lags), 2, order="F")
    ours = kind(-2 / 64, 7 / 64, SFREQ, 30.0, "mtrf-toolbox", penalty=penalty, remove_mean=False)
    ours.fit(x, y)
    if kind is ForwardTRF:
        expected = expected.transpose(0, 2, 1)
    else:
        expected = expected[:, ::-1].transpose(2, 0, 1)
    assert difference(ours.coef_ * SFREQ, expected) < 1e-9
    assert difference(ours.intercept_ * SFREQ, weights[0]) < 1e-9


# MNE: trials are a stack (n_times, n_trials, n_channels), lags of a backward model run from the
# EEG to the stimulus. Its intercept is a mean over all data that is taken off before lagging.


@pytest.fixture(scope="module")
def mne_ridge():
    def fit(inputs, outputs, tmin, tmax, penalty, fit_intercept):
        # squared differences in time only, not between inputs
        kind = "ridge" if penalty == "ridge" else ("laplacian", "ridge")
        with mne.use_log_level("ERROR"):
            model = TimeDelayingRidge(tmin, tmax, SFREQ, 1e3, kind, fit_intercept)
            return model.fit(np.stack(inputs, axis=1), np.stack(outputs, axis=1)).coef_

    return fit


@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
@pytest.mark.parametrize("tmin", [-3 / 64, 0.0, 2 / 64])
def test_weights_are_those_of_mne(recordings, mne_ridge, penalty, tmin):
    eeg, _, two = recordings
    options = {"penalty": penalty, "fit_intercept": False, "remove_mean": False}
    ours = ForwardTRF(tmin, TMAX, SFREQ, 1e3, **options).fit(two, eeg)
    weights = mne_ridge(two, eeg, tmin, TMAX, penalty, False)
    assert difference(ours.coef_, weights.transpose(1, 0, 2)) < 1e-9
    eeg = [x[:, :16] for x in eeg]
    ours = BackwardTRF(tmin, TMAX, SFREQ, 1e3, **options).fit(eeg, two)
    weights = mne_ridge(eeg, two, -TMAX, -tmin, penalty, False)
    assert difference(ours.coef_, weights[:, :, ::-1]) < 1e-9


@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
def test_the_intercept_of_mne_is_a_mean_of_the_data(recordings, mne_ridge, penalty):
    eeg, _, two = recordings
    eeg, two = [x[:, :16] + 2 for x in eeg], [s - 3 for s in two]
    weights = mne_ridge(eeg, two, -TMAX, 0, penalty, True)[:, :, ::-1]
    centred = [[x - np.concatenate(part).mean(axis=0) for x in part] for part in (eeg, two)]
    options = {"penalty": penalty, "remove_mean": False}
    ours = BackwardTRF(0, TMAX, SFREQ, 1e3, fit_intercept=False, **options).fit(*centred)
    assert difference(ours.coef_, weights) < 1e-9
    # A constant that is fitted differs at the ends of the trials, where lagged samples are zero.
    fitted = BackwardTRF(0, TMAX, SFREQ, 1e3, **options).fit(eeg, two)
    assert difference(fitted.coef_, weights) > 1e-5


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (BackwardTRF, {}),
        (BackwardTRF, {"penalty": "laplacian"}),
        (BackwardTRF, {"bands": [32, 32], "alpha": [1.0, 1e3]}),
        (BackwardTRF, {"averaging": "models"}),
        (ForwardTRF, {}),
        (ForwardTRF, {"penalty": "laplacian"}),
        (ForwardTRF, {"bands": [1, 1]}),
        (ForwardTRF, {"fit_intercept": False}),
        (ForwardTRF, {"alpha": "ledoit-wolf"}),
    ],
)
def test_single_precision_is_enough(recordings, kind, parameters):
    eeg, _, two = recordings
    pair = (eeg, two) if kind is BackwardTRF else (two, eeg)
    single = [[x.astype(np.float32) for x in part] for part in pair]
    models, r = [], []
    for X, y in (pair, single):
        model = kind(**{"tmax": 12 / 64, "sfreq": SFREQ, "alpha": [1e1, 1e3], **parameters})
        models.append(model.fit(X, y))
        r.append(model.correlations(X, y))
    assert models[1].predict(single[0])[0].dtype == np.float32
    assert difference(models[1].coef_, models[0].coef_) < 1e-3
    assert np.abs(r[1] - r[0]).max() < 1e-4
    if hasattr(models[0], "cv_scores_"):
        assert np.abs(models[1].cv_scores_ - models[0].cv_scores_).max() < 1e-4


# Other array libraries. Arrays of array_api_strict are made to refuse what those of CuPy refuse:
# to become NumPy arrays unless they are asked to.


@pytest.fixture(
    params=[
        "array_api_strict",
        pytest.param(
            "cupy",
            marks=pytest.mark.skipif(
                not backend.gpu_available(), reason="needs CuPy and a CUDA GPU"
            ),
        ),
    ]
)
def to(request, monkeypatch):
    if request.param == "cupy":
        return lambda x: backend.to_device(x, "cuda")
    kind = type(array_api_strict.zeros(1))

    def refuse(*arguments, **options):
        raise TypeError("implicit conversion to a NumPy array")

    monkeypatch.setattr(kind, "__array__", refuse, raising=False)
    monkeypatch.setattr(kind, "__buffer__", refuse, raising=False)
    monkeypatch.setattr(kind, "get", lambda self: self._array, raising=False)
    monkeypatch.setattr(backend, "is_cupy", lambda x: isinstance(x, kind))
    return array_api_strict.asarray


@pytest.fixture
def listener(rng):
    stimuli = [rng.random((120 + 10 * i, 2)) for i in range(4)]
    mixing = rng.normal(size=(2, 3))
    return [np.roll(s, 2, axis=0) @ mixing + rng.normal(size=(len(s), 3)) for s in stimuli], stimuli


SEVERAL = [0.1, 10.0, 1e3]
ENGINE = {
    "one penalty": {"alpha": 1.0},
    "ridge": {"alpha": SEVERAL},
    "relative": {"alpha": SEVERAL, "alpha_convention": "relative"},
    "laplacian": {"alpha": SEVERAL, "penalty": "laplacian"},
    "bands": {"alpha": SEVERAL[::2], "bands": (1, 1), "alpha_convention": "relative"},
    "random bands": {"alpha": SEVERAL, "bands": (1, 1), "band_search": 3, "random_state": 0},
    "shrinkage": {"alpha": "ledoit-wolf"},
    "models": {"alpha": SEVERAL, "averaging": "models", "penalty": "laplacian"},
    "no constant": {"alpha": SEVERAL, "fit_intercept": False},
    "each output": {"alpha": SEVERAL, "alpha_per_output": True},
}


def engine(case, kind, data, dtype=np.float64):
    parameters = dict(ENGINE[case])
    if kind is BackwardTRF and "bands" in parameters:
        parameters["bands"] = (1, 2)
    X, y = data if kind is BackwardTRF else data[::-1]
    X, y = ([x.astype(dtype) for x in part] for part in (X, y))
    return kind(-2 / 64, 5 / 64, 64, **parameters), X, y


def move(to, *lists):
    return [[to(x) for x in part] for part in lists]


@pytest.mark.parametrize("near", [False, True], ids=["direct", "spectrum"])
@pytest.mark.parametrize("kind", [BackwardTRF, ForwardTRF])
@pytest.mark.parametrize("case", ENGINE)
def test_models_of_any_array_library_are_the_same(monkeypatch, listener, to, case, kind, near):
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: near)
    model, X, y = engine(case, kind, listener)
    there = move(to, X, y)
    moved = kind(**model.get_params()).fit(*there)
    model.fit(X, y)
    for name in ["coef_", "intercept_"] + ["patterns_"] * (kind is BackwardTRF):
        found, expected = getattr(moved, name), getattr(model, name)
        assert isinstance(found, type(there[0][0]))
        tolerance = 1e-10 * np.abs(expected).max()
        np.testing.assert_allclose(backend.to_numpy(found), expected, atol=tolerance, rtol=0)
    if hasattr(model, "cv_scores_"):
        np.testing.assert_allclose(moved.cv_scores_, model.cv_scores_, atol=1e-10)
    np.testing.assert_allclose(moved.alpha_, model.alpha_, rtol=1e-10)
    for a, b in zip(moved.predict(there[0]), model.predict(X), strict=True):
        assert isinstance(a, type(there[0][0]))
        np.testing.assert_allclose(backend.to_numpy(a), b, atol=1e-10)
    assert moved.score(*there) == pytest.approx(model.score(X, y), abs=1e-10)


@pytest.mark.parametrize("kind", [BackwardTRF, ForwardTRF])
def test_single_precision_of_any_array_library(listener, to, kind):
    model, X, y = engine("ridge", kind, listener, np.float32)
    there = move(to, X, y)
    moved = kind(**model.get_params()).fit(*there)
    assert difference(backend.to_numpy(moved.coef_), model.fit(X, y).coef_) < 1e-4
    predicted = moved.predict(there[0])[0]
    assert backend.to_numpy(predicted).dtype == np.float32


@pytest.mark.parametrize("near", [False, True], ids=["direct", "spectrum"])
@pytest.mark.parametrize("kind", [BackwardTRF, ForwardTRF])
@pytest.mark.parametrize("case", [c for c in ENGINE if ENGINE[c]["alpha"] is SEVERAL])
def test_nested_scores_of_any_array_library_are_the_same(
    monkeypatch, listener, to, case, kind, near
):
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: near)
    model, X, y = engine(case, kind, listener)
    here, there = (nested_leave_one_out(model, *pair) for pair in ((X, y), move(to, X, y)))
    np.testing.assert_allclose(there.inner_scores, here.inner_scores, atol=1e-10)
    np.testing.assert_allclose(there.scores, here.scores, atol=1e-10)
    np.testing.assert_array_equal(there.alphas, here.alphas)


@pytest.mark.parametrize("kind", [BackwardTRF, ForwardTRF])
@pytest.mark.parametrize("case", [c for c in ENGINE if c not in ("models", "random bands")])
def test_nulls_of_any_array_library_are_the_same(listener, to, case, kind):
    model, X, y = engine(case, kind, listener)
    if not isinstance(model.alpha, str):
        model.set_params(alpha=1.0)
    options = {"n_shifts": 5, "n_splits": 2, "min_shift": 0.3, "random_state": 0}
    here, there = (shift_test(model, *pair, **options) for pair in ((X, y), move(to, X, y)))
    np.testing.assert_allclose(there.null, here.null, atol=1e-10)
    assert there.observed == pytest.approx(here.observed, abs=1e-10)


def test_libraries_are_not_mixed_silently(listener, to):
    eeg, stimuli = listener
    with pytest.raises(TypeError):
        BackwardTRF(0, 0.05, 64).fit([to(x) for x in eeg], stimuli)
    fitted = BackwardTRF(0, 0.05, 64).fit(eeg, stimuli)
    with pytest.raises(TypeError):
        fitted.predict([to(x) for x in eeg])
