import warnings

import array_api_strict
import numpy as np
import pytest
from sklearn.decomposition import non_negative_factorization

from cnmf.objective import Objective, cost, divergence, kkt_residual
from cnmf.solver import solve
from cnmf.updates import formula as updates

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5, 2.0])
def test_without_penalties_it_is_scikit_learn(problem, beta, dtype, rtol):
    x, a, w, _ = problem(beta=beta, dtype=dtype, positive=True)
    objective = Objective(beta, np.full((1, 1), 1e-30, dtype))
    found = solve(x, a, w, objective, 50, 0.0, updates=updates, extrapolation=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it did not converge, and is not meant to
        b, v, _ = non_negative_factorization(
            x, a.copy(), w.copy(), n_components=a.shape[1], init="custom", solver="mu",
            beta_loss=beta, tol=0, max_iter=50,
        )  # fmt: skip
    np.testing.assert_allclose(found.activations @ found.components, b @ v, rtol=rtol)


def test_a_step_is_the_written_rule(problem):
    x, a, w, objective = problem(n_components=4, n_refs=2)
    mu, nu, delta = (
        float(np.squeeze(v))
        for v in (
            objective.sparsity_activations,
            objective.sparsity_components,
            objective.contrast,
        )
    )
    s, r = objective.guide, x / (a @ w)
    expected = np.empty_like(a)
    for k in range(4):
        h = a[:, k]
        if k < 2:
            minus, plus = 2 * delta * (h @ s[:, k]) * s[:, k], mu
        else:
            minus, plus = 0, mu + 2 * delta * sum(h @ s[:, j] * s[:, j] for j in range(2)) / 2
        up, down = np.sum(plus * h), np.sum(minus * h)
        above = r @ w[k] + minus + up * h
        expected[:, k] = h * above / (w[k].sum() + plus + down * h + nu * w[k].sum() * h)
    norms = np.linalg.norm(expected, axis=0)
    found, found_norms, value = updates.update_activations(x, a, w, objective, np.ones(()))
    np.testing.assert_allclose(found, expected / norms, rtol=1e-12)
    np.testing.assert_allclose(found_norms, norms, rtol=1e-12)
    np.testing.assert_allclose(value, divergence(x, a @ w, 1.0), rtol=1e-12)
    w = w * norms[:, None]
    r = x / (found @ w)
    stepped = updates.update_components(x, found, w, objective)
    np.testing.assert_allclose(stepped, w * (found.T @ r) / (found.sum(0)[:, None] + nu))


@pytest.mark.parametrize("beta", BETAS)
def test_damped_steps_go_downhill(problem, beta):
    x, a, w, objective = problem(beta=beta, positive=True, weights=(50.0, 5.0, 5.0))
    start = cost(x, a, w, objective)
    stepped, norms, _ = updates.update_activations(x, a, w, objective, np.asarray(1e-6))
    gain = start - cost(x, stepped, w * norms[:, None], objective)
    assert 0 < gain < 1e-3 * abs(start)


def test_fixed_entries_stay(problem, rng):
    x, a, w, objective = problem()
    fixed = rng.random(a.shape) < 0.5
    stepped, norms, _ = updates.update_activations(x, a, w, objective, np.ones(()), fixed)
    np.testing.assert_allclose((stepped * norms)[fixed], a[fixed])
    assert np.all((stepped * norms)[~fixed] != a[~fixed])
    fixed = rng.random(w.shape) < 0.5
    changed = updates.update_components(x, a, w, objective, fixed)
    np.testing.assert_array_equal(changed[fixed], w[fixed])
    assert np.all(changed[~fixed] != w[~fixed])


@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5])
def test_array_api_code_gives_what_numpy_gives(problem, beta):
    x, a, w, objective = problem(beta=beta, positive=True)
    xp = array_api_strict
    strict = {
        name: xp.asarray(value) if isinstance(value, np.ndarray) else value
        for name, value in vars(objective).items()
    }
    found = solve(*(xp.asarray(part) for part in (x, a, w)), Objective(**strict), 20)
    expected = solve(x, a, w, objective, 20, updates=updates)
    for one, other in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-10)


# Size and weights at which the residual of the authors' code stays between 4e-2 and 1.
@pytest.mark.parametrize(
    "weights", [(0, 0, 0), (0, 1, 1), (0, 10, 10), (100, 0, 0), (1000, 1, 1), (10000, 10, 10)]
)
def test_four_hundred_steps_reach_a_stationary_point(problem, weights):
    x, a, w, objective = problem(
        n_frames=150, n_freqs=64, n_components=6, n_refs=3, contrast="all-pairs",
        weights=weights, scale="absolute",
    )  # fmt: skip
    found = solve(x, a, w, objective, 400, 0.0)
    assert max(kkt_residual(x, found.activations, found.components, objective)) < 5e-4
    np.testing.assert_allclose(np.linalg.norm(found.activations, axis=0), 1, rtol=0, atol=1e-12)
