import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deep.siglip.sounds import sound_places


def speech(seed, n=900, n_features=1):
    return np.abs(np.random.default_rng(seed).normal(size=(n, n_features)))


@given(st.integers(0, 300), st.integers(250, 600), st.floats(0.1, 10), st.booleans())
@settings(max_examples=20, deadline=None)
def test_excerpts_are_found_at_any_delay_and_scale(start, n, scale, first):
    """Whether the excerpt or the whole comes first."""
    whole, other = speech(0), speech(1)
    excerpt = scale * whole[start : start + n] + 1
    if first:
        assert sound_places([excerpt, other, whole], 64) == [(0, 0), (1, 0), (0, -start)]
    else:
        assert sound_places([whole, other, excerpt], 64) == [(0, 0), (1, 0), (0, start)]


def test_stimuli_that_overlap_at_one_end_share_a_time_axis():
    whole = speech(0)
    assert sound_places([whole[:600], whole[300:]], 64) == [(0, 0), (0, 300)]


def test_copies_are_one_sound_and_pauses_are_none():
    quiet = speech(2)
    quiet[:300] = 0.5
    other = speech(3)
    other[300:600] = 0.5
    assert sound_places([quiet, other, quiet.copy()], 64) == [(0, 0), (1, 0), (0, 0)]


def test_all_bands_together_tell_a_sound():
    bands = speech(0, n_features=4)
    assert sound_places([bands, speech(1, n_features=4), bands[100:500]], 64)[2] == (0, 100)


def test_a_sound_that_ties_two_others_makes_them_one():
    whole = speech(0, n=2000)
    first, last, middle = whole[:900], whole[1100:], whole[500:1500]
    assert sound_places([first, last, middle], 64) == [(0, 0), (0, 1100), (0, 500)]


def test_bands_whose_sum_is_constant_tell_a_sound():
    one_hot = np.eye(4)[np.random.default_rng(0).integers(0, 4, 900)]
    other = np.eye(4)[np.random.default_rng(1).integers(0, 4, 900)]
    assert sound_places([one_hot, other, one_hot[100:700]], 64) == [(0, 0), (1, 0), (0, 100)]
