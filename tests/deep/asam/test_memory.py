import numpy as np
import pytest

from deep.asam.memory import UNKNOWN, VoiceMemory

RNG = np.random.default_rng(0)


def filled(*names, n_slots=3, n_features=4):
    memory = VoiceMemory.empty(n_slots, n_features)
    for name in names:
        memory, _ = memory.learn(name, RNG.normal(size=n_features))
    return memory


def test_a_known_voice_becomes_the_normalised_sum():
    memory, _ = VoiceMemory.empty(2, 2).learn("ann", [3.0, 0.0])
    assert memory.recall("ann").tolist() == [1, 0]
    memory, evicted = memory.learn("ann", [0.0, 5.0])
    assert evicted is None
    np.testing.assert_allclose(memory.recall("ann"), np.sqrt([0.5, 0.5]), rtol=1e-6)
    # The newest vector weighs as much as all before it together.
    memory, _ = memory.learn("ann", [0.0, 0.1])
    expected = np.array([np.sqrt(0.5), 1 + np.sqrt(0.5)])
    np.testing.assert_allclose(memory.recall("ann"), expected / np.linalg.norm(expected), rtol=1e-6)
    assert memory.recall("ann").dtype == np.float32


def test_ages_count_the_updates_of_others():
    memory = filled("a", "b", "c")
    assert memory.content().ages.tolist() == [2, 1, 0]
    memory, _ = memory.learn("a", RNG.normal(size=4))
    assert memory.content().ages.tolist() == [0, 2, 1]
    for name in ("b", None):
        memory.hear(np.ones(4)).recall(name)
    assert memory.content().ages.tolist() == [0, 2, 1]


def test_the_oldest_goes_when_no_slot_is_free():
    memory = filled("a", "b", "c")
    memory, _ = memory.learn("a", np.ones(4))
    memory, evicted = memory.learn("d", np.arange(4))
    assert evicted == "b"
    assert set(memory.names) == {"a", "c", "d"}
    assert memory.recall("d").tolist() == pytest.approx(np.arange(4) / np.sqrt(14))
    with pytest.raises(ValueError, match=r"no talker is called 'b'; known: 'a', 'c', 'd'"):
        memory.recall("b")


def test_the_size_never_changes_and_other_voices_stay_bit_equal():
    memory = filled("a", "b")
    before = {name: memory.recall(name) for name in memory.names}
    shapes = memory.values.shape, memory.ages.shape, len(memory.keys)
    for later in (
        memory.learn("c", np.ones(4)).memory,
        memory.hear(np.ones(4)),
        memory.learn("c", np.ones(4)).memory.forget("c"),
    ):
        assert (
            (later.values.shape, later.ages.shape, len(later.keys)) == shapes == ((4, 4), (4,), 4)
        )
        for name, value in before.items():
            assert later.recall(name).tobytes() == value.tobytes()
    # And the memory that the update began from is as it was.
    assert memory.names == ("a", "b")
    assert not memory.values[3].any()
    memory.recall("a")[:] = 7
    assert memory.recall("a").tobytes() == before["a"].tobytes()


def test_the_unknown_row_keeps_the_last_stranger_only():
    memory = filled("a")
    with pytest.raises(ValueError, match="no stranger"):
        memory.recall(None)
    memory = memory.hear([0, 2, 0, 0]).hear([0, 0, 0, 9])
    assert memory.recall(None).tolist() == [0, 0, 0, 1]
    assert memory.values[UNKNOWN].tolist() == [0, 0, 0, 1]
    assert memory.names == ("a",)
    full = filled("a", "b", "c").hear(np.ones(4)).learn("d", np.ones(4)).memory
    assert full.keys[UNKNOWN] == ""


def test_a_forgotten_slot_is_taken_first():
    memory = filled("a", "b", "c").forget("b")
    assert memory.names == ("a", "c")
    assert memory.content().values.shape == (2, 4)
    memory, evicted = memory.learn("d", np.ones(4))
    assert (evicted, memory.keys) == (None, ("", "a", "d", "c"))


@pytest.mark.parametrize(
    ("name", "vector", "error", "says"),
    [
        (3, np.ones(4), TypeError, "must be a string, got 3"),
        ("", np.ones(4), ValueError, "must not be empty"),
        ("a", np.ones(3), ValueError, r"shape \(3,\), expected \(4,\)"),
        ("a", np.zeros(4), ValueError, "norm 0"),
        ("a", [1, np.nan, 0, 0], ValueError, "norm nan"),
    ],
)
def test_what_cannot_be_kept_is_refused(name, vector, error, says):
    with pytest.raises(error, match=says):
        filled("b").learn(name, vector)


def test_a_voice_that_cancels_what_is_kept_is_refused():
    memory, _ = VoiceMemory.empty(1, 2).learn("a", [1, 0])
    with pytest.raises(ValueError, match="direction"):
        memory.learn("a", [-1, 0])


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="n_slots must be an integer of at least 1, got 0"):
        VoiceMemory.empty(0, 4)
    with pytest.raises(ValueError, match="n_features"):
        VoiceMemory.empty(4, 2.5)
