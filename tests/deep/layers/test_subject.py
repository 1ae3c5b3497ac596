import equinox as eqx
import jax
import numpy as np
import pytest

from deep.layers import SubjectLayer
from tests.deep.gradients import check_gradient

KEY = jax.random.key(0)


def test_each_listener_has_a_matrix_and_unknown_ones_the_average(rng):
    layer = eqx.nn.inference_mode(SubjectLayer(2, 3, key=KEY))
    x = rng.normal(size=(3, 5, 3)).astype(np.float32)
    weight = np.asarray(layer.weight)
    y = jax.vmap(layer)(x, np.array([0, 1, -1]))
    for i in range(3):
        np.testing.assert_allclose(y[i], x[i] + x[i] @ weight[i], atol=1e-5)


def test_the_average_listener_learns_from_a_share_of_the_examples():
    layer = SubjectLayer(2, 3, average=0.25, key=KEY)
    n = 4000

    def total(layer):
        x, keys = np.ones((n, 1, 3), np.float32), jax.random.split(KEY, n)
        return jax.vmap(layer)(x, np.arange(n) % 2, keys).sum()

    share = np.asarray(eqx.filter_grad(total)(layer).weight)[:, 0, 0] / n
    np.testing.assert_allclose(share, [0.375, 0.375, 0.25], atol=0.02)
    fixed = SubjectLayer(2, 3, average=0, key=KEY)
    assert fixed(np.ones((1, 3), np.float32), 1).shape == (1, 3)  # no key needed


def test_initial_matrices_are_normal():
    weight = np.asarray(SubjectLayer(32, 64, key=KEY).weight)
    assert weight.size == 135_168
    assert weight.std() == pytest.approx(1 / 8, rel=0.01)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"average must be between 0 and 1, got 1.5"):
        SubjectLayer(2, 3, average=1.5, key=KEY)
    with pytest.raises(ValueError, match="needs a random key in training"):
        SubjectLayer(2, 3, key=KEY)(np.ones((1, 3), np.float32), 0)


def test_gradient_is_that_of_finite_differences(rng):
    x = rng.normal(size=(3, 2))
    check_gradient(lambda t: t[0](t[1], 1), lambda: (SubjectLayer(2, 2, average=0, key=KEY), x))
