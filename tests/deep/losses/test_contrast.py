import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.losses import metadata_contrast, mixed, supervised_contrast
from tests.deep.gradients import check_gradient

supcon = jax.jit(supervised_contrast, static_argnames="temperature")


def by_loops(z, labels, temperature):
    """The definition, read aloud."""
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    terms = []
    for i in range(len(z)):
        if labels[i] < 0:
            continue
        others = [a for a in range(len(z)) if a != i and labels[a] >= 0]
        positives = [p for p in others if labels[p] == labels[i]]
        if positives:
            total = np.log(sum(np.exp(z[i] @ z[a] / temperature) for a in others))
            terms.append(-np.mean([z[i] @ z[p] / temperature - total for p in positives]))
    return np.mean(terms)


@pytest.fixture
def data(rng):
    return rng.normal(size=(12, 5)), np.array([0, 0, 1, 1, 1, 2, -1, 3, -1, 2, 0, 1])


def test_it_is_the_definition(data):
    for temperature in (0.06, 0.5):
        loss = float(supcon(*data, temperature))
        assert loss == pytest.approx(by_loops(*data, temperature), rel=1e-4)


@pytest.mark.parametrize("n", [2, 128])
def test_equal_embeddings_cost_the_logarithm_of_the_others(n):
    labels = np.tile(np.arange(n) % 4, 2)
    loss = float(supcon(np.full((2 * n, 3), 0.7), labels))
    assert loss == pytest.approx(np.log(2 * n - 1), rel=1e-5)


def test_scale_and_order_do_not_matter(data, rng):
    z, labels = data
    loss = float(supcon(z, labels))
    assert float(supcon(z * rng.uniform(0.1, 9, (12, 1)), labels)) == pytest.approx(loss, rel=1e-4)
    order = rng.permutation(12)
    assert float(supcon(z[order], labels[order])) == pytest.approx(loss, rel=1e-4)


def test_what_is_missing_takes_no_part(data):
    z, labels = data
    known = labels >= 0
    assert float(supcon(z, labels)) == pytest.approx(float(supcon(z[known], labels[known])), 1e-5)
    slope = jax.grad(supervised_contrast)(jnp.asarray(z), jnp.asarray(labels))
    assert not np.asarray(slope)[~known].any()


def test_without_two_of_a_class_there_is_no_loss_and_no_slope():
    for labels in ([0, 1, 2], [-1, -1, -1], [0, -1, -1]):
        z = jnp.zeros((3, 2))
        loss, slope = jax.value_and_grad(supervised_contrast)(z, jnp.array(labels))
        assert loss == 0
        assert not np.asarray(slope).any()


def test_lam_and_alpha_have_their_ends(data, rng):
    z, labels = data
    other, more = rng.normal(size=(2, 12, 4))
    metadata = np.stack([rng.integers(0, 3, 12), rng.integers(-1, 2, 12)], axis=1)
    own = float(supcon(z, labels))
    theirs = [float(supcon(x, metadata[:, k])) for k, x in enumerate((other, more))]
    for lam in (0, 0.25, 0.75, 1):
        loss = metadata_contrast(z, labels, [other, more], metadata, lam)
        expected = lam * own + (1 - lam) * np.mean(theirs)
        assert float(loss) == pytest.approx(expected, rel=1e-5)
    # What has no weight has no slope either, even where it would be no number.
    for weight, expected in ((0, [0, 1]), (1, [1, 0])):
        slopes = jax.grad(lambda x, w=weight: mixed(x[0], x[1], w))(jnp.array([jnp.nan, jnp.inf]))
        assert slopes.tolist() == expected


def test_gradients_are_those_of_finite_differences():
    labels = jnp.array([0, 0, 1, -1, 1, 2])
    metadata = jnp.array([[0, 1, 0, 1, -1, 1]]).T

    def loss(x):
        return metadata_contrast(x[0], labels, [x[1]], metadata, temperature=0.5)[None]

    rng = np.random.default_rng(0)
    start = rng.normal(size=(2, 6, 4))
    check_gradient(loss, lambda: list(start))


def test_it_is_that_of_pytorch_metric_learning(data):
    torch = pytest.importorskip("torch")
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    z, labels = data
    z, labels = z[labels >= 0][:-1], labels[labels >= 0][:-1]  # theirs knows nothing missing
    theirs = losses.SupConLoss(temperature=0.1)(torch.tensor(z), torch.tensor(labels))
    assert float(supcon(z, labels, 0.1)) == pytest.approx(float(theirs), rel=1e-5)
