import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.datasets.readers.triggers import align_clocks, biosemi_onsets, pulse_onsets


def test_a_pulse_counts_once_and_from_its_first_sample():
    track = np.zeros(1000)
    track[:10] = track[300:303] = track[999] = 0.9
    np.testing.assert_array_equal(pulse_onsets(track, 100), [0, 3, 9.99])


@pytest.mark.parametrize("bits", [0, 0x10000, 0x1C0000])
@pytest.mark.parametrize("rest", [253, 1, 255])
def test_only_the_trigger_input_counts(bits, rest):
    status = np.full(500, rest)
    status[[100, 101, 300]] = (254, 252, 0)
    status[200:220] |= 0x20000
    expected = [1, 3]
    np.testing.assert_array_equal(biosemi_onsets((status | bits).astype(float), 100), expected)


def test_a_trigger_that_is_already_on_has_no_onset():
    status = np.full(500, 253)
    status[:50] = 254
    status[400] = 65533
    np.testing.assert_array_equal(biosemi_onsets(status, 100), [4])


def test_input_without_a_rest_is_refused():
    with pytest.raises(ValueError, match=r"never has a value of 1 to 255 .* it has \[0, 65280\]"):
        biosemi_onsets([0, 65280, 0, 0x10000], 100)


@given(
    n_triggers=st.integers(4, 50),
    lost=st.integers(-2, 2),
    at_start=st.booleans(),
    drift=st.floats(-5e-3, 5e-3),
    offset=st.floats(0, 1000),
    seed=st.integers(0, 2**32 - 1),
)
def test_lost_and_added_triggers_at_the_ends_do_no_harm(
    n_triggers, lost, at_start, drift, offset, seed
):
    audio = np.cumsum(np.random.default_rng(seed).permutation(np.arange(1, n_triggers + 1)))
    eeg = offset + (1 + drift) * audio
    both = [eeg, audio.astype(float)]
    which = 0 if lost >= 0 else 1
    cut = slice(abs(lost), None) if at_start else slice(None, n_triggers - abs(lost))
    both[which] = both[which][cut]
    found = align_clocks(*both)
    assert abs(found.scale - 1 - drift) < 1e-9
    assert abs(found.offset - offset) < 1e-6


@pytest.mark.parametrize(
    ("eeg", "audio", "message"),
    [
        # Equal intervals: which of the triggers is missing cannot be told.
        ([5, 6, 7, 8], [0, 1, 2, 3, 4], "the EEG has 4 triggers, the sound 5: they fit .* 2 ways"),
        ([5, 6, 8, 9], [0, 1, 2, 3], "fit together in 0 ways"),
        ([5, 6.02, 7], [0, 1, 2], "fit together in 0 ways"),
        ([5, 7, 9, 11], [0, 1, 2, 3], "fit together in 0 ways"),
        ([5, 6], [0, 1, 2, 3, 4], "the EEG has 2 triggers, the sound 5: too few"),
        ([5], [0], "too few"),
        ([], [], "too few"),
    ],
)
def test_what_cannot_be_told_is_refused(eeg, audio, message):
    with pytest.raises(ValueError, match=message):
        align_clocks(eeg, audio)


def test_tolerance_is_the_largest_distance():
    audio, eeg = [0, 1, 2], [5, 6.012, 7]
    assert align_clocks(eeg, audio, tolerance=0.01).residual == pytest.approx(0.008)
    with pytest.raises(ValueError, match="0 ways"):
        align_clocks(eeg, audio)
