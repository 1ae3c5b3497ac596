from weakref import ref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty import Trial, datasets
from cocktailparty.model_selection.leakage import (
    LeakError,
    check_no_leak,
    shared_stimuli,
    sound_index,
)
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold, folds


def envelope(rng, n_times):
    return np.abs(np.convolve(rng.normal(size=n_times + 40), np.hanning(12), "same"))[:n_times]


def trial(*tracks, **fields):
    rng = np.random.default_rng(0)
    return Trial(rng.normal(size=(len(tracks[0]), 2)), list(tracks), 64, attended=0, **fields)


def test_different_sounds_share_nothing(rng):
    train = [trial(envelope(rng, 1500), envelope(rng, 1500)) for _ in range(5)]
    assert shared_stimuli(train, [trial(envelope(rng, 1200))]) == []
    assert shared_stimuli([], train) == []


def test_attended_and_ignored_sounds_count(rng):
    a, b, c, d = (envelope(rng, 1500) for _ in range(4))
    assert shared_stimuli([trial(a, b), trial(c, d)], [trial(d, a)]) == [(0, 0), (1, 0)]


@settings(max_examples=30)
@given(
    start=st.integers(0, 2000),
    length=st.integers(960, 1500),
    scale=st.floats(1e-4, 1e4),
    offset=st.floats(-10, 10),
    seed=st.integers(0, 99),
)
def test_a_part_is_found_at_any_delay_scale_and_offset(start, length, scale, offset, seed):
    rng = np.random.default_rng(seed)
    whole = envelope(rng, 3500)
    part = whole[start : start + length] * scale + offset * scale
    hidden = np.concatenate([envelope(rng, 300) * scale, part, envelope(rng, 200) * scale])
    assert shared_stimuli([trial(whole)], [trial(hidden)]) == [(0, 0)]
    assert shared_stimuli([trial(hidden)], [trial(whole)]) == [(0, 0)]


def test_pauses_are_not_taken_for_a_shared_sound(rng):
    quiet = [envelope(rng, 1500) for _ in range(2)]
    for track in quiet:
        track[200:900] = 0.0
    assert shared_stimuli([trial(quiet[0])], [trial(quiet[1])]) == []


def test_a_leak_is_named(rng):
    a, b = envelope(rng, 1500), envelope(rng, 1500)
    train, test = [trial(a, name="t1"), trial(b, name="t2")], [trial(b, name="t3")]
    check_no_leak(Fold("f", train[:1], test))
    with pytest.raises(
        LeakError, match=r"fold 'f': the stimulus of test trial t3 .* trial t2 .*1 su"
    ):
        check_no_leak(Fold("f", train, test))


def test_sounds_of_several_folds_are_compared_once(rng, monkeypatch):
    trials = [trial(envelope(rng, 1500)) for _ in range(3)]
    index = SoundIndex(64)
    check_no_leak(Fold("f", trials[1:], trials[:1]), index)
    check_no_leak(Fold("f", trials[:1], trials[2:]), index)
    monkeypatch.setattr("cocktailparty.model_selection.same_sound.search", None)
    check_no_leak(Fold("f", trials[:1], trials[1:]), index)


def test_real_sets_leak_where_their_readme_says_so(shared_data):
    trials = datasets.load(shared_data("eeg/dtu_single_talker"))
    with pytest.raises(LeakError, match="cv='time'"):
        check_no_leak(folds(trials, "trial")[0])
    check_no_leak(folds(trials, "time", n_splits=5, gap=2.0)[2])


def test_real_talkers_are_told_apart(shared_data):
    for fold in folds(datasets.load(shared_data("eeg/two_talker_teoh")), "trial"):
        check_no_leak(fold)


def test_whoever_trains_on_some_of_the_trials_shares_the_index(rng, monkeypatch):
    trials = [trial(envelope(rng, 1500), envelope(rng, 1500)) for _ in range(4)]
    index = sound_index(trials)
    check_no_leak(Fold("f", trials[:2], trials[2:]), index)
    piece = trials[0].crop(2, 20)
    check_no_leak(Fold("g", [piece], trials[1:]), index)
    assert sound_index(trials[:1]) is sound_index([piece, trial(envelope(rng, 900))]) is index
    # Another rate needs an index of its own, and one that nobody holds is let go.
    assert sound_index([trials[0].replace(sfreq=32.0)]) is not index
    known = ref(index)
    del index
    assert known() is None
    assert sound_index(trials).sfreq == 64
