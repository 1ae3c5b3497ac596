import array_api_strict
import numpy as np
import pytest

from cnmf.objective import (
    Objective,
    beta_exponent,
    contrast_pairing,
    cost,
    divergence,
    gradient,
    kkt_residual,
    penalties,
    unit_activations,
)

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


@pytest.mark.parametrize("contrast", ["paired", "all-pairs"])
@pytest.mark.parametrize("beta", BETAS)
def test_gradient_matches_central_differences_of_the_normalised_cost(problem, rng, beta, contrast):
    x, a, w, objective = problem(beta=beta, contrast=contrast, positive=True)
    # Columns of any norm: only their direction may matter to the penalties.
    a = a * rng.uniform(0.5, 2, a.shape[1])
    slopes = gradient(x, a, w, objective)
    for _ in range(5):
        da, dw = rng.normal(size=a.shape), rng.normal(size=w.shape)
        h = 1e-6
        ahead = cost(x, a + h * da, w + h * dw, objective)
        behind = cost(x, a - h * da, w - h * dw, objective)
        expected = np.sum(slopes[0] * da) + np.sum(slopes[1] * dw)
        np.testing.assert_allclose((ahead - behind) / (2 * h), expected, rtol=1e-6, atol=1e-5)


def test_cost_is_the_written_formula(problem):
    x, a, w, objective = problem(n_components=4, n_refs=2)
    mu, nu, delta = (
        float(np.squeeze(v))
        for v in (
            objective.sparsity_activations,
            objective.sparsity_components,
            objective.contrast,
        )
    )
    s, y = objective.guide, a @ w
    expected = sum(
        (u * np.log(u / v) if u > 0 else 0.0) - u + v
        for u, v in zip(x.ravel(), y.ravel(), strict=True)
    )
    expected += mu * sum(a.ravel()) + nu * sum(w.ravel())
    expected -= delta * ((a[:, 0] @ s[:, 0]) ** 2 + (a[:, 1] @ s[:, 1]) ** 2)
    expected += delta * sum((a[:, k] @ s[:, r]) ** 2 for k in (2, 3) for r in (0, 1)) / 2
    np.testing.assert_allclose(cost(x, a, w, objective), expected, rtol=1e-12)
    np.testing.assert_allclose(cost(x, 3 * a, w / 3, objective), expected, rtol=1e-12)


def test_all_pairs_contrast_is_the_published_one(problem):
    _, a, w, objective = problem(n_components=4, n_refs=3, contrast="all-pairs", weights=(1, 0, 0))
    attended, others = (a[:, part].T @ objective.guide for part in (slice(3), slice(3, 4)))
    expected = np.linalg.norm(others) ** 2 - np.linalg.norm(attended) ** 2
    np.testing.assert_allclose(
        penalties(a, w, objective), np.squeeze(objective.contrast) * expected, rtol=1e-12
    )


@pytest.mark.parametrize("beta", [*BETAS, 0.7, 2.5])
def test_divergence_is_an_integral_of_its_slope(rng, beta):
    # d/dy D = y**(beta - 2) (y - x), and D(x, x) = 0.
    x, y = rng.uniform(0.5, 2, (2, 3, 4))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    way = x + (y - x) * (nodes[:, None, None] + 1) / 2
    slope = way ** (beta - 2) * (way - x) * (y - x) / 2
    expected = np.einsum("i,ijk->", weights, slope)
    np.testing.assert_allclose(divergence(x, y, beta), expected, rtol=1e-10)
    np.testing.assert_allclose(divergence(x, x, beta), 0, atol=1e-14)


def test_zeros_of_the_spectrogram_have_a_divergence():
    x, y = np.array([[0.0, 1.0]]), np.array([[2.0, 1.0]])
    assert divergence(x, y, 1.0) == 2
    np.testing.assert_allclose(divergence(x, y, 0.5), 4 * 0.5 * 2**0.5)


def test_kkt_residual_vanishes_at_a_minimum_only(rng):
    a, w = unit_activations(rng.uniform(0.1, 1, (9, 2)), rng.uniform(0.1, 1, (2, 5)))
    objective = Objective(1.0, np.zeros((1, 1)))
    assert max(kkt_residual(a @ w, a, w, objective)) < 1e-15
    assert min(kkt_residual(a @ w, a + 0.1, w, objective)) > 1e-3


def test_mixtures_of_a_batch_do_not_meet(problem):
    single = [problem() for _ in range(3)]
    x, a, w = (np.stack([p[i] for p in single]) for i in range(3))
    terms = ("floor", "sparsity_activations", "sparsity_components", "contrast", "guide")
    stacked = {t: np.stack([getattr(p.objective, t) for p in single]) for t in terms}
    batch = Objective(1.0, **stacked, pairing=single[0].objective.pairing)
    for function in (cost, gradient, kkt_residual):
        together = function(x, a, w, batch)
        for i, p in enumerate(single):
            alone = function(*p)
            if function is cost:
                np.testing.assert_allclose(together[i], alone, rtol=1e-12)
            else:
                for part, whole in zip(alone, together, strict=True):
                    np.testing.assert_allclose(whole[i], part, rtol=1e-9, atol=1e-12)


def test_any_array_library_will_do(problem):
    x, a, w, objective = problem(positive=True)
    strict = {
        name: array_api_strict.asarray(value) if isinstance(value, np.ndarray) else value
        for name, value in vars(objective).items()
    }
    arrays = [array_api_strict.asarray(part) for part in (x, a, w)]
    for function in (cost, gradient, kkt_residual):
        expected = function(x, a, w, objective)
        found = function(*arrays, Objective(**strict))
        for one, other in (
            [(found, expected)] if function is cost else zip(found, expected, strict=True)
        ):
            np.testing.assert_allclose(np.asarray(one), other, rtol=1e-12, atol=1e-12)


def test_names_and_numbers_of_divergences():
    assert [beta_exponent(b) for b in ("itakura-saito", "frobenius", 1.5)] == [0, 2, 1.5]
    for wrong in ("euclid", -1, 3.5, True, np.nan):
        with pytest.raises(ValueError, match="beta_loss must be one of"):
            beta_exponent(wrong)


def test_pairing_of_components_and_references():
    np.testing.assert_array_equal(contrast_pairing(4, 3, 2)[:3], [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(contrast_pairing(3, 1, 2, "all-pairs")[:, 0], [1, -1, -1])
    with pytest.raises(ValueError, match="2 columns for n_attended=1"):
        contrast_pairing(3, 1, 2)
    with pytest.raises(ValueError, match="contrast must be one of"):
        contrast_pairing(3, 2, 2, "none")
