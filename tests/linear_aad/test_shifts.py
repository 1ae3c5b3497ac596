import sys
from itertools import pairwise

import array_api_strict
import numpy as np
import pytest
from scipy.stats import binom

from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged.moments import lag_matrix
from linear_aad.lagged.trial_moments import TrialMoments
from linear_aad.shifts import _shifted_products, shift_test

SFREQ = 64


@pytest.fixture
def data(rng):
    stimuli = [rng.normal(size=(90 + 7 * i, 2)) + 1 for i in range(5)]
    mixing = rng.normal(size=(2, 3))
    eeg = [np.roll(s, 2, axis=0) @ mixing + rng.normal(size=(len(s), 3)) + 3 for s in stimuli]
    return eeg, stimuli


@pytest.mark.parametrize("lags", [[0], range(4), range(-5, -1), range(-3, 6)])
@pytest.mark.parametrize("to", [np.asarray, array_api_strict.asarray])
def test_products_at_all_shifts(rng, lags, to):
    lags, shifts = np.array(lags), np.array([0, 1, 7, 39, 40, 25])
    x, y = rng.normal(size=(40, 3)) + 2, rng.normal(size=(40, 2)) + 1
    factors = np.array([1.0, 0.2, -3.0])
    moments = TrialMoments([to(x)], [to(y)], lags)
    for trials, scaled in ((moments, x), (moments.scaled(to(factors)), x * factors)):
        found = np.asarray(_shifted_products(trials, 0, shifts)).T
        found = found.reshape(-1, len(shifts), 2)
        for i, shift in enumerate(shifts):
            expected = lag_matrix(scaled, lags).T @ np.roll(y, shift, axis=0)
            np.testing.assert_allclose(found[:, i], expected, atol=1e-11)


def explicit(model, X, y, shifts, n_splits):
    """Refit the model for every shift, and score it on the samples of each fold."""
    limits = np.linspace(0, len(X), n_splits + 1).round().astype(int)
    scores = []
    for row in shifts:
        moved = [np.roll(s, shift, axis=0) for s, shift in zip(y, row, strict=True)]
        folds = []
        for first, last in pairwise(limits):
            model.fit(X[:first] + X[last:], moved[:first] + moved[last:])
            p, s = model.predict(X[first:last]), moved[first:last]
            if model.remove_mean:
                s = [z - z.mean(axis=0) for z in s]
            p, s = np.concatenate(p), np.concatenate(s)
            folds.append([np.corrcoef(p[:, o], s[:, o])[0, 1] for o in range(s.shape[1])])
        scores.append(np.mean(folds))
    return np.array(scores)


@pytest.mark.parametrize("n_splits", [2, 3, 5])
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (BackwardTRF, {"alpha": 10.0}),
        (ForwardTRF, {"alpha": 10.0}),
        (BackwardTRF, {"alpha": [0.5], "alpha_convention": "relative"}),
        (ForwardTRF, {"alpha": 0.5, "alpha_convention": "mtrfpy"}),
        (BackwardTRF, {"alpha": 10.0, "penalty": "laplacian"}),
        (BackwardTRF, {"alpha": "ledoit-wolf"}),
        (BackwardTRF, {"alpha": 10.0, "bands": (1, 2)}),
        (BackwardTRF, {"alpha": 10.0, "fit_intercept": False}),
        (ForwardTRF, {"alpha": 1.0, "fit_intercept": False, "penalty": "laplacian"}),
        (BackwardTRF, {"alpha": 10.0, "remove_mean": False}),
        (BackwardTRF, {"alpha": "ledoit-wolf", "remove_mean": False}),
    ],
)
def test_the_null_is_that_of_refitted_models(data, kind, parameters, n_splits):
    model = kind(-2 / SFREQ, 4 / SFREQ, SFREQ, **parameters)
    X, y = data if kind is BackwardTRF else data[::-1]
    result = shift_test(model, X, y, n_shifts=4, n_splits=n_splits, min_shift=0.2, random_state=0)
    assert not hasattr(model, "coef_")
    lengths = np.array([len(x) for x in X])
    smallest = round(0.2 * SFREQ)
    drawn = np.random.default_rng(0).integers(smallest, lengths - smallest + 1, size=(4, 5))
    assert len(set(drawn.ravel())) > 10
    shifts = np.concatenate([np.zeros((1, 5), dtype=int), drawn])
    expected = explicit(model, X, y, shifts, n_splits)
    np.testing.assert_allclose(result.observed, expected[0], atol=1e-9)
    np.testing.assert_allclose(result.null, expected[1:], atol=1e-9)


def test_parts_of_the_shifts_give_the_same_null(monkeypatch, data):
    model = BackwardTRF(0, 3 / SFREQ, SFREQ, alpha=1.0)
    options = {"n_shifts": 9, "n_splits": 2, "min_shift": 0.2, "random_state": 0}
    whole = shift_test(model, *data, **options)
    module = sys.modules["linear_aad.shifts"]
    monkeypatch.setattr(module, "RIGHT_BYTES", 8 * 12 * 2 * 5 * 4)  # four shifts at once
    parts = shift_test(model, *data, **options)
    np.testing.assert_allclose(parts.null, whole.null, atol=1e-12)


def test_outputs_may_have_no_axis_of_features(data):
    eeg, stimuli = data
    model, options = BackwardTRF(0, 3 / SFREQ, SFREQ), {"n_shifts": 3, "min_shift": 0.2}
    flat = shift_test(model, eeg, [s[:, 0] for s in stimuli], **options, random_state=0)
    column = shift_test(model, eeg, [s[:, :1] for s in stimuli], **options, random_state=0)
    np.testing.assert_array_equal(flat.null, column.null)


def p_values(rng, n_sets, gain):
    found = []
    for _ in range(n_sets):
        x = [rng.normal(size=(40, 2)) for _ in range(2)]
        y = [gain * s[:, :1] + rng.normal(size=(40, 1)) for s in x]
        result = shift_test(
            BackwardTRF(0, 2 / SFREQ, SFREQ, alpha=5.0), x, y, n_shifts=19, n_splits=2,
            min_shift=3 / SFREQ, random_state=rng,
        )  # fmt: skip
        found.append(result.p_value)
    return np.array(found)


def test_p_values_are_even_without_a_response(rng):
    found = p_values(rng, 150, gain=0.0)
    low, high = binom.interval(0.999, 150, [0.05, 0.2, 0.5])
    counts = [(found <= level + 1e-9).sum() for level in (0.05, 0.2, 0.5)]
    assert np.all((low <= counts) & (counts <= high))
    assert abs(found.mean() - 0.525) < 3 * found.std() / np.sqrt(150)


def test_p_values_are_small_with_a_response(rng):
    assert p_values(rng, 10, gain=1.0).max() == 0.05  # the smallest that 19 shifts allow


def test_progress_is_shown_when_asked_for(data, capsys):
    model = BackwardTRF(0, 3 / SFREQ, SFREQ)
    shift_test(model, *data, n_shifts=2, min_shift=0.2)
    assert capsys.readouterr().err == ""
    shift_test(model, *data, n_shifts=2, min_shift=0.2, progress=True)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({"alpha": [1.0, 2.0]}, {}, "would have to be chosen anew for each shift"),
        ({"alpha": [1.0, 2.0], "bands": (1, 2)}, {}, "would have to be chosen anew"),
        ({"averaging": "models"}, {}, "averaging='covariances' only"),
        ({}, {"n_shifts": 0}, "n_shifts=0 must be positive"),
        ({}, {"n_splits": 6}, "n_splits=6 between 2 and the 5 trials"),
        ({}, {"n_splits": 1}, "n_splits=1 between 2"),
        ({}, {"min_shift": 0.8}, "trial 0 has 90 samples, too short to be shifted by min_shift="),
        ({"alpha": 0.0, "tmax": 1.2}, {}, "linearly dependent at alpha=0"),
    ],
)
def test_what_cannot_be_tested_is_refused(data, parameters, options, message):
    model = BackwardTRF(**{"tmin": 0, "tmax": 3 / SFREQ, "sfreq": SFREQ, **parameters})
    with pytest.raises(ValueError, match=message):
        shift_test(model, *data, **{"n_shifts": 2, "n_splits": 2, "min_shift": 0.2, **options})
