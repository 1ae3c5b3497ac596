import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.data.dealing import Balanced
from deep.data.examples import ArrayExamples, Subset


@given(
    keys=st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array),
    n_items=st.integers(1, 3),
    n_draws=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_keys_are_dealt_equally_often_and_their_examples_as_well(keys, n_items, n_draws, seed):
    size = n_items * n_draws
    batches = Balanced(keys, n_items).batches(size, np.random.default_rng(seed))
    assert len(batches) == max(len(keys) // size, 1)
    assert {len(batch) for batch in batches} == {size}
    for batch in batches:
        assert all(len(set(keys[part])) == 1 for part in batch.reshape(-1, n_items))
    dealt = np.concatenate(batches)
    draws = np.bincount(keys[dealt], minlength=5)[np.unique(keys)] // n_items
    assert draws.max() - draws.min() <= 1
    times = np.bincount(dealt, minlength=len(keys))
    for key in np.unique(keys):
        assert np.ptp(times[keys == key]) <= 1


def test_a_batch_holds_classes_times_items():
    keys = np.repeat(np.arange(5), [30, 20, 10, 5, 2])
    for batch in Balanced(keys, 2).batches(10, np.random.default_rng(1)):
        assert np.bincount(keys[batch]).tolist() == [2, 2, 2, 2, 2]


def test_examples_deal_their_batches_by_the_rule():
    keys = np.repeat([0, 1], [12, 4])
    examples = ArrayExamples({"x": np.arange(16)}, dealing=Balanced(keys))
    for source, of in ((examples, keys), (Subset(examples, np.arange(2, 16)), keys[2:])):
        for batch in source.batches(4, np.random.default_rng(0)):
            assert np.bincount(of[batch]).tolist() == [2, 2]
    plain = ArrayExamples({"x": np.arange(16)})
    assert sorted(np.concatenate(plain.batches(4, np.random.default_rng(0)))) == list(range(16))
    assert len({examples.digest(), plain.digest()}) == 2
    other = ArrayExamples({"x": np.arange(16)}, dealing=Balanced(keys, 2))
    assert other.digest() != examples.digest()


def test_rules_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="keys must be one for each example"):
        Balanced([])
    with pytest.raises(ValueError, match="n_items must be at least 1, got 0"):
        Balanced([1], 0)
    with pytest.raises(ValueError, match="batch_size=5 is no multiple of the 2 examples"):
        Balanced([1, 2], 2).batches(5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="apart and dealing are two rules"):
        ArrayExamples({"x": np.ones(2)}, apart=[0, 1], dealing=Balanced([0, 1]))
    with pytest.raises(ValueError, match="'dealing': 3"):
        ArrayExamples({"x": np.ones(2)}, dealing=Balanced([0, 1, 2]))
