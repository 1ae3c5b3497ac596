import numpy as np
import pytest

from deep.adaptation.memory import (
    ClipMemory,
    collapsed,
    effective_classes,
    shared_information,
)


def test_a_balanced_memory_keeps_rare_classes(rng):
    """A stream of one class after the other: an unbalanced one ends with the last class alone."""
    for balanced, classes in ((True, {0, 1, 2}), (False, {2})):
        memory = ClipMemory(9, balanced)
        for label in (0, 1, 2):
            clips = np.full((12, 4), label, np.float32)
            memory.add(clips, np.eye(3)[np.full(12, label)], np.full(12, label))
        assert len(memory) == 9
        assert set(memory.classes) == classes
        drawn = memory.draw(5, rng)
        assert drawn.shape == (5, 4)
        assert set(np.unique(drawn)) <= classes
    assert memory.draw(20, rng).shape == (20, 4)


def test_a_collapse_is_told_from_a_stream_of_one_class():
    one, all_four = np.eye(4)[[1] * 8], np.eye(4)[[0, 1, 2, 3] * 2]
    assert effective_classes(all_four) == pytest.approx(4)
    assert effective_classes(one) == pytest.approx(1)
    assert collapsed(one, all_four, 0.5)
    assert not collapsed(one, one, 0.5)
    assert not collapsed(all_four, all_four, 0.99)


def test_shared_information_has_its_closed_forms():
    sure = np.eye(4)[[0, 1, 2, 3]][:, None].repeat(3, axis=1)
    assert shared_information(sure) == pytest.approx(np.log(4))
    assert shared_information(np.full((5, 3, 4), 0.25)) == pytest.approx(0, abs=1e-9)
    # Sure, but of one class; and sure of what a shift changes.
    assert shared_information(np.eye(4)[[2] * 4][:, None].repeat(3, axis=1)) == pytest.approx(0)
    rng = np.random.default_rng(0)
    loose = np.eye(4)[rng.integers(4, size=(4000, 3))]
    assert shared_information(loose) < 0.01
