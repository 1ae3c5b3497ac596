import numpy as np
import pytest

from deep.data.examples import ArrayExamples
from deep.training.devices import choose_device
from deep.training.optimizers import Optimizer
from deep.training.trainer import Trainer
from tests.deep.tiny import classify, made, tiny


class Counted(ArrayExamples):
    """Remembers what it was asked for, and with which random numbers."""

    def __init__(self, arrays, apart=None):
        super().__init__(arrays, apart)
        self.asked = []

    def take(self, indices, rng):
        self.asked.append((indices.tolist(), None if rng is None else rng.random()))
        return super().take(indices, rng)


def begun(validation=True, seed=3, apart=None):
    examples, held_out = (
        Counted(made(n, seed=s)[0].arrays, apart if s == 0 else None) for n, s in ((40, 0), (17, 1))
    )
    run = Trainer(examples, held_out if validation else None, 8, seed, choose_device("cpu"))
    run.start(*tiny(), classify, Optimizer("adam", 0.02), 5, "float32", None)
    return run, examples, held_out


def test_each_epoch_has_other_batches_and_validation_the_same():
    run, examples, held_out = begun()
    ticks = []
    for _ in range(2):
        run.epoch(lambda: ticks.append(1))
    assert len(examples.asked) == len(ticks) == 10
    assert len({draw for _, draw in examples.asked}) == 10
    epochs = [[i for batch, _ in examples.asked[e : e + 5] for i in batch] for e in (0, 5)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(40))
    assert epochs[0] != epochs[1]
    assert [len(batch) for batch, _ in held_out.asked] == [6, 6, 5] * 2
    assert held_out.asked[:3] == held_out.asked[3:]
    assert {draw for _, draw in held_out.asked} == {None}


def test_keys_are_kept_apart():
    keys = np.arange(40) % 12
    run, examples, _ = begun(apart=keys)
    run.epoch(lambda: None)
    assert all(len(set(keys[batch])) == 8 for batch, _ in examples.asked)


def test_means_weigh_every_example_the_same():
    run, _, held_out = begun()
    run.epoch(lambda: None)
    loss, metrics = run.stepper.evaluate(held_out.arrays)
    assert run.history["val_loss"][0] == pytest.approx(float(loss), rel=1e-6)
    assert run.history["val_accuracy"][0] == pytest.approx(float(metrics["accuracy"]), rel=1e-6)


def test_a_run_goes_on_from_its_contents():
    run, _, _ = begun()
    run.epoch(lambda: None)
    groups, notes = run.contents()
    groups = {name: [np.array(x) for x in arrays] for name, arrays in groups.items()}
    notes = {"history": {k: list(v) for k, v in notes["history"].items()}, "best_epoch": 0}
    other, _, _ = begun()
    other.restore(groups, notes)
    assert all(map(np.array_equal, run.best, other.best))
    for each in (run, other):
        each.epoch(lambda: None)
    assert all(map(np.array_equal, run.stepper.arrays, other.stepper.arrays))
    assert run.history["loss"] == other.history["loss"]


def test_all_that_decides_the_result_is_described():
    described = [begun()[0], begun(seed=4)[0], begun(validation=False)[0]]
    first = described[0].decided_by()
    assert first == begun()[0].decided_by()
    assert [d.decided_by() != first for d in described] == [False, True, True]
    assert "last.weight" in first["trained"]
    assert "jax" in first["versions"]
