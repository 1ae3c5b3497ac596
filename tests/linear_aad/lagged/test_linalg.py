import array_api_strict
import numpy as np
import pytest

from linear_aad.lagged import linalg

LIBRARIES = {"numpy": np.asarray, "strict": array_api_strict.asarray}


@pytest.fixture(params=LIBRARIES)
def to(request):
    return LIBRARIES[request.param]


@pytest.fixture
def positive(rng):
    a = rng.normal(size=(6, 9))
    return a @ a.T


def test_new_matrices_are_made(rng, positive, to):
    a, v = to(positive.copy()), rng.normal(size=6)
    updated = linalg.rank_one_update(a, -0.5, to(v))
    np.testing.assert_allclose(np.asarray(updated), positive - 0.5 * np.outer(v, v), rtol=1e-13)
    added = linalg.add_to_diagonal(a, 3.0)
    np.testing.assert_array_equal(np.asarray(added), positive + 3 * np.eye(6))
    np.testing.assert_array_equal(np.asarray(linalg.diagonal(a)), np.diag(positive))
    np.testing.assert_array_equal(np.asarray(a), positive)
    assert type(updated) is type(added) is type(a)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_layout_in_memory_does_not_matter(rng, positive, order):
    a, v = np.array(positive, order=order), rng.normal(size=6)
    np.testing.assert_allclose(linalg.rank_one_update(a, 2.0, v), positive + 2 * np.outer(v, v))
    np.testing.assert_array_equal(linalg.add_to_diagonal(a, 1.0), positive + np.eye(6))
    b = rng.normal(size=(6, 2))
    solution = linalg.solve_factored(linalg.factor_positive(a.copy(order="K")), b)
    np.testing.assert_allclose(positive @ solution, b, atol=1e-10)


def test_factors_solve_equations(rng, positive, to):
    b = rng.normal(size=(6, 3))
    solution = linalg.solve_factored(linalg.factor_positive(to(positive.copy())), to(b))
    np.testing.assert_allclose(positive @ np.asarray(solution), b, atol=1e-10)


# A dependent row leaves rounding of either sign behind, so that chance would decide.
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scales", [(0, 0), (-6, 6)])
def test_dependent_rows_are_found_in_any_unit(to, seed, scales):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 12))
    x -= x.mean(axis=1, keepdims=True)
    x *= 10.0 ** rng.uniform(*scales, size=12)
    with pytest.raises(np.linalg.LinAlgError):
        linalg.factor_positive(to(x.T @ x))
    linalg.factor_positive(to(x[:, 1:].T @ x[:, 1:]))
    with pytest.raises(np.linalg.LinAlgError):
        linalg.factor_positive(to(-np.eye(3)))


def test_eigenvectors_diagonalise(positive, to):
    values, vectors = (np.asarray(a) for a in linalg.eigh(to(positive.copy())))
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_allclose(vectors * values @ vectors.T, positive, atol=1e-12)
