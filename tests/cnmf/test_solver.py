import numpy as np
import pytest

from cnmf.objective import cost
from cnmf.solver import solve, updates_for
from cnmf.updates import formula as updates
from cnmf.updates import fused_numba as updates_numba
from tests.cnmf.conftest import make_problem

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


def ups(solution, x, beta):
    """Number of steps that raised the cost by more than 1e-9 of its largest term."""
    size = np.abs(solution.costs) + np.sum(x**beta)
    return int(np.sum(np.diff(solution.costs) > 1e-9 * size[1:]))


@pytest.mark.parametrize("n_problems", [24, pytest.param(85, marks=pytest.mark.slow)])
@pytest.mark.parametrize("beta", BETAS)
def test_cost_never_rises(problem, rng, beta, n_problems):
    """6 x 40 steps of each problem: tiny, large-penalty, sparse and badly scaled problems."""
    n_steps = n_ups = 0
    for i in range(n_problems):
        adversarial = i % 2 == 0
        n_components = int(rng.integers(2, 5))
        n_refs = int(rng.integers(1, n_components))
        high = 5 if adversarial else 0
        p = problem(
            beta=beta,
            n_frames=int(rng.integers(1, 6) if adversarial else rng.integers(6, 20)),
            n_freqs=int(rng.integers(1, 5) if adversarial else rng.integers(5, 12)),
            n_components=n_components,
            n_refs=n_refs,
            contrast=("paired", "all-pairs")[i % 3 == 0],
            weights=tuple(10.0 ** rng.uniform(-3, high, 3) * (rng.random(3) < 0.7)),
            positive=beta == 0,
        )
        x = p.x * 1.0
        if beta > 0:
            x[rng.random(x.shape) < 0.4] = 0
        found = solve(x, *p[1:], 41, 0.0, updates=updates)
        n_steps += len(found.costs) - 1
        n_ups += ups(found, x, beta)
        exact = cost(x, found.activations, found.components, p.objective)
        np.testing.assert_allclose(found.costs[-1], exact, rtol=1e-10, atol=1e-10 * np.sum(x**beta))
    assert n_steps == 40 * n_problems
    assert n_ups == 0


def test_steps_that_would_raise_the_cost_are_taken_back(rng, problem, monkeypatch):
    """Without the safeguard, the same adversarial problems do go up."""
    counts, resumed = {}, 0
    for guarded in (True, False):
        if not guarded:
            # A cost that always seems to fall accepts every step.
            monkeypatch.setattr(
                "cnmf.extrapolation.RISE", dict.fromkeys(("float64", "float32"), np.inf)
            )
        generator = np.random.default_rng(1)
        counts[guarded] = 0
        for _ in range(60):
            x = generator.uniform(size=(3, 2)) ** 4
            a, w = generator.uniform(0.01, 1, (3, 2)), generator.uniform(0.01, 1, (2, 2))
            p = problem(n_frames=3, n_freqs=2, n_components=2, n_refs=1, weights=(0, 0, 1e3))
            start = a / np.linalg.norm(a, axis=0), w
            found = solve(x, *start, p.objective, 60, 0.0, extrapolation=False)
            counts[guarded] += ups(found, x, 1.0)
            steps = np.diff(found.costs) / np.sum(x)
            if guarded and np.any(steps == 0):
                resumed += np.any(steps[np.argmax(steps == 0) :] < -1e-6)
    assert counts[True] == 0
    assert counts[False] > 0
    # A shorter step leads on from where the full one was refused.
    assert resumed > 0


@pytest.mark.parametrize("beta", BETAS)
def test_recorded_cost_is_the_formula(problem, beta):
    x, a, w, objective = problem(beta=beta, positive=True)
    seen = []

    def callback(iteration, value, activations, components):
        seen.append((iteration, float(value), float(cost(x, activations, components, objective))))

    found = solve(x, a, w, objective, 25, 0.0, callback=callback)
    assert [iteration for iteration, *_ in seen] == [10, 20, 25]
    for iteration, value, exact in seen:
        assert value == found.costs[iteration - 1]
        np.testing.assert_allclose(value, exact, rtol=1e-10)
    assert found.n_iter == len(found.costs) == 25


def test_columns_are_unit_and_loudness_is_kept(problem):
    for dtype, atol in ((np.float64, 1e-12), (np.float32, 1e-6)):
        x, a, w, objective = problem(weights=(3.0, 1.0, 0.0), dtype=dtype)
        found = solve(x, a, w, objective, 30, 0.0)
        norms = np.linalg.norm(found.activations.astype(float), axis=0)
        np.testing.assert_allclose(norms, 1, rtol=0, atol=atol)
        modelled = np.sum(found.activations @ found.components, dtype=float)
        np.testing.assert_allclose(modelled, x.sum(dtype=float), rtol=max(atol, 1e-6))


def test_it_stops_when_ten_steps_gain_little(problem):
    x, a, w, objective = problem()
    found = solve(x, a, w, objective, 1000, 1e-3)
    assert found.n_iter % 10 == 0
    assert found.n_iter < 1000
    longer = solve(x, a, w, objective, 1000, 1e-5)
    assert longer.n_iter > found.n_iter
    np.testing.assert_array_equal(longer.costs[: found.n_iter], found.costs)
    start = float(updates.compare(x, a @ w, 1.0)[2])
    assert found.costs[-11] - found.costs[-1] < 1e-3 * start
    assert found.costs[-21] - found.costs[-11] >= 1e-3 * start
    assert solve(x, a, w, objective, 50, 0.0).n_iter == 50


def test_a_callback_can_stop_and_progress_can_be_seen(problem, capsys):
    x, a, w, objective = problem()
    found = solve(x, a, w, objective, 100, 0.0, callback=lambda n, *_: n == 20, progress=True)
    assert found.n_iter == 20
    assert "20/100" in capsys.readouterr().err


def test_templates_that_are_fixed_keep_their_shape(problem):
    x, a, w, objective = problem()
    fixed = np.zeros(w.shape, bool)
    fixed[:2] = True
    found = solve(x, a, w, objective, 30, 0.0, fixed_components=fixed)
    gains = found.components / w
    np.testing.assert_allclose(gains[:2], gains[:2, :1] * np.ones(w.shape[1]), rtol=1e-12)
    assert np.ptp(gains[2:], axis=1).min() > 1e-3
    assert np.all(np.diff(found.costs) <= 1e-9 * np.abs(found.costs[1:]))


def test_the_implementation_follows_the_array():
    import array_api_strict

    assert updates_for(np.ones(2)) is updates_numba
    assert updates_for(array_api_strict.ones(2)) is updates


@pytest.mark.parametrize("implementation", [updates, updates_numba])
def test_a_batch_takes_back_only_the_mixtures_whose_cost_rose(implementation):
    rng = np.random.default_rng(1)
    single = [
        make_problem(rng, n_frames=3, n_freqs=2, n_components=2, n_refs=1, weights=(0, 0, weight))
        for weight in (1e3, 1e-2, 1e3, 1e3)
    ]
    x, a, w = (np.stack([p[i] for p in single]) for i in range(3))
    first = single[0].objective
    stacked = {
        name: np.stack([getattr(p.objective, name) for p in single])
        for name, value in vars(first).items()
        if value is not None and name not in ("beta", "pairing")
    }
    batch = type(first)(first.beta, **stacked, pairing=first.pairing)
    plain = {"updates": implementation, "extrapolation": False}
    found = solve(x, a, w, batch, 60, 0.0, **plain)
    alone = [solve(*p, 60, 0.0, **plain) for p in single]
    stood = [int(np.sum(np.diff(s.costs) == 0)) for s in alone]
    assert max(stood) > 0
    assert min(stood) == 0
    for i, one in enumerate(alone):
        np.testing.assert_allclose(found.costs[:, i], one.costs, rtol=1e-9)
        np.testing.assert_allclose(found.activations[i], one.activations, rtol=1e-7, atol=1e-12)


def taken_back(p, n_iter):
    """Take the steps one after the other, with a branch where the cost rises."""
    x, a, w, objective = p

    def forward(a, w, damping):
        stepped, norms, _ = updates.update_activations(x, a, w, objective, np.asarray(damping))
        return stepped, updates.update_components(x, stepped, w * norms[:, None], objective)

    value, damping, n_refused = float(cost(x, a, w, objective)), 1.0, 0
    start = float(updates.compare(x, a @ w, 1.0)[2])
    candidate = forward(a, w, damping)
    costs = []
    for _ in range(n_iter):
        new = float(cost(x, *candidate, objective))
        if new <= value + 1e-12 * (abs(value) + start):
            (a, w), value = candidate, new
            candidate, damping = forward(a, w, damping), min(1.25 * damping, 1.0)
        else:
            candidate = a, updates.update_components(x, a, w, objective)
            damping, n_refused = damping / 2, n_refused + 1
        costs.append(value)
    return a, w, costs, n_refused


def test_a_refused_step_leaves_nothing_behind():
    rng, n_refused = np.random.default_rng(1), 0
    for _ in range(6):
        p = make_problem(rng, n_frames=3, n_freqs=2, n_components=2, n_refs=1, weights=(0, 0, 1e3))
        # At any number of iterations: the last one may be the refused one.
        for n_iter in range(1, 13):
            *expected, costs, n = taken_back(p, n_iter)
            found = solve(*p, n_iter, 0.0, updates=updates, extrapolation=False)
            np.testing.assert_allclose(found.costs, costs, rtol=1e-9)
            np.testing.assert_allclose(found.activations, expected[0], rtol=1e-7, atol=1e-12)
            np.testing.assert_allclose(found.components, expected[1], rtol=1e-7, atol=1e-12)
        n_refused += n
    assert n_refused > 0
