from functools import reduce
from operator import add

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from linear_aad.lagged import systems
from linear_aad.lagged.bands import candidates, directions
from linear_aad.lagged.conjugate_gradients import conjugate_gradients
from linear_aad.lagged.leave_one_out import (
    correlation,
    dense,
    dense_sum,
    leave_one_out_weights,
    leave_one_trial_out,
)
from linear_aad.lagged.moments import LaggedMoments, Moments, lag_matrix
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import ridge


@given(
    n=st.integers(5, 60),
    n_regressors=st.integers(1, 8),
    n_targets=st.integers(1, 3),
    exponent=st.floats(-2, 6),
    offset=st.sampled_from([0.0, 20.0]),
)
def test_ridge_solves_what_scikit_learn_solves(n, n_regressors, n_targets, exponent, offset):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, n_regressors)) + offset
    y = rng.normal(size=(n, n_targets)) + x[:, :1]
    alphas = [10.0**exponent, 3 * 10.0**exponent]
    for weights, alpha in zip(ridge(Moments.of(x, y), alphas), alphas, strict=True):
        oracle = Ridge(alpha=alpha, solver="svd").fit(x, y)
        np.testing.assert_allclose(weights.T, oracle.coef_.reshape(n_targets, -1), atol=1e-9)


def test_dependent_channels_without_a_penalty_are_named(rng):
    x = rng.normal(size=(50, 3))
    moments = Moments.of(np.c_[x, np.zeros(50)], x[:, :1])
    with pytest.raises(ValueError, match="linearly dependent at alpha=0"):
        ridge(moments, [0.0])


def test_correlation_from_moments(rng):
    x, y = rng.normal(size=(80, 4)) + 1, rng.normal(size=(80, 2)) + 3
    weights = rng.normal(size=(3, 4, 2))
    r = correlation(Moments.of(x, y), weights)
    for k in range(3):
        for j in range(2):
            expected = np.corrcoef(x @ weights[k, :, j], y[:, j])[0, 1]
            assert r[k, j] == pytest.approx(expected, abs=1e-12)
    assert np.all(correlation(Moments.of(x, y), np.zeros((4, 2))) == 0)


@pytest.mark.parametrize("convention", ["absolute", "relative", "mtrfpy", "mtrf-toolbox"])
def test_left_out_trials_are_predicted_by_the_others(rng, convention):
    trials = [(x := rng.normal(size=(n, 3)), x @ [[1.0], [0.5], [0]] + rng.normal(size=(n, 1)))
              for n in (40, 60, 50)]  # fmt: skip
    alphas = [0.1, 10.0]
    scores = leave_one_trial_out(
        [Moments.of(*t) for t in trials], alphas, Penalty(convention=convention)
    )
    for k, (x_out, y_out) in enumerate(trials):
        x, y = (np.concatenate([t[i] for j, t in enumerate(trials) if j != k]) for i in (0, 1))
        for j, alpha in enumerate(alphas):
            factor = {
                "absolute": 1,
                "relative": len(x) * x.var(axis=0).mean(),
                "mtrfpy": 64 * 2,
                "mtrf-toolbox": 64,
            }[convention]
            model = Ridge(alpha=alpha * factor).fit(x, y)
            expected = np.corrcoef(model.predict(x_out).ravel(), y_out.ravel())[0, 1]
            assert scores[j, k, 0] == pytest.approx(expected, abs=1e-10)


def test_relative_penalties_do_not_depend_on_unit_or_length(rng):
    x, y = rng.normal(size=(50, 3)) + 4, rng.normal(size=(50, 1))
    once = Penalty(convention="relative").absolute(0.1, Moments.of(x, y), 1)
    twice = Penalty(convention="relative").absolute(
        0.1, Moments.of(np.r_[x, x] * 1e-6, np.r_[y, y]), 2
    )
    assert twice == pytest.approx(once * 2e-12)


@pytest.mark.parametrize(("n_trials", "n_targets"), [(3, 1), (8, 2), (60, 1)])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("kind", ["ridge", "laplacian"])
def test_left_out_models_are_those_of_direct_solutions(
    rng, monkeypatch, n_trials, n_targets, smooth, kind
):
    penalty = Penalty(kind, n_lags=12)
    lags = np.arange(12)
    data = []
    for _ in range(n_trials):
        x = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 8))
        if smooth:  # neighbouring lags are alike: the system is ill-conditioned
            x = np.apply_along_axis(np.convolve, 0, x, np.hanning(9), "same")
        data.append((x, x[:, :n_targets] + rng.normal(size=(300, n_targets))))
    scale = np.mean([np.trace(x.T @ x) / 8 for x, _ in data])
    alphas = scale * np.logspace(-3, 7, 6)
    calls = []
    monkeypatch.setattr(
        systems,
        "conjugate_gradients",
        lambda *arguments, **options: calls.append(1) or conjugate_gradients(*arguments, **options),
    )
    # Small problems would be solved directly, which is what is compared with.
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: True)
    trials = [LaggedMoments.of(x, y, lags) for x, y in data]
    total = [Moments.of(lag_matrix(x, lags), y) for x, y in data]
    for k, (left_out, weights) in enumerate(leave_one_out_weights(trials, alphas, penalty)):
        np.testing.assert_allclose(left_out.xx, total[k].xx, rtol=1e-10, atol=1e-8)
        train = reduce(add, [moments for j, moments in enumerate(total) if j != k])
        direct = ridge(train, alphas, penalty)
        for fast, slow in zip(weights, direct, strict=True):
            assert np.linalg.norm(fast - slow) <= 1e-8 * np.linalg.norm(slow)
    assert calls


@pytest.mark.parametrize("n_trials", [3, 12])
def test_left_out_models_of_bands_are_those_of_direct_solutions(rng, monkeypatch, n_trials):
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: True)
    lags = np.arange(6)
    x = [rng.normal(size=(200, 3)) for _ in range(n_trials)]
    y = [s[:, :1] + rng.normal(size=(200, 1)) for s in x]
    penalties = candidates([1e-1, 1e3, 1e6], 2, "grid")
    for direction in directions(penalties):
        factors = np.repeat(direction.factors, [1, 2])
        trials = [LaggedMoments.of(*t, lags).scaled(factors) for t in zip(x, y, strict=True)]
        folds = leave_one_out_weights(trials, direction.alphas, Penalty(n_lags=6))
        for k, (_, weights) in enumerate(folds):
            others = [i for i in range(n_trials) if i != k]
            lagged = np.concatenate([lag_matrix(x[i], lags) for i in others])
            lagged -= lagged.mean(axis=0)
            target = np.concatenate([y[i] for i in others])
            for w, place in zip(weights, direction.candidates, strict=True):
                diagonal = np.repeat(penalties[place], [6, 12])
                direct = np.linalg.solve(
                    lagged.T @ lagged + np.diag(diagonal), lagged.T @ (target - target.mean(axis=0))
                )
                found = np.repeat(factors, 6)[:, None] * w
                assert np.linalg.norm(found - direct) <= 1e-8 * np.linalg.norm(direct)


@pytest.mark.parametrize("near", [False, True])
def test_any_array_library(rng, monkeypatch, near):
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: near)
    to = array_api_strict.asarray
    x = [rng.normal(size=(60, 2)) for _ in range(5)]
    y = [s + rng.normal(size=(60, 2)) for s in x]
    scores = []
    for convert in (np.asarray, to):
        trials = [
            LaggedMoments.of(convert(s), convert(t), np.arange(4))
            for s, t in zip(x, y, strict=True)
        ]
        penalty = Penalty("laplacian", n_lags=4)
        scores.append(leave_one_trial_out(trials, [0.1, 10.0, 1e4], penalty))
    assert isinstance(scores[1], type(to(0.0)))
    np.testing.assert_allclose(np.asarray(scores[1]), scores[0], atol=1e-10)


def test_systems_that_do_not_converge_are_solved_directly(rng, monkeypatch):
    trials = [Moments.of(x := rng.normal(size=(50, 6)), x[:, :1] + 1) for _ in range(4)]
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: True)
    right = [w for _, w in leave_one_out_weights(trials, [0.1, 10.0], Penalty())]
    monkeypatch.setattr(
        systems,
        "conjugate_gradients",
        lambda *arguments, **options: conjugate_gradients(*arguments, **options, max_iter=1),
    )
    stopped = [w for _, w in leave_one_out_weights(trials, [0.1, 10.0], Penalty())]
    np.testing.assert_allclose(stopped, right, rtol=1e-8)


def test_both_forms_of_moments_add_up_to_the_same(rng):
    x, lags = [rng.normal(size=(n, 2)) for n in (20, 30, 25)], np.arange(-1, 3)
    parts = [LaggedMoments.of(s, s[:, :1], lags) for s in x]
    whole = [Moments.of(lag_matrix(s, lags), s[:, :1]) for s in x]
    assert dense(whole[0]) is whole[0]
    for forms in ((dense(parts[1]), whole[1]), (dense_sum(parts), dense_sum(whole))):
        for a, b in zip(*(form.parts for form in forms), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)
