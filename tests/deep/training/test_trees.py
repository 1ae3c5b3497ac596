import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deep.training.trees import (
    array_names,
    frozen_parts,
    in_inference,
    n_parameters,
    split,
)
from tests.deep.tiny import tiny


def test_a_model_comes_back_from_its_arrays():
    model = tiny()[0]
    arrays, structure = split(model)
    assert eqx.tree_equal(structure.join(arrays), model)
    double = structure.join([2 * array for array in arrays])
    assert np.array_equal(double.first.weight, 2 * model.first.weight)


def test_structures_are_equal_when_programs_are():
    structure = split(tiny(seed=0)[0])[1]
    assert structure == split(tiny(seed=1)[0])[1]
    assert hash(structure) == hash(split(tiny(seed=1)[0])[1])
    assert structure != split(eqx.nn.inference_mode(tiny()[0]))[1]


def test_names_and_numbers():
    model = tiny(n_inputs=3)[0]
    assert array_names(model) == [
        "first.weight", "first.bias", "norm.weight", "norm.bias", "last.weight", "last.bias",
    ]  # fmt: skip
    assert n_parameters(model) == 3 * 4 + 4 + 4 + 4 + 4 * 2 + 2
    assert n_parameters({"a": jnp.ones(3), "b": jnp.ones(2, int), "c": 1.0}) == 3


def test_frozen_parts_are_the_largest_without_a_trained_array():
    model = {"encoder": tiny()[0], "last": tiny()[0], "scale": jnp.ones(1)}
    assert frozen_parts(model, {"last.first.bias", "last.norm.weight"}) == ("encoder", "last.last")
    assert frozen_parts(model, set(array_names(model))) == ()
    flags = in_inference(model, ("encoder", "last.last"))
    assert [flags[name].norm.inference for name in ("encoder", "last")] == [True, False]
    assert flags["encoder"].dropout.inference
    assert in_inference(model, ()) is model
