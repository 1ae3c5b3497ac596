import array_api_strict
import numpy as np
import pytest

from cocktailparty.metrics import window_scores
from cocktailparty.similarity import pearson, unit_vectors
from linear_aad.lagged.leave_one_out import correlation
from linear_aad.lagged.moments import Moments


def test_correlations_are_those_of_numpy(rng):
    x, y = rng.normal(size=30), rng.normal(size=(4, 30)) + 5
    expected = [np.corrcoef(x, row)[0, 1] for row in y]
    np.testing.assert_allclose(pearson(x, y), expected, atol=1e-12)
    np.testing.assert_allclose(pearson(x[:, None], y.T, axis=0), expected, atol=1e-12)
    np.testing.assert_allclose((unit_vectors(x) * unit_vectors(y)).sum(1), expected, atol=1e-12)


def test_a_constant_correlates_with_nothing(rng):
    x = rng.normal(size=(2, 30))
    assert pearson(x, np.ones((2, 30))).tolist() == [0, 0]
    assert not unit_vectors(np.full((2, 30), 3.0)).any()


def test_features_may_have_means_of_their_own(rng):
    x = rng.normal(size=(3, 20, 2))
    unit = unit_vectors(x + np.array([7.0, -3.0]), (1, 2), mean_axis=1)
    np.testing.assert_allclose(unit.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.sum(unit**2, axis=(1, 2)), 1)
    np.testing.assert_allclose(unit, unit_vectors(x, (1, 2), mean_axis=1), atol=1e-12)


def test_any_array_library_and_precision(rng):
    x, y = rng.normal(size=(3, 30)), rng.normal(size=(3, 30))
    to = array_api_strict.asarray
    np.testing.assert_allclose(np.asarray(pearson(to(x), to(y))), pearson(x, y), atol=1e-12)
    np.testing.assert_allclose(np.asarray(unit_vectors(to(x))), unit_vectors(x), atol=1e-12)
    single = pearson(x.astype(np.float32), y.astype(np.float32))
    assert single.dtype == unit_vectors(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(single, pearson(x, y), atol=1e-6)


@pytest.mark.parametrize("window", [1.0, 2.5])
def test_windows_have_the_correlations_of_the_formula(rng, window):
    made, sounds = rng.normal(size=640), rng.normal(size=(2, 640))
    found = window_scores(made, sounds, 64, window)
    n = round(window * 64)
    for k, row in enumerate(found):
        part = slice(k * n, (k + 1) * n)
        np.testing.assert_allclose(row, pearson(made[part], sounds[:, part]), atol=1e-10)


def test_sums_have_the_correlations_of_the_formula(rng):
    x, y, weights = rng.normal(size=(50, 3)) + 1, rng.normal(size=(50, 2)), rng.normal(size=(3, 2))
    found = correlation(Moments.of(x, y), weights)
    np.testing.assert_allclose(found, pearson(x @ weights, y, axis=0), atol=1e-12)
