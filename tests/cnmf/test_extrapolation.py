import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnmf import extrapolation
from cnmf.objective import cost
from cnmf.solver import solve
from cnmf.updates import formula, fused_numba
from tests.cnmf.conftest import make_problem


def stacked(problems):
    """One batch of several mixtures."""
    first = problems[0].objective
    arrays = [np.stack([p[i] for p in problems]) for i in range(3)]
    fields = {
        name: np.stack([getattr(p.objective, name) for p in problems])
        for name, value in vars(first).items()
        if value is not None and name not in ("beta", "pairing")
    }
    return (*arrays, type(first)(first.beta, **fields, pairing=first.pairing))


def written_out(p, n_iter):
    """Iterate with a branch for each case, on one mixture; costs, factors and refusals."""
    x, _, _, objective = p
    constants = extrapolation
    z, q, candidate, bold = p[1:3], p[1:3], p[1:3], False
    now = float(cost(x, *z, objective))
    start = float(formula.compare(x, z[0] @ z[1], objective.beta)[2])
    stride, damping, count = constants.STRIDE, 1.0, 1.0
    penalised = objective.contrast is not None
    costs, refused = [], {True: 0, False: 0}
    for iteration in range(n_iter + 1):
        new = float(cost(x, *candidate, objective))
        a, norms, _ = formula.update_activations(x, *candidate, objective, np.asarray(damping))
        slack = 0 if bold else 1e-12 * (abs(now) + start)
        if iteration == 0 or new <= now + slack or not (bold or penalised):
            if iteration > 0:
                count, stride = count + 1, min(stride * constants.LONGER, constants.STRIDE)
                damping = min(1.25 * damping, 1.0)
            z, now, accepted = candidate, new, True
            w = candidate[1] * norms[:, None]
        else:
            refused[bold] += 1
            (a, w), accepted = (plain if bold else z), False  # noqa: F821
            if bold:
                count, stride = max(count * constants.LEFT, 1), stride * constants.SHORTER
            else:
                count, damping = 1.0, damping / 2
        costs.append(now)
        plain = a, formula.update_components(x, a, w, objective)
        bold = accepted and damping == 1 and (iteration + 1) % 10 > 0 and iteration + 1 < n_iter
        candidate = plain
        if bold:
            momentum = min((count - 1) / (count + constants.DELAY), constants.MOST)
            lengths = np.asarray(stride), np.asarray(momentum)
            candidate = formula.extrapolate(plain, z, q, *lengths, objective)
        q = plain
    return costs[1:], z, refused


@pytest.mark.parametrize(("beta", "weight"), [(1.0, 0), (1.5, 0), (2.0, 0), (1.0, 1.0), (1.0, 1e3)])
def test_the_path_is_the_one_written_out(beta, weight):
    refused = {True: 0, False: 0}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        sizes = {"n_frames": 12, "n_freqs": 7} if weight < 10 else {"n_frames": 3, "n_freqs": 2}
        p = make_problem(rng, n_components=3, n_refs=1, beta=beta, weights=(weight, 0, 0), **sizes)
        for n_iter in (1, 2, 7, 44):
            costs, factors, counts = written_out(p, n_iter)
            found = solve(*p, n_iter, 0.0, updates=formula)
            np.testing.assert_allclose(found.costs, costs, rtol=1e-9)
            for one, other in zip(found[:2], factors, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12)
        refused = {key: refused[key] + counts[key] for key in refused}
    assert refused[True] > 0
    assert (refused[False] > 0) == (weight > 10)


@pytest.mark.parametrize(
    ("beta", "weights", "times"),
    [(1.0, (0, 0, 0), 3), (1.5, (0, 0, 0), 3), (2.0, (0, 0, 0), 3), (1.0, (0.1, 0, 0), 2.2)],
)
def test_a_cost_is_reached_in_far_fewer_iterations(beta, weights, times):
    """The cost that plain updates have after 100 and 200 iterations; geometric mean."""
    gains = []
    for seed in range(3):
        p = make_problem(
            np.random.default_rng(seed), 120, 60, 8, 4, beta=beta, weights=weights, dtype=np.float64
        )
        plain = solve(*p, 200, 0.0, extrapolation=False).costs
        found = solve(*p, 200, 0.0).costs
        for n in (100, 200):
            assert found.min() <= plain[n - 1]
            gains.append(n / (1 + np.argmax(found <= plain[n - 1])))
    assert np.exp(np.mean(np.log(gains))) > times


def test_after_a_refusal_comes_a_step_that_is_accepted(problem):
    p = problem(n_frames=60, n_freqs=30, n_components=6, weights=(0, 0, 0))
    steps = np.diff(solve(*p, 300, 0.0, updates=formula).costs)
    refused = np.flatnonzero(steps == 0)
    assert len(refused) > 3
    assert np.all(steps[refused[:-1] + 1] < 0)


@pytest.mark.parametrize("implementation", [formula, fused_numba])
def test_each_mixture_goes_back_by_itself(implementation):
    problems = [
        make_problem(np.random.default_rng(seed), n_components=4, weights=(weight, 0, 0.1))
        for seed, weight in enumerate((0.1, 30.0, 1e-3))
    ]
    found = solve(*stacked(problems), 40, 0.0, updates=implementation)
    alone = [solve(*p, 40, 0.0, updates=implementation) for p in problems]
    where = [tuple(np.flatnonzero(np.diff(one.costs) == 0)) for one in alone]
    assert len(set(where)) == 3
    for i, one in enumerate(alone):
        np.testing.assert_allclose(found.costs[:, i], one.costs, rtol=1e-9)
        np.testing.assert_allclose(found.activations[i], one.activations, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.5])
def test_plain_steps_where_theory_ends(problem, beta):
    p = problem(beta=beta, positive=True)
    found, plain = (solve(*p, 30, 0.0, extrapolation=e) for e in (True, False))
    np.testing.assert_array_equal(found.activations, plain.activations)
    np.testing.assert_array_equal(found.costs, plain.costs)


def test_fixed_entries_stay_on_the_way(problem, rng):
    x, a, w, objective = problem()
    fixed = rng.random(a.shape) < 0.5, rng.random(w.shape) < 0.5
    seen = solve(x, a, w, objective, 33, 0.0, None, fixed[1])
    for gains in np.where(fixed[1], seen.components / w, np.nan):
        np.testing.assert_allclose(gains[~np.isnan(gains)], np.nanmean(gains), rtol=1e-9)
    seen = solve(x, a, w, objective, 33, 0.0, fixed[0])
    for gains in np.where(fixed[0], seen.activations / a, np.nan).T:
        np.testing.assert_allclose(gains[~np.isnan(gains)], np.nanmean(gains), rtol=1e-9)


def test_what_is_fixed_at_zero_stays_there(problem, rng):
    """At the floor, a gain that goes up and down again is no gain."""
    x, a, w, objective = problem(weights=(0, 0, 0))
    zero = rng.random(a.shape) < 0.3, rng.random(w.shape) < 0.3
    a = np.where(zero[0], np.finfo(float).eps / len(a) ** 0.5, a)
    w = np.where(zero[1], objective.floor, w)
    found = solve(x, a / np.linalg.norm(a, axis=0), w, objective, 300, 0.0, *zero)
    assert found.activations[zero[0]].max() < 1e-15
    assert found.components[zero[1]].max() < 2 * objective.floor


def test_small_steps_are_powers_and_large_ones_bounded(problem, rng):
    _, a, w, objective = problem()
    stride, momentum = np.asarray(0.9), np.asarray(0.5)
    near = [tuple(f * (1 + 1e-4 * rng.normal(size=f.shape)) for f in (a, w)) for _ in range(2)]
    found = formula.extrapolate((a, w), *near, stride, momentum, objective)
    powers = [p * (p / z) ** 0.9 * (p / q) ** 0.5 for p, z, q in zip((a, w), *near, strict=True)]
    norms = np.linalg.norm(powers[0], axis=0)
    np.testing.assert_allclose(found[0], powers[0] / norms, rtol=1e-10)
    np.testing.assert_allclose(found[1], powers[1] * norms[:, None], rtol=1e-10)
    far = a, w * 10.0 ** rng.uniform(-12, 12, w.shape)
    found = formula.extrapolate((a, w), far, (a, w), stride, momentum, objective)
    assert np.max(np.abs(np.log(found[1] / w))) < np.log(19.001)
    np.testing.assert_allclose(found[0], a, rtol=1e-12)


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["float64", "float32"]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 30), st.integers(2, 6)),
    lengths=st.tuples(st.floats(0, 0.95), st.floats(0, 0.95)),
    spread=st.sampled_from([1e-3, 1.0, 20.0]),
    batch=st.booleans(),
)
@settings(max_examples=60)
def test_the_fused_extrapolation_is_the_readable_one(seed, dtype, shape, lengths, spread, batch):
    rng = np.random.default_rng(seed)
    n_frames, n_freqs, n_components = shape
    p = make_problem(rng, n_frames, n_freqs, n_components, 1, dtype=dtype)
    arguments = [
        tuple((f * np.exp(spread * rng.uniform(-1, 1, f.shape))).astype(dtype) for f in p[1:3])
        for _ in range(3)
    ]
    far, objective = [np.asarray(length, dtype=dtype) for length in lengths], p.objective
    if batch:
        arguments = [tuple(np.stack([f, f[::-1]]) for f in pair) for pair in arguments]
        far = [np.stack([length, length / 2]) for length in far]
        objective = stacked([p, p])[-1]
    expected = formula.extrapolate(*arguments, *far, objective)
    found = fused_numba.extrapolate(*arguments, *far, objective)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=1e-10 if dtype == "float64" else 1e-4)


def test_the_estimator_can_do_without(rng):
    from cnmf import ContrastiveNMF

    x, y = rng.gamma(0.5, size=(60, 3)) @ rng.gamma(0.5, size=(3, 20)) + 0.01, rng.random(60)
    for init in ("guide", "blind"):
        options = {"tol": 0, "max_iter": 30, "random_state": 0, "init": init}
        found, plain = (
            ContrastiveNMF(4, 2, extrapolation=e, **options).fit(x, y) for e in (True, False)
        )
        assert found.cost_[-1] < plain.cost_[-1]
        assert np.all(np.diff(found.cost_) <= 0)
    with pytest.raises(ValueError, match="extrapolation must be one of"):
        ContrastiveNMF(4, 2, extrapolation="bmme").fit(x, y)
