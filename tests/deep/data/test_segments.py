import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deep.data.segments import cut

TRIALS = st.lists(
    st.tuples(st.integers(100, 1000), st.integers(0, 3), st.integers(0, 500)),
    min_size=1,
    max_size=12,
)


@given(TRIALS)
@settings(max_examples=60, deadline=None)
def test_no_sound_lies_in_two_parts(trials):
    lengths = [n for n, _, _ in trials]
    places = [(sound, offset) for _, sound, offset in trials]
    segments = cut(lengths, places, shortest=60)
    folds = sorted({segment.fold for segment in segments})
    assert folds == list(range(len(folds)))
    heard = {}
    for trial, start, stop, fold in segments:
        assert 0 <= start < stop <= lengths[trial]
        assert stop - start >= 60
        sound, offset = places[trial]
        for moment in range(offset + start, offset + stop):
            assert heard.setdefault((sound, moment), fold) == fold


def test_trials_stay_whole_where_there_are_sounds_enough():
    segments = cut([500] * 10, [(i, 0) for i in range(10)], shortest=60)
    assert [(s.start, s.stop) for s in segments] == [(0, 500)] * 10
    assert np.bincount([s.fold for s in segments]).tolist() == [2] * 5


def test_a_trial_that_is_shorter_than_the_rest_is_kept_whole():
    assert cut([50], [(0, 0)], shortest=60)[0][:3] == (0, 0, 50)
