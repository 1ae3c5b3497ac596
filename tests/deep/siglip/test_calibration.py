from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.data.examples import ArrayExamples
from deep.siglip.calibration import calibrated
from deep.siglip.networks.thesis import Views
from deep.siglip.task import ContrastTask

TASK = ContrastTask(contrast_weight=1.0, masker_weight=4.0, mask_same=True, n_window=20)


class Echo(eqx.Module):
    """Embeddings that are the inputs themselves."""

    inputs: ClassVar = ("eeg", "features")
    per_feature: ClassVar = True
    unit_windows: ClassVar = False
    log_temperature: jax.Array
    bias: jax.Array

    def __call__(self, eeg, features, *, state, key=None):
        return Views(eeg, features, eeg[:, 0]), state


def echo(temperature=1.0, bias=0.0):
    return Echo(jnp.log(jnp.float32(temperature)), -jnp.float32(bias))


def windows(n=24, noise=1.0, seed=0):
    """EEG that is the first of two sounds in noise; neighbours share sound."""
    rng = np.random.default_rng(seed)
    sounds = rng.normal(size=(n, 2, 20, 1)).astype(np.float32)
    eeg = sounds[:, 0] + noise * rng.normal(size=(n, 20, 1)).astype(np.float32)
    start = 15 * np.arange(n, dtype=np.int32)
    return ArrayExamples(
        {
            "eeg": eeg, "features": sounds, "envelopes": sounds[..., 0],
            "sound": np.zeros(n, np.int32), "start": start,
        }
    )  # fmt: skip


def calibrate(examples, task=TASK, batch_size=None, seed=0):
    size = len(examples) if batch_size is None else batch_size
    return calibrated(task, echo(), None, examples, size, jax.devices("cpu")[0], seed)


@jax.jit
def contrast(model, batch, task_key=None):
    return TASK(model, None, batch, jax.random.key(0))[1][1]["contrast"]


def test_the_contrast_of_the_training_is_smallest_there():
    """All windows in one batch: the calibration minimises the loss that the task computes."""
    examples = windows()
    temperature, bias = calibrate(examples)
    batch = examples.take(np.arange(len(examples)), None)
    best = contrast(echo(temperature, bias), batch)
    for more in (0.9, 1.1):
        assert contrast(echo(more * temperature, bias), batch) > best
        assert contrast(echo(temperature, more * bias), batch) > best
    assert 1 < temperature < 50
    assert bias > 0


@pytest.mark.parametrize("changes", [{"mask_same": False}, {"masker_weight": 0.0}])
def test_what_is_contrasted_is_what_the_task_contrasts(changes):
    """At a minimum of weighted logistic losses the errors cancel, and so do those times x."""
    task = replace(TASK, **changes)
    examples = windows(noise=2.0)
    n, batch_size = len(examples), 8
    temperature, bias = calibrate(examples, task, batch_size)
    batch = examples.take(np.arange(n), None)
    e, a = batch["eeg"][..., 0], batch["features"][..., 0]
    e, a = (x - x.mean(-1, keepdims=True) for x in (e, a))
    e, a = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (e, a))
    pairs = e @ a[:, 0].T
    gap = np.abs(np.subtract.outer(batch["start"], batch["start"]))
    left_out = gap < 20 if task.mask_same else np.eye(n, dtype=bool)
    share = (batch_size - 1) / (n - 1)
    similarity = np.concatenate([np.diagonal(pairs), pairs[~left_out], (e * a[:, 1]).sum(-1)])
    weight = np.repeat([1, share, task.masker_weight], [n, (~left_out).sum(), n])
    wanted = np.repeat([1, 0], [n, len(similarity) - n])
    error = weight * (1 / (1 + np.exp(bias - temperature * similarity)) - wanted)
    assert abs(error.sum()) < 1e-3 * n
    assert abs((error * similarity).sum()) < 1e-3 * n


def test_temperatures_stay_where_something_is_learnt():
    assert calibrate(windows(noise=0.0))[0] == 50
    assert calibrate(windows(noise=1e3, seed=4))[0] == pytest.approx(1, abs=0.5)


def test_few_of_many_windows_are_enough():
    examples = windows(300, noise=2.0)
    first, again, other = (calibrate(examples, batch_size=32, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    np.testing.assert_allclose(first, other, rtol=0.2)
