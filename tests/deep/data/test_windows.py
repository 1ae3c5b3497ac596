import numpy as np

from deep.data.windows import DecisionWindows, Recording, TrainingWindows, cut_signals


def recording(n=100, n_stimuli=2, sound=0, offset=0, attended=0, base=0.0):
    """Signals whose values tell when they are, and which stimulus."""
    time = np.arange(n, dtype=np.float32) + base
    eeg = np.stack([time, -time], axis=1)
    envelopes = np.stack([time + 1000 * k for k in range(n_stimuli)])
    return Recording({"eeg": eeg}, {"envelopes": envelopes}, n, attended, 3, (sound, offset))


def test_windows_are_cut_where_they_say():
    examples = TrainingWindows([recording(sound=5, offset=7, attended=1)], 20, 10, n_after=4)
    assert len(examples) == 9
    for rng in (None, np.random.default_rng(0)):
        batch = examples.take(np.arange(9), rng)
        assert batch["eeg"].shape == (9, 24, 2)
        assert batch["envelopes"].shape == (9, 2, 20)
        start = batch["start"] - 7
        assert np.array_equal(batch["eeg"][:, 0, 0], start)
        # The attended one first, the other at the same time.
        assert np.array_equal(batch["envelopes"][:, 0, 0], start + 1000)
        assert np.array_equal(batch["envelopes"][:, 1, 0], start)
        assert set(batch["sound"]) == {5}
        assert set(batch["subject"]) == {3}


def test_starts_are_random_in_training_and_fixed_outside():
    examples = TrainingWindows([recording()], 20, 10)
    order = np.arange(len(examples))
    fixed = examples.take(order, None)["start"]
    assert np.array_equal(fixed, 10 * order)
    drawn = np.stack(
        [examples.take(order, np.random.default_rng(seed))["start"] for seed in range(50)]
    )
    assert drawn.min() == 0
    assert drawn.max() == 80
    assert (np.abs(drawn - fixed) <= 10).all()
    assert len(np.unique(drawn)) > 60


def test_one_sound_alone_competes_with_itself_at_another_time():
    examples = TrainingWindows([recording(n_stimuli=1)], 20, 10)
    for seed in range(20):
        batch = examples.take(np.arange(len(examples)), np.random.default_rng(seed))
        distance = np.abs(batch["envelopes"][:, 1, 0] - batch["envelopes"][:, 0, 0])
        assert (distance >= 20).all()
        assert distance.max() <= 80


def test_the_next_recording_stands_in_where_a_recording_is_too_short():
    examples = TrainingWindows([recording(25, 1), recording(25, 1, base=500.0)], 20, 10)
    batch = examples.take(np.arange(2), np.random.default_rng(0))
    assert (batch["envelopes"][0, 1] >= 500).all()
    assert (batch["envelopes"][1, 1] < 500).all()


def test_fewer_competitors_are_filled_up():
    examples = TrainingWindows([recording(n_stimuli=3), recording(n_stimuli=1)], 20, 10)
    batch = examples.take(np.arange(len(examples)), None)
    assert batch["envelopes"].shape[1] == 3
    assert (batch["envelopes"][9:, 1:] < 1000).all()


def test_after_the_end_there_are_zeros():
    cut = cut_signals(recording(), 85, 10, 10)["eeg"]
    assert cut[14].tolist() == [99, -99]
    assert not cut[15:].any()


def test_windows_to_decide_keep_the_order_of_the_stimuli():
    batch = DecisionWindows(recording(attended=1), [0, 30], 20).take(np.array([1, 0]), None)
    assert batch["envelopes"][:, :, 0].tolist() == [[30, 1030], [0, 1000]]


def test_digests_name_the_content():
    one = TrainingWindows([recording()], 20, 10)
    assert one.digest() == TrainingWindows([recording()], 20, 10).digest()
    assert one.digest() != TrainingWindows([recording(base=1.0)], 20, 10).digest()
    assert one.digest() != TrainingWindows([recording()], 20, 11).digest()
    two = DecisionWindows(recording(), [0], 20)
    assert two.digest() != DecisionWindows(recording(), [1], 20).digest()


def test_arrays_of_a_batch_are_new():
    one = recording()
    batch = TrainingWindows([one], 20, 10).take(np.array([0]), None)
    batch["eeg"][:] = 5
    assert one.signals["eeg"][0, 0] == 0
