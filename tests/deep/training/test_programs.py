import os
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.layers import Linear
from deep.training.optimizers import Optimizer
from deep.training.programs import start
from deep.training.trees import split
from tests.deep.tiny import Tiny, classify, made, tiny

SEED = np.uint32(0)


@pytest.fixture
def batch():
    _, x, y = made(8)
    return {"x": x, "y": y}


def begun(task=classify, optimizer=None, **options):
    return start(*tiny(), task, optimizer or Optimizer("sgd", 0.1), 10, **options)


def copies(arrays):
    return [np.array(array) for array in arrays]


def test_a_step_goes_down_the_gradient(batch):
    config, arrays, fixed = begun()
    before = config.train_state.join(copies(arrays))
    model, state = tiny()
    key = jax.random.fold_in(jax.random.key(0), 0)
    loss, gradient = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda m: classify(m, state, batch, key)[0])
    )(model)
    arrays, (healthy, reported, norm, metrics) = config.programs[0](arrays, fixed, SEED, batch)
    assert healthy
    assert reported == pytest.approx(float(loss), rel=1e-6)
    assert norm == pytest.approx(
        np.sqrt(sum((np.asarray(g) ** 2).sum() for g in jax.tree.leaves(gradient))), rel=1e-5
    )
    assert set(metrics) == {"accuracy"}
    after = config.train_state.join(arrays)
    weights = (jax.tree.leaves(part) for part in (before.weights, gradient, after.weights))
    for old, slope, new in zip(*weights, strict=True):
        np.testing.assert_allclose(new, old - 0.1 * np.asarray(slope), rtol=1e-5, atol=1e-7)
    assert after.step == 1
    assert np.abs(after.state.get(model.norm.index)[0]).sum() > 0


def test_only_what_is_named_is_trained(batch):
    config, arrays, fixed = begun(trainable=lambda name: name.startswith("last."))
    kept = copies(fixed)
    arrays, _ = config.programs[0](arrays, fixed, SEED, batch)
    forward = config.forward
    model = forward.model(config.train_state.join(arrays).weights, forward.fixed.join(fixed))
    first = tiny()[0]
    assert np.array_equal(model.first.weight, first.first.weight)
    assert np.array_equal(model.norm.weight, first.norm.weight)
    assert not np.array_equal(model.last.weight, first.last.weight)
    assert all(map(np.array_equal, fixed, kept))
    with pytest.raises(ValueError, match=r"trainable chose none of \['first.weight'"):
        begun(trainable=lambda name: False)


def test_mixed_precision_computes_in_half_and_keeps_weights_in_single(batch):
    seen = []

    def task(model, state, batch, key):
        seen.append((model.first.weight.dtype, model.first.bias.dtype))
        return classify(model, state, batch, key)

    losses = {}
    for precision in ("float32", "bfloat16"):
        config, arrays, fixed = begun(task, precision=precision)
        for _ in range(20):
            arrays, (_, loss, _, _) = config.programs[0](arrays, fixed, SEED, batch)
        assert config.train_state.join(arrays).weights.first.weight.dtype == jnp.float32
        losses[precision] = float(loss)
    assert seen == [(jnp.float32, jnp.float32), (jnp.bfloat16, jnp.float32)]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    with pytest.raises(ValueError, match=r"precision must be one of .*got 'float16'"):
        begun(precision="float16")


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_nothing_changes_after_a_number_that_is_not_finite(batch, what):
    def task(model, state, batch, key):
        loss, rest = classify(model, state, batch, key)
        bad = batch["bad"]
        if what == "loss":
            return loss + jnp.where(bad, jnp.nan, 0.0), rest
        # The loss is finite, its slope is not: that of a square root at 0.
        zero = jnp.where(bad, 0.0, 1.0) * model.last.bias[0] ** 2
        return loss + jnp.where(bad, jnp.sqrt(zero), 0.0), rest

    config, arrays, fixed = begun(task)
    train = config.programs[0]
    arrays, (healthy, *_) = train(arrays, fixed, SEED, {**batch, "bad": False})
    assert healthy
    good = copies(arrays)
    for bad in (True, False):  # also when later batches are fine
        arrays, (healthy, *_) = train(arrays, fixed, SEED, {**batch, "bad": bad})
        assert not healthy
        assert all(map(np.array_equal, arrays[:-1], good[:-1]))


def test_evaluation_is_in_inference_mode_and_draws_nothing(batch):
    config, arrays, fixed = begun()
    evaluate = config.programs[1]
    train_state = config.train_state.join(arrays)
    arrays = split((train_state.weights, train_state.state))[0]
    loss, metrics = evaluate(arrays, fixed, SEED, batch)
    model, state = tiny()
    expected, (_, other) = classify(eqx.nn.inference_mode(model), state, batch, None)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    assert metrics["accuracy"] == other["accuracy"]
    assert evaluate(arrays, fixed, np.uint32(7), batch)[0] == loss


def test_equal_configs_share_their_programs():
    programs = begun()[0].programs
    assert begun()[0].programs == programs
    train, evaluate = begun(optimizer=Optimizer("sgd", 0.2))[0].programs
    assert train is not programs[0]
    assert evaluate is programs[1]  # no optimizer decides a loss


def test_a_state_of_other_arrays_is_refused(batch):
    def task(model, state, batch, key):
        loss, (state, metrics) = classify(model, state, batch, key)
        return loss, ([state], metrics)

    config, arrays, fixed = begun(task)
    with pytest.raises(TypeError, match="the task returned the state"):
        config.programs[0](arrays, fixed, SEED, batch)


def test_a_choice_of_the_update_costs_no_second_set_of_weights():
    # In a process of its own, as other flags of XLA are set for the tests: these decide its plans.
    code = """
import equinox as eqx, jax, jax.numpy as jnp, numpy as np
from deep.layers import Linear
from deep.training.optimizers import Optimizer
from deep.training.programs import start
from deep.layers import Linear

class Deep(eqx.Module):
    layers: list
    def __init__(self, key):
        self.layers = [Linear(512, 512, key=k) for k in jax.random.split(key, 4)]
    def __call__(self, x):
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x

def task(model, state, batch, key):
    return jnp.square(model(batch["x"])).mean(), (state, {})

made = eqx.nn.make_with_state(Deep)(jax.random.key(0))
config, arrays, fixed = start(*made, task, Optimizer("adam"), 0)
batch = {"x": np.zeros((2, 512), np.float32)}
plan = config.programs[0].lower(arrays, fixed, np.uint32(0), batch).compile().memory_analysis()
print(plan.temp_size_in_bytes / (4 * 512 * 512 * 4))
"""
    env = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert found.returncode == 0, found.stderr
    # The gradient, and little else: a choice for each array would take 2.8 sets of weights.
    assert float(found.stdout) < 1.2


class Half(eqx.Module):
    encoder: Tiny
    last: Linear

    def __init__(self, *, key):
        keys = jax.random.split(key)
        self.encoder = Tiny(3, 4, key=keys[0])
        self.last = Linear(4, 2, key=keys[1])

    def __call__(self, x, *, state, key=None):
        x, state = self.encoder(x, state=state, key=key)
        return self.last(x), state


def test_parts_that_are_not_trained_are_in_inference_mode(batch):
    model, state = eqx.nn.make_with_state(Half)(key=jax.random.key(0))
    seen = []

    def task(model, state, batch, key):
        seen.append((model.encoder.norm.inference, model.encoder.dropout.inference))
        return classify(model, state, batch, key)

    moved = {}
    for begin in ("last.", "encoder.last.", ""):
        config, arrays, fixed = start(
            model, state, task, Optimizer("sgd", 0.1), 10,
            trainable=lambda name, begin=begin: name.startswith(begin),
        )  # fmt: skip
        arrays, _ = config.programs[0](arrays, fixed, SEED, batch)
        mean = config.train_state.join(arrays).state.get(model.encoder.norm.index)[0]
        moved[begin] = bool(np.abs(mean).sum() > 0)
    # The norm stands still when nothing of it is trained, the dropout when nothing around it is.
    assert seen == [(True, True), (True, False), (False, False)]
    assert moved == {"last.": False, "encoder.last.": False, "": True}
