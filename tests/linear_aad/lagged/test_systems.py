from functools import partial

import array_api_strict
import numpy as np
import pytest

from linear_aad.lagged import systems
from linear_aad.lagged.linalg import solve_factored
from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import (
    System,
    groups,
    penalised_factor,
    ridge,
    shared_spectrum,
    solve_near,
)

N_LAGS = 5
PENALTIES = [
    Penalty(n_lags=N_LAGS),
    Penalty("laplacian", n_lags=N_LAGS),
    Penalty("laplacian", n_lags=N_LAGS, fit_intercept=False),
]
ALPHAS = [1e-2, 1.0, 1e4]


def explicit(moments, alpha, penalty):
    """Solve the normal equations as they are written."""
    x, p = moments, np.eye(len(moments.x))
    if penalty.kind == "laplacian":
        steps = np.kron(np.eye(len(p) // N_LAGS), np.diff(np.eye(N_LAGS), axis=0))
        p = steps.T @ steps
    xx, xy = x.xx, x.xy
    if penalty.fit_intercept:
        xx, xy = xx - np.outer(x.x, x.x) / x.n, xy - np.outer(x.x, x.y) / x.n
    return np.linalg.solve(xx + alpha * p, xy)


@pytest.fixture
def trials(rng):
    x = [rng.normal(size=(80 + i, 3)) + 1 for i in range(6)]
    return [LaggedMoments.of(s, s[:, :2] + 1, np.arange(N_LAGS)).dense() for s in x]


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_systems_are_normal_equations(trials, penalty):
    found = System.of(trials[0], ALPHAS, penalty, 1).solve(penalty)
    np.testing.assert_array_equal(found, ridge(trials[0], ALPHAS, penalty))
    for weights, alpha in zip(found, ALPHAS, strict=True):
        np.testing.assert_allclose(weights, explicit(trials[0], alpha, penalty), atol=1e-10)
    np.testing.assert_array_equal(
        System.of(trials[0], ALPHAS, penalty, 1).solve(penalty, [2, 0]), found[[2, 0]]
    )


def test_alphas_of_a_system_are_absolute(trials):
    penalty = Penalty(convention="mtrfpy", sfreq=10, n_lags=N_LAGS)
    assert System.of(trials[0], [1.0, 2.0], penalty, 3).alphas == [30.0, 60.0]


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("to", [np.asarray, array_api_strict.asarray])
def test_near_systems_are_solved_from_a_spectrum(rng, monkeypatch, trials, penalty, started, to):
    calls = []
    iterate = systems.conjugate_gradients
    monkeypatch.setattr(
        systems, "conjugate_gradients", lambda *a, **k: calls.append(1) or iterate(*a, **k)
    )
    monkeypatch.setattr(System, "solve", None)  # no way out
    total = sum(trials[1:], start=trials[0])
    there = [Moments(m.n, *map(to, m.parts[1:])) for m in (total, *trials)]
    spectrum = penalty.spectrum(penalty.equations(there[0])[0])
    rest = [there[0] - trial for trial in there[1:]]
    near = [System.of(train, ALPHAS, penalty, 5) for train in rest]
    starts = None
    if started:
        starts = [
            to(np.stack([explicit(total, a, penalty) for a in ALPHAS])
               + 1e-3 * rng.normal(size=(3, 15, 2)))
        ] * len(near)  # fmt: skip
    for trial, weights in zip(trials, solve_near(near, penalty, spectrum, starts), strict=True):
        assert isinstance(weights, type(there[0].xx))
        for w, alpha in zip(np.asarray(weights), ALPHAS, strict=True):
            direct = explicit(total - trial, alpha, penalty)
            assert np.linalg.norm(w - direct) <= 1e-9 * np.linalg.norm(direct)
    assert calls


def test_good_starts_leave_nothing_to_do(monkeypatch, trials):
    penalty = PENALTIES[0]
    near = [System.of(trial, ALPHAS, penalty, 1) for trial in trials]
    starts = [system.solve(penalty) for system in near]
    spectrum = penalty.spectrum(penalty.equations(sum(trials[1:], start=trials[0]))[0])
    monkeypatch.setattr(System, "solve", None)
    monkeypatch.setattr(
        systems, "conjugate_gradients", partial(systems.conjugate_gradients, max_iter=0)
    )
    for found, start in zip(solve_near(near, penalty, spectrum, starts), starts, strict=True):
        np.testing.assert_array_equal(found, start)
    with pytest.raises(TypeError):  # without them, systems are left to be solved
        solve_near(near, penalty, spectrum)


def test_without_a_spectrum_systems_are_solved_directly(monkeypatch, trials):
    penalty = PENALTIES[0]
    near = [System.of(trial, ALPHAS, penalty, 1) for trial in trials]
    monkeypatch.setattr(systems, "conjugate_gradients", None)
    for system, weights in zip(near, solve_near(near, penalty, None), strict=True):
        np.testing.assert_array_equal(weights, system.solve(penalty))


@pytest.mark.parametrize("penalty", PENALTIES[:2], ids=str)
def test_a_factor_solves_the_penalised_system(trials, penalty):
    xx, xy = penalty.equations(trials[0])
    weights = solve_factored(penalised_factor(xx, 2.0, penalty), xy)
    np.testing.assert_allclose(weights, explicit(trials[0], 2.0, penalty), atol=1e-10)


# After an average reference the sum of all channels is zero at every lag.
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("kind", "alpha", "remedy"),
    [("ridge", 0.0, "raise alpha, or drop"), ("laplacian", 100.0, "take penalty='ridge', or drop")],
)
def test_dependent_channels_are_refused_with_a_remedy_that_helps(seed, kind, alpha, remedy):
    x = np.random.default_rng(seed).normal(size=(200, 4))
    x -= x.mean(axis=1, keepdims=True)
    moments = LaggedMoments.of(x, x[:, :1], np.arange(N_LAGS)).dense()
    with pytest.raises(ValueError, match=f"linearly dependent at alpha={alpha:g} .*: {remedy}"):
        ridge(moments, [alpha], Penalty(kind, n_lags=N_LAGS))
    assert np.all(np.isfinite(ridge(moments, [1.0], Penalty(n_lags=N_LAGS))))
    fewer = LaggedMoments.of(x[:, 1:], x[:, :1], np.arange(N_LAGS)).dense()
    ridge(fewer, [alpha], Penalty(kind, n_lags=N_LAGS))


def test_groups_fit_into_memory():
    per_system = 16 * 1000**2
    size = systems.GROUP_BYTES // per_system
    parts = list(groups(range(3, 3 + 2 * size + 1), 1000))
    assert [len(part) for part in parts] == [size, size, 1]
    assert [k for part in parts for k in part] == list(range(3, 3 + 2 * size + 1))
    assert [len(part) for part in groups(range(3), 10**6)] == [1, 1, 1]


def test_a_spectrum_is_made_where_it_pays(monkeypatch, trials):
    total = sum(trials[1:], start=trials[0])
    assert shared_spectrum(total, 1, PENALTIES[0]) is None
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: sizes == (15, 2, 60))
    assert shared_spectrum(total, 59, PENALTIES[0]) is None
    spectrum = shared_spectrum(total, 60, PENALTIES[0])
    xx, _, _ = total.centred()
    np.testing.assert_allclose(
        spectrum.vectors * spectrum.products @ spectrum.vectors.T, xx, atol=1e-9
    )
    monkeypatch.undo()
    # 60 trials and 10 penalties of 64 channels at 26 lags
    assert systems._cheaper_near(1664, 1, 600)
    assert not systems._cheaper_near(1664, 1, 3)
    assert not systems._cheaper_near(50, 64, 600)
