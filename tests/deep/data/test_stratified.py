import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.data.stratified import stratified_groups


@given(n_groups=st.integers(3, 20), seed=st.integers(0, 5), fraction=st.floats(0.05, 0.6))
def test_groups_stay_whole_and_no_class_is_lost(n_groups, seed, fraction):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, 60)
    classes = np.where(np.arange(60) < 2 * n_groups, np.arange(60) % 2, rng.integers(0, 2, 60))
    groups[: 2 * n_groups] = np.arange(2 * n_groups) // 2  # each group has both
    chosen = stratified_groups(groups, classes, fraction, seed)
    assert 0 < chosen.sum() < 60
    assert not set(groups[chosen]) & set(groups[~chosen])
    assert set(classes[~chosen]) == {0, 1}
    assert np.array_equal(chosen, stratified_groups(groups, classes, fraction, seed))


def test_each_class_gives_its_share():
    classes = np.repeat(np.arange(4), [40, 20, 10, 10])
    seen = set()
    for seed in range(5):
        chosen = stratified_groups(np.arange(80), classes, 0.2, seed)
        assert np.bincount(classes[chosen]).tolist() == [8, 4, 2, 2]
        seen.add(chosen.tobytes())
    assert len(seen) == 5


def test_shares_are_near_also_within_groups():
    # Ten voices of which each says one word more often than the other.
    groups = np.repeat(np.arange(10), 20)
    classes = np.concatenate([np.arange(20) < (16 if voice % 2 else 4) for voice in range(10)])
    for seed in range(5):
        chosen = stratified_groups(groups, classes.astype(int), 0.2, seed)
        assert [chosen[classes].mean(), chosen[~classes].mean()] == [0.2, 0.2]


def test_what_cannot_be_held_out_is_an_error():
    with pytest.raises(ValueError, match="each is the only one of some class"):
        stratified_groups(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 0.5, 0)
    with pytest.raises(ValueError, match=r"classes has shape \(3,\), expected one for each of 4"):
        stratified_groups(np.arange(4), np.zeros(3), 0.5, 0)
