import numpy as np
import pytest

from deep.data.examples import ArrayExamples
from deep.training.devices import choose_device
from deep.training.inference import apply, mean_loss
from tests.deep.tiny import classify, forward, made, tiny
from tests.deep.trainings import trained


def test_examples_are_computed_alone_whatever_the_batch(rng):
    model, state = tiny()
    x = rng.normal(size=(11, 3)).astype(np.float32)
    shapes = []

    def counted(model, state, batch):
        shapes.append(batch["x"].shape)
        return {"logits": forward(model, state, batch)}

    cpu = choose_device("cpu")

    def applied(x, batch_size):
        examples = ArrayExamples({"x": x})
        return apply(counted, model, state, examples, batch_size=batch_size, device=cpu)["logits"]

    whole = applied(x, 64)
    np.testing.assert_allclose(applied(x, 4), whole, atol=1e-6)
    np.testing.assert_allclose(applied(x[5:6], 4)[0], whole[5], atol=1e-6)
    assert shapes == [(11, 3), (4, 3), (1, 3)]  # the last batch of 3 is filled up
    mean, variance = 0, 1  # of the statistics before training
    hidden = (x @ np.asarray(model.first.weight) + np.asarray(model.first.bias) - mean) / np.sqrt(
        variance + 1e-5
    )
    expected = np.tanh(hidden) @ np.asarray(model.last.weight) + np.asarray(model.last.bias)
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_the_mean_loss_is_that_of_a_validation():
    validation = made(17, seed=1)[0]
    fit = trained(max_epochs=1, validation=validation)
    loss = mean_loss(
        classify, fit.model, fit.state, validation,
        batch_size=8, precision="float32", device=choose_device("cpu"),
    )  # fmt: skip
    assert loss == pytest.approx(fit.history["val_loss"][0], rel=1e-5)
    model, state = tiny()
    start = mean_loss(
        classify, model, state, validation,
        batch_size=8, precision="float32", device=choose_device("cpu"),
    )  # fmt: skip
    assert start != loss
