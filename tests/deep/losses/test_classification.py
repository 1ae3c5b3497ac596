import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.losses import balanced_weights, weighted_cross_entropy
from tests.deep.gradients import check_gradient


def test_it_is_the_weighted_mean_of_the_surprises(rng):
    logits, labels = rng.normal(size=(7, 3)), np.array([0, 0, 0, 1, 1, 2, 2])
    logits -= np.log(np.exp(logits).sum(1, keepdims=True))
    own = -logits[np.arange(7), labels]
    assert float(weighted_cross_entropy(5 + logits, labels)) == pytest.approx(own.mean(), rel=1e-5)
    weights = np.array([0.2, 0.5, 0.3])
    expected = (weights[labels] * own).sum() / weights[labels].sum()
    loss = jax.jit(weighted_cross_entropy)(logits, labels, weights)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    # Balanced weights give each class the same say.
    balanced = balanced_weights(labels, 3)
    expected = np.mean([own[labels == k].mean() for k in range(3)])
    assert float(weighted_cross_entropy(logits, labels, balanced)) == pytest.approx(expected, 1e-5)


def test_a_class_without_examples_has_no_weight():
    assert balanced_weights(np.array([0, 2, 2]), 4).tolist() == pytest.approx([2 / 3, 0, 1 / 3, 0])


def test_gradients_are_those_of_finite_differences():
    labels, weights = jnp.array([0, 2, 1, 2]), jnp.array([0.2, 0.5, 0.3])

    def loss(x):
        return weighted_cross_entropy(x[0], labels, weights)[None]

    check_gradient(loss, lambda: [np.random.default_rng(0).normal(size=(4, 3))])
