import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnmf.solver import solve
from cnmf.updates import formula as updates
from cnmf.updates import fused_numba as updates_numba
from cnmf.updates import workspace_numba
from tests.cnmf.conftest import make_problem

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["float64", "float32"]),
    beta=st.sampled_from([0.0, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0]),
    shape=st.tuples(st.integers(1, 70), st.integers(1, 40), st.integers(2, 6)),
    contrast=st.sampled_from(["paired", "all-pairs"]),
    weights=st.tuples(*[st.sampled_from([0.0, 0.1, 3.0])] * 3),
    masked=st.booleans(),
    threads=st.booleans(),
)
@settings(max_examples=150)
def test_fused_steps_are_the_readable_ones(
    seed, dtype, beta, shape, contrast, weights, masked, threads
):
    rng = np.random.default_rng(seed)
    n_frames, n_freqs, n_components = shape
    n_refs = int(rng.integers(1, n_components))
    x, a, w, objective = make_problem(
        rng, n_frames, n_freqs, n_components, n_refs, beta, contrast, weights,
        dtype=dtype, positive=beta == 0,
    )  # fmt: skip
    if beta > 0:
        x[rng.random(x.shape) < 0.2] = 0
    damping = np.asarray(rng.choice([1.0, 0.5]), dtype=dtype)
    fixed = [rng.random(part.shape) < 0.3 if masked else None for part in (a, w)]
    rtol = TOLERANCE[dtype]
    with updates_numba.workspace() as pool:
        found = updates_numba.update_activations(
            x, a, w, objective, damping, fixed[0], pool if threads else None
        )
        changed = updates_numba.update_components(
            x, a, w, objective, fixed[1], pool if threads else None
        )
    expected = updates.update_activations(x, a, w, objective, damping, fixed[0])
    for one, other in zip(found[:2], expected[:2], strict=True):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max())
    other = updates.update_components(x, a, w, objective, fixed[1])
    assert changed.dtype == other.dtype == dtype
    np.testing.assert_allclose(changed, other, rtol=rtol, atol=rtol * other.max())
    size = float(np.sum(x.astype(float) ** beta)) or 1.0
    np.testing.assert_allclose(found[2], expected[2], rtol=rtol, atol=rtol * size)


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_fifty_iterations_agree(problem, dtype, rtol, beta):
    # Long enough for several parts and tiles.
    p = problem(n_frames=700, n_freqs=300, n_components=8, n_refs=4, beta=beta, dtype=dtype)
    found, expected = (solve(*p, 50, 0.0, updates=u) for u in (updates_numba, updates))
    model, other = (s.activations @ s.components for s in (found, expected))
    np.testing.assert_allclose(model, other, rtol=0, atol=rtol * other.max())
    np.testing.assert_allclose(found.costs, expected.costs, rtol=max(rtol, 2e-4))


def test_a_batch_is_its_mixtures(problem):
    # More mixtures than components: nothing that they share may be divided among them.
    single = [problem(n_components=3, n_refs=1) for _ in range(5)]
    x, a, w = (np.stack([p[i] for p in single]) for i in range(3))
    terms = ("floor", "sparsity_activations", "sparsity_components", "contrast", "guide")
    stacked = {t: np.stack([getattr(p.objective, t) for p in single]) for t in terms}
    batch = type(single[0].objective)(1.0, **stacked, pairing=single[0].objective.pairing)
    damping = np.array([1.0, 0.25, 0.5, 1.0, 0.125])
    found = updates_numba.update_activations(x, a, w, batch, damping)
    changed = updates_numba.update_components(x, a, w, batch)
    for i, p in enumerate(single):
        alone = updates_numba.update_activations(*p, damping[i])
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(one[i], other)
        np.testing.assert_array_equal(changed[i], updates_numba.update_components(*p))


def test_nothing_of_the_size_of_the_spectrogram_is_allocated(rng, monkeypatch):
    import tracemalloc

    # Each thread has a tile of its own.
    monkeypatch.setattr(workspace_numba, "get_num_threads", lambda: 2)
    x = rng.uniform(size=(24_000, 257)).astype(np.float32)
    p = make_problem(rng, 12, 257, 4, 2, dtype="float32")
    a = np.full((24_000, 4), 24_000**-0.5, np.float32)
    objective = type(p.objective)(1.0, p.objective.floor)
    solve(x, a, p.components, objective, 2, 0.0)
    tracemalloc.start()
    solve(x, a, p.components, objective, 5, 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 4
