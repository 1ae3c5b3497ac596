import jax
import numpy as np
import pytest

from deep.training.optimizers import Optimizer
from deep.training.step import Stepper
from tests.deep.tiny import classify, made, tiny


@pytest.fixture
def batch():
    _, x, y = made(8)
    return {"x": x, "y": y}


def stepper(optimizer=None, **options):
    return Stepper(*tiny(), classify, optimizer or Optimizer("adam", 0.02), **options)


def bits(arrays):
    return [np.asarray(array).tobytes() for array in arrays]


def test_a_snapshot_brings_a_model_back_bit_for_bit(batch):
    one = stepper(seed=3)
    one.step(batch)
    before, saved = bits(one.arrays), one.snapshot()
    first = [one.step(batch) for _ in range(3)]
    after = bits(one.arrays)
    assert after != before
    for _ in range(2):  # a snapshot serves more than once
        one.restore(saved)
        assert bits(one.arrays) == before
        again = [one.step(batch) for _ in range(3)]
        assert bits(one.arrays) == after
        assert [float(r.loss) for r in again] == [float(r.loss) for r in first]
    other = stepper(seed=3)
    other.restore([np.asarray(array) for array in saved])  # from the host as well
    for _ in range(3):
        other.step(batch)
    assert bits(other.arrays) == after


def test_an_evaluation_changes_nothing_and_needs_no_optimizer(batch):
    trained = stepper()
    before = bits(trained.arrays)
    loss, metrics = trained.evaluate(batch)
    assert bits(trained.arrays) == before
    plain = Stepper(*tiny(), classify)
    assert plain.evaluate(batch)[0] == loss
    assert plain.evaluate(batch)[1] == metrics
    with pytest.raises(RuntimeError, match="only evaluated: give an optimizer"):
        plain.step(batch)


def test_the_weights_stay_on_the_device(batch):
    one = stepper()
    loaded = one.load(batch)
    with jax.transfer_guard("disallow"):
        one.step(loaded)
        one.evaluate(loaded)
    pointers = {b["x"].unsafe_buffer_pointer() for b in (loaded, one.load(loaded))}
    assert len(pointers) == 1


def test_the_model_is_given_back_in_its_own_mode(batch):
    one = stepper(trainable=lambda name: name.startswith("last."))
    kept = [np.array(array) for array in one.learnt]
    one.step(batch)
    model, state = one.result()
    assert not model.norm.inference
    assert model.last.weight.tolist() == one.learnt[0].tolist() != kept[0].tolist()
    assert one.result(kept)[0].last.weight.tolist() == kept[0].tolist()
    assert one.trained == ["last.weight", "last.bias"]
    assert jax.tree.structure(state) == jax.tree.structure(tiny()[1])


def test_arrays_of_another_model_are_refused():
    one = stepper()
    with pytest.raises(ValueError, match="not those of this model"):
        one.restore(one.snapshot()[:-1])
    other = one.snapshot()
    other[0] = other[0].T
    with pytest.raises(ValueError, match="by number, shape or type"):
        one.restore(other)
