from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.audio.augmentation import Augmentation
from deep.contrastive.network import Outputs
from deep.contrastive.task import METHODS, ClassificationTask
from deep.losses import metadata_contrast, supervised_contrast, weighted_cross_entropy


class Stub(eqx.Module):
    """An encoder that gives what it is told, so that losses can be computed by hand."""

    encoder: "Dropouts"
    projectors: int = eqx.field(static=True)

    def __call__(self, x, *, state, key=None, augmentation=None):
        if augmentation is not None:
            x = augmentation.of_waveform(x, augmentation.draw(key), key)
        return Outputs(x, x[:3], tuple(x[k:] for k in range(self.projectors))), state


class Dropouts(eqx.Module):
    dropouts: list


@pytest.fixture
def batch(rng):
    return {
        "x": rng.normal(size=(6, 5)).astype(np.float32), "y": np.array([0, 1, 2, 0, 1, 2]),
        "metadata": np.array([[0, 1, 0, 1, -1, 0]]).T,
    }  # fmt: skip


TASK = ClassificationTask("ce", 0.5, 0.25, 0.75, (0.2, 0.3, 0.5), Augmentation(gain=0, shift=0))


def stub(inference):
    return Stub(Dropouts([eqx.nn.Dropout(0.1, inference=inference)]), 2)


def test_each_method_has_its_loss(batch):
    x, y = jnp.asarray(batch["x"]), jnp.asarray(batch["y"])
    metadata = jnp.asarray(batch["metadata"])
    entropy = weighted_cross_entropy(x[:, :3], y, jnp.array([0.2, 0.3, 0.5]))
    contrast = supervised_contrast(x, y, 0.5)
    expected = {
        "ce": entropy, "scl": contrast, "hybrid": 0.25 * contrast + 0.75 * entropy,
        "mscl": metadata_contrast(x, y, [x[:, 1:]], metadata, 0.75, 0.5),
    }  # fmt: skip
    assert set(expected) == set(METHODS)
    for method, value in expected.items():
        loss, (_, metrics) = replace(TASK, method=method)(
            stub(True), None, batch, jax.random.key(0)
        )
        assert float(loss) == pytest.approx(float(value), rel=1e-5)
        assert metrics["accuracy"] == np.mean(batch["x"][:, :3].argmax(1) == batch["y"])


def test_training_sees_two_varied_views(batch):
    doubled = {name: np.concatenate([x, x]) for name, x in batch.items()}
    still = replace(TASK, method="scl", augmentation=Augmentation(gain=0, shift=0, stretch=(0, 0)))
    loss = still(stub(False), None, batch, jax.random.key(0))[0]
    expected = still(stub(True), None, doubled, jax.random.key(0))[0]
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    louder = replace(TASK, method="ce", augmentation=Augmentation(gain=20, shift=0))
    found = {float(louder(stub(False), None, batch, jax.random.key(s))[0]) for s in (0, 0, 1)}
    assert len(found) == 2


def test_without_a_layer_for_classes_the_nearest_other_clip_decides(batch):
    class Bare(Stub):
        def __call__(self, x, *, state, key=None, augmentation=None):
            return Outputs(x, None, (x,)), state

    x = np.repeat(np.eye(3, 5, dtype=np.float32), 2, axis=0)
    model = Bare(Dropouts([eqx.nn.Dropout(0.1, inference=False)]), 1)
    for labels, accuracy in (([0, 0, 1, 1, 2, 2], 1.0), ([0, 0, 1, 2, 2, 1], 1 / 3)):
        one = {"x": x, "y": np.array(labels)}
        _, (_, metrics) = replace(TASK, method="scl")(model, None, one, jax.random.key(0))
        assert float(metrics["accuracy"]) == pytest.approx(accuracy)  # not its own second view
