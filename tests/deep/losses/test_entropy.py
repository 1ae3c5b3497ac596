import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.losses import (
    generalized_entropy,
    information_loss,
    mean_entropy,
    nuclear_norm,
    view_consistency,
)
from tests.deep.gradients import check_gradient

# 70 examples and 35 classes: twice each class, and always the same one.
UNIFORM = jnp.zeros((70, 35))
BALANCED = 200 * jnp.eye(35)[jnp.arange(70) % 35]
COLLAPSED = 200 * jnp.eye(35)[jnp.zeros(70, int)]
NOTHING = pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("form", "uniform", "balanced", "collapsed"),
    [
        ("column", -0.23905, -1.41421, -0.23905),
        ("nuclear", -np.sqrt(70 / 35), -np.sqrt(2) * 35, -np.sqrt(70)),
        ("fast", -35 * 0.23905, -49.49747, -8.3666),
    ],
)
def test_forms_of_the_nuclear_norm_have_their_closed_forms(form, uniform, balanced, collapsed):
    expected = (uniform, balanced, collapsed)
    for logits, value in zip((UNIFORM, BALANCED, COLLAPSED), expected, strict=True):
        assert float(nuclear_norm(logits, form)) == pytest.approx(value, rel=2e-5)


def test_only_the_frobenius_norm_confuses_collapsed_with_balanced():
    norms = [float(jnp.linalg.norm(jax.nn.softmax(z))) for z in (BALANCED, COLLAPSED)]
    assert norms == pytest.approx([8.3666, 8.3666], rel=1e-5)
    for form in ("nuclear", "fast", "column"):
        assert nuclear_norm(BALANCED, form) < 5 * nuclear_norm(COLLAPSED, form)


def test_the_fast_form_bounds_the_nuclear_norm(rng):
    for shape in ((5, 9), (9, 5)):
        logits = 3 * rng.normal(size=shape)
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        expected = np.linalg.svd(p, compute_uv=False).sum()
        assert float(nuclear_norm(logits)) == pytest.approx(-expected, rel=1e-5)
        columns = np.sort(np.linalg.norm(p, axis=0))[::-1][: min(shape)]
        assert float(nuclear_norm(logits, "fast")) == pytest.approx(-columns.sum(), rel=1e-5)


def test_entropies_have_their_closed_forms():
    assert float(mean_entropy(UNIFORM)) == pytest.approx(3.55535, abs=1e-5)
    assert float(generalized_entropy(UNIFORM, 1.1)) == pytest.approx(2.99201, abs=1e-5)
    assert float(generalized_entropy(UNIFORM, 2)) == pytest.approx(0.97143, abs=1e-5)
    for sure in (BALANCED, COLLAPSED):
        assert float(mean_entropy(sure)) == NOTHING
        for q in (0.3, 1, 1.1, 2.5):
            assert float(generalized_entropy(sure, q)) == NOTHING
    assert float(information_loss(BALANCED)) == pytest.approx(-3.55535, abs=1e-5)
    assert float(information_loss(COLLAPSED)) == NOTHING
    assert float(information_loss(UNIFORM)) == NOTHING


def test_generalized_entropy_is_continuous_through_one(rng):
    logits = 4 * rng.normal(size=(20, 6))
    shannon = float(mean_entropy(logits))
    for d in (-1e-5, -1e-7, 0, 1e-7, 1e-5):
        assert float(generalized_entropy(logits, 1 + d)) == pytest.approx(shannon, abs=1e-4)
    assert float(generalized_entropy(logits, 1 + 1e-6)) == pytest.approx(shannon, abs=1e-5)
    with jax.enable_x64(True):
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        # On both sides of where the series takes over.
        for d in (-1.01e-3, -0.99e-3, 0.99e-3, 1.01e-3):
            expected = ((1 - (p ** (1 + d)).sum(1)) / d).mean()
            assert float(generalized_entropy(logits, 1 + d)) == pytest.approx(expected, abs=1e-7)


def test_consistency_is_the_distance_of_two_views(rng):
    first, second = rng.normal(size=(2, 6, 4))
    p, q = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (first, second))
    expected = np.linalg.norm(p - q, axis=1).mean()
    assert float(view_consistency(first, second)) == pytest.approx(expected, rel=1e-5)
    assert float(view_consistency(first, first)) == 0


@pytest.mark.parametrize(
    "loss",
    [
        nuclear_norm,
        lambda z: nuclear_norm(z, "fast"),
        lambda z: nuclear_norm(z, "column"),
        mean_entropy,
        lambda z: generalized_entropy(z, 0.5) + generalized_entropy(z, 1.0002),
        lambda z: generalized_entropy(z, 2.5),
        information_loss,
        lambda z: view_consistency(z, 2 * z[::-1]),
    ],
)
def test_gradients_are_those_of_finite_differences(loss):
    check_gradient(
        lambda x: loss(x[0])[None], lambda: [np.random.default_rng(0).normal(size=(6, 4))]
    )


def test_gradients_are_numbers_at_the_extremes():
    @jax.jit
    @jax.grad
    def gradient(z):
        forms = sum(nuclear_norm(z, form) for form in ("nuclear", "fast", "column"))
        entropies = sum(generalized_entropy(z, q) for q in (0.3, 1.0, 1.1))
        return forms + entropies + information_loss(z) + view_consistency(z, z)

    for logits in (UNIFORM, BALANCED, COLLAPSED):
        assert np.isfinite(gradient(logits)).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="q must be positive, got 0"):
        generalized_entropy(UNIFORM, 0)
    with pytest.raises(ValueError, match=r"form must be one of \['nuclear', 'fast', 'column'\]"):
        nuclear_norm(UNIFORM, "frobenius")
