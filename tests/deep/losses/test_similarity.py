import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cocktailparty import similarity
from deep.losses import pearson, unit_vectors
from tests.deep.gradients import check_gradient


@pytest.mark.parametrize("per_feature", [False, True])
def test_unit_vectors_have_no_mean_and_length_one(per_feature):
    x = np.random.default_rng(0).normal(3, 2, (4, 10, 3)).astype(np.float32)
    unit = np.asarray(unit_vectors(x, per_feature))
    np.testing.assert_allclose(np.square(unit).sum((1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(unit.mean(1 if per_feature else (1, 2)), 0, atol=1e-6)
    # Silence has no direction, and no gradient that is not finite.
    silent = jnp.zeros((1, 10, 3))
    assert not np.asarray(unit_vectors(silent, per_feature)).any()
    assert np.isfinite(jax.grad(lambda x: unit_vectors(x, per_feature).sum())(silent)).all()


def test_pearson_is_that_of_numpy():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 40))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(pearson(x, y), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(pearson(2 * x + 1, y), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: pearson(x[0], x[0] ** 2 + x[1][:, :1]),
        lambda x: unit_vectors(x[0][None], per_feature=True) + 0 * x[1].sum(),
    ],
)
def test_gradients_are_those_of_finite_differences(loss):
    def make():
        rng = np.random.default_rng(0)
        return [rng.normal(size=shape) for shape in [(4, 4), (4, 2)]]

    check_gradient(loss, make)


def test_they_are_the_formulas_of_the_library(rng):
    x, y = (rng.normal(size=(3, 20)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(pearson(x, y), similarity.pearson(x, y), atol=1e-6)
    z = rng.normal(size=(3, 20, 4)).astype(np.float32)
    for per_feature, axis in ((True, -2), (False, None)):
        expected = similarity.unit_vectors(z, (-2, -1), mean_axis=axis)
        np.testing.assert_allclose(unit_vectors(z, per_feature), expected, atol=1e-6)
