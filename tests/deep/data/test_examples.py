import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.data.examples import ArrayExamples, Subset, evaluation_batches, training_batches

KEYS = st.lists(st.integers(0, 6), min_size=1, max_size=40).map(np.array)


def apart_in(batch, keys):
    return len(set(keys[batch])) == len(batch)


@given(keys=KEYS, batch_size=st.integers(1, 8), seed=st.integers(0, 9))
def test_training_batches_are_full_and_keep_keys_apart(keys, batch_size, seed):
    rng = np.random.default_rng(seed)
    if len(set(keys)) < batch_size:
        with pytest.raises(ValueError, match=f"set batch_size to at most {len(set(keys))}"):
            training_batches(len(keys), batch_size, keys, rng)
        return
    batches = training_batches(len(keys), batch_size, keys, rng)
    assert {len(batch) for batch in batches} == {batch_size}
    assert all(apart_in(batch, keys) for batch in batches)
    together = np.concatenate(batches)
    assert len(set(together)) == len(together)
    # One batch more is impossible: each key fills at most one place of each batch.
    counts, more = np.unique(keys, return_counts=True)[1], len(batches) + 1
    assert np.minimum(counts, more).sum() < more * batch_size


@given(keys=KEYS, batch_size=st.integers(1, 8))
def test_evaluation_batches_hold_everything_and_keep_keys_apart(keys, batch_size):
    batches = evaluation_batches(len(keys), batch_size, keys)
    assert sorted(np.concatenate(batches)) == list(range(len(keys)))
    assert all(apart_in(batch, keys) for batch in batches)
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


def test_without_keys_epochs_differ_and_every_example_has_its_turn():
    rng = np.random.default_rng(0)
    epochs = [np.stack(training_batches(10, 4, None, rng)) for _ in range(200)]
    assert len({epoch.tobytes() for epoch in epochs}) == 200
    share = np.bincount(np.ravel(epochs), minlength=10) / 200
    np.testing.assert_allclose(share, 0.8, atol=0.1)
    # Any two examples meet as often as any other two.
    together = sum(int(0 in batch and 1 in batch) for epoch in epochs for batch in epoch) / 200
    assert together == pytest.approx(2 * (4 * 3) / (10 * 9), abs=0.1)
    assert [len(batch) for batch in evaluation_batches(10, 4, None)] == [4, 3, 3]


def test_array_examples_copy_rows(rng):
    x = rng.normal(size=(5, 2))
    examples = ArrayExamples({"x": x, "y": np.arange(5)}, apart=[0, 0, 1, 1, 2])
    batch = examples.take(np.array([3, 1]), None)
    assert batch["y"].tolist() == [3, 1]
    batch["x"][:] = 0
    assert x.all()
    part = Subset(examples, [4, 2, 0])
    assert len(part) == 3
    assert part.take(np.array([0, 2]), None)["y"].tolist() == [4, 0]
    assert part.apart.tolist() == [2, 1, 0]


def test_digests_tell_examples_apart(rng):
    x = rng.normal(size=(5, 2))
    changed = x.copy()
    changed[4, 1] += 1e-9
    digests = {
        ArrayExamples({"x": x}).digest(),
        ArrayExamples({"x": changed}).digest(),
        ArrayExamples({"x": x}, apart=np.arange(5)).digest(),
        Subset(ArrayExamples({"x": x}), [0, 1]).digest(),
        Subset(ArrayExamples({"x": x}), [0, 2]).digest(),
    }
    assert len(digests) == 5
    assert ArrayExamples({"x": x.copy()}).digest() in digests


@pytest.mark.parametrize("arrays", [{"x": np.ones(3), "y": np.ones(2)}, {"x": np.ones((0, 2))}])
def test_arrays_that_are_no_examples_are_refused(arrays):
    with pytest.raises(ValueError, match="must be equally long and not empty, got lengths"):
        ArrayExamples(arrays)
    with pytest.raises(ValueError, match="'apart': 2"):
        ArrayExamples({"x": np.ones(3)}, apart=[0, 1])
