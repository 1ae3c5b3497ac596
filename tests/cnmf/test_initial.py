import numpy as np
import pytest

from cnmf.initial import initial_values, make_objective, power_sum

SHAPE = (60, 20)


@pytest.fixture
def mixture(rng):
    """Three components of which the first two are guided, each at times of its own."""
    a = rng.uniform(size=(60, 4)) ** 6
    x = a @ rng.gamma(0.3, size=(4, 20)) + 0.01
    guide = a[:, [2, 0]] / np.linalg.norm(a[:, [2, 0]], axis=0)
    return x, guide


def start(x, guide, init="guide", given=(None, None), n_components=4, n_attended=2, seed=0):
    objective = make_objective(x, guide, n_components, n_attended, 1.0)
    rng = np.random.RandomState(seed)
    return initial_values(
        x, guide, n_components, n_attended, init, rng, objective, 300, 0.0, given
    )  # fmt: skip


@pytest.mark.parametrize("init", ["guide", "random", "blind"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_start_is_positive_unit_and_as_loud_as_the_mixture(mixture, init, dtype):
    x, guide = (part.astype(dtype) for part in mixture)
    a, w = start(x, guide, init)
    assert a.dtype == w.dtype == dtype
    assert min(a.min(), w.min()) > 0
    np.testing.assert_allclose(np.linalg.norm(a, axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(np.sum(a @ w, dtype=float), x.sum(dtype=float), rtol=1e-5)


def test_guided_components_start_from_their_references_in_turn(mixture):
    x, guide = mixture
    a, _ = start(x, guide, n_components=5, n_attended=3)
    similar = np.corrcoef(np.hstack([a, guide]).T)[:5, 5:]
    np.testing.assert_allclose([similar[0, 0], similar[1, 1], similar[2, 0]], 1)
    assert np.abs(similar[3:]).max() < 0.6


def test_a_silent_reference_gives_a_random_start(mixture):
    x, guide = mixture
    guide = guide * [1.0, 0.0]
    random, _ = start(x, guide, "random")
    guided, _ = start(x, guide)
    np.testing.assert_allclose(guided[:, 1:], random[:, 1:])


def test_blind_components_are_matched_with_the_guide(mixture):
    x, guide = mixture
    a, _ = start(x, guide, "blind")
    similar = np.corrcoef(np.hstack([a, guide]).T)[:4, 4:]
    # Among all assignments of two components, the best is the one in place.
    best = max(similar[i, 0] + similar[j, 1] for i in range(4) for j in range(4) if i != j)
    np.testing.assert_allclose(similar[0, 0] + similar[1, 1], best)
    assert similar[0, 0] > 0.9


def test_mixtures_of_a_batch_start_as_they_would_alone(mixture):
    x, guide = mixture
    batch = np.stack([x, 3 * x[::-1]]), np.stack([guide, guide[::-1]])
    for init in ("guide", "random", "blind"):
        together = start(*batch, init)
        for i in range(2):
            for one, other in zip(start(batch[0][i], batch[1][i], init), together, strict=True):
                np.testing.assert_allclose(one, other[i], rtol=1e-9)


def test_given_values_replace_their_part(mixture, rng):
    x, guide = mixture
    values = rng.uniform(0.1, 1, (4, 20))
    a, w = start(x, guide, given=(None, values))
    np.testing.assert_allclose(w / values, (w / values)[0, 0])
    np.testing.assert_allclose(a, start(x, guide)[0])
    values = rng.uniform(0.1, 1, (60, 4))
    a, _ = start(x, guide, given=(values, None))
    np.testing.assert_allclose(a, values / np.linalg.norm(values, axis=0))


def test_relative_weights_follow_their_definition(mixture):
    x, guide = mixture
    for beta in (0.0, 1.0, 2.0):
        found = make_objective(x, guide, 4, 2, beta, "paired", 0.1, 0.2, 0.3)
        size = np.sum(x**beta)
        np.testing.assert_allclose(found.contrast, 0.1 * size / 2)
        np.testing.assert_allclose(found.sparsity_activations, 0.2 * size / (4 * 60**0.5))
        np.testing.assert_allclose(found.sparsity_components, 0.3 * size * 60**0.5 / x.sum())
    absolute = make_objective(x, guide, 4, 2, 1.0, "paired", 0.1, 0.2, 0.3, "absolute")
    assert np.squeeze(absolute.contrast) == 0.1
    assert np.squeeze(absolute.sparsity_components) == 0.3


def test_weights_of_zero_leave_their_term_out(mixture):
    found = make_objective(*mixture, 4, 2, 1.0)
    assert found.contrast is found.sparsity_activations is found.guide is None
    assert make_objective(mixture[0], None, 4, 2, 1.0, contrast_weight=1.0).contrast is None


def test_sums_of_powers(rng):
    x = rng.uniform(size=(2, 600, 3))
    np.testing.assert_allclose(power_sum(x, 1.5), np.sum(x**1.5, axis=(1, 2)))
