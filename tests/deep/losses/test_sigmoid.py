import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep.losses import sigmoid_contrast
from tests.deep.gradients import check_gradient

TEN = jnp.log(jnp.float32(10))
BIAS = jnp.float32(-10)
contrast = jax.jit(sigmoid_contrast, static_argnames="hard_weight")


@pytest.mark.parametrize(
    ("n", "orthogonal", "perfect"), [(64, 10.0029, 0.6960), (128, 10.0058, 0.6989)]
)
def test_the_closed_forms_of_the_thesis(n, orthogonal, perfect):
    assert float(contrast(jnp.zeros((n, n)), TEN, BIAS)) == pytest.approx(orthogonal, abs=1e-3)
    assert float(contrast(jnp.eye(n), TEN, BIAS)) == pytest.approx(perfect, abs=1e-3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_pairs_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    similarity, hard = rng.uniform(-1, 1, (8, 8)), rng.uniform(-1, 1, (8, 2))
    sound = rng.integers(0, 4, 8)
    same = sound[:, None] == sound
    order = rng.permutation(8)
    args = (jnp.float32(1.0), jnp.float32(-2.0))
    loss = contrast(similarity, *args, same=same, hard=hard)
    mixed = contrast(
        similarity[order][:, order], *args, same=same[order][:, order], hard=hard[order]
    )
    np.testing.assert_allclose(mixed, loss, rtol=1e-5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_mask_removes_exactly_the_pairs_of_one_sound(seed):
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(-1, 1, (8, 8))
    sound = rng.integers(0, 3, 8)
    same = sound[:, None] == sound
    t, b = 1.5, -2.0
    logits = np.exp(t) * similarity + b
    signs = 2 * np.eye(8) - 1
    terms = np.logaddexp(0, -signs * logits)
    removed = terms[same & ~np.eye(8, dtype=bool)].sum() / 8
    whole = float(contrast(similarity, t, b))
    assert whole == pytest.approx(terms.sum() / 8, rel=1e-5)
    assert float(contrast(similarity, t, b, same=same)) == pytest.approx(whole - removed, rel=1e-4)


def test_the_competitor_makes_swapped_pairs_expensive():
    """Only the term of the competing sound tells whether it or the attended one is preferred."""
    similarity = jnp.zeros((4, 4))
    args = (similarity, jnp.float32(2.0), jnp.float32(-1.0))
    low, high = jnp.full((4, 1), -0.5), jnp.full((4, 1), 0.5)
    assert contrast(*args, hard=low) < contrast(*args, hard=high)
    assert contrast(*args, hard=low) > contrast(*args)
    assert contrast(*args, hard=low, hard_weight=0.0) == contrast(*args, hard=high, hard_weight=0.0)


def test_competitors_that_are_not_there_do_not_count():
    hard = jnp.array([[0.3, 9.0], [0.1, 0.2]])
    there = jnp.array([[True, False], [True, True]])
    args = (jnp.zeros((2, 2)), jnp.float32(0.0), jnp.float32(0.0))
    expected = contrast(*args) + np.logaddexp(0, [0.3, 0.1, 0.2]).sum() / 2
    assert float(contrast(*args, hard=hard, hard_present=there)) == pytest.approx(float(expected))


def test_descent_on_the_competitor_unswaps_a_pair():
    """EEG that resembles the wrong sound is turned to the right one by the hard negative alone."""
    attended, other = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])

    def loss(eeg, weight):
        e = eeg / jnp.linalg.norm(eeg)
        similarity = jnp.array([[e @ attended]])
        hard = jnp.array([[e @ other]])
        return sigmoid_contrast(
            similarity, jnp.float32(1.0), jnp.float32(0.0), hard=hard, hard_weight=weight
        )

    eeg = jnp.array([0.1, 1.0])
    assert loss(eeg[::-1], 1.0) < loss(eeg, 1.0)
    step = -jax.grad(loss)(eeg, 1.0)
    assert step @ (attended - other) > 0


def test_gradients_are_those_of_finite_differences():
    def make():
        rng = np.random.default_rng(0)
        return [rng.normal(size=shape) for shape in [(4, 4), (), (), (4, 2)]]

    check_gradient(
        lambda x: sigmoid_contrast(*x[:3], same=jnp.eye(4, k=1) > 0, hard=x[3])[None], make
    )
