from types import SimpleNamespace

import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.recordings.interruptions import BadSpanError
from cocktailparty.recordings.trial_requests import (
    check_list,
    check_request,
    common_length,
    trial_by_trial,
    whole_trials,
)

MINUTE = SimpleNamespace(n_times=6000, sfreq=100.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"onset": "10"}, r"^here: onset must be a number of seconds, got '10'"),
        ({"onset": None}, r"^here: onset must be a number of seconds, got None"),
        ({"onset": -1.0}, r"^here: onset=-1 s lies outside the recording of 60 s"),
        ({"onset": 60.0}, "onset=60 s lies outside"),
        ({"onset": np.nan}, "onset=nan s lies outside"),
        ({"duration": 0.0}, "duration must be a positive number of seconds, got 0.0"),
        ({"duration": np.inf}, "positive number"),
        ({"attended": 2}, "attended=2 is not an index into 2 sounds"),
        ({"attended": -1}, "attended=-1 is not an index"),
    ],
)
def test_what_is_impossible_is_named(change, message):
    asked = {"onset": 1.0, "duration": 5.0, "n_stimuli": 2, "attended": 1, "where": "here: "}
    check_request(MINUTE, **asked)
    with pytest.raises(ValueError, match=message):
        check_request(MINUTE, **{**asked, **change})


def test_one_path_is_no_list_of_sounds(tmp_path):
    check_list([tmp_path])
    with pytest.raises(TypeError, match=r"must be a list, got the path .*wrap it"):
        check_list(tmp_path)


def test_a_trial_lasts_as_long_as_the_shortest():
    lengths = {"sound 0": 10.0, "sound 1": 10.3}
    assert common_length(lengths, 12.0, None, 64.0, "") == 640
    assert common_length(lengths, 9.9, None, 64.0, "") == 634
    assert common_length(lengths, 12.0, 5.0, 64.0, "") == 320
    with pytest.raises(ValueError, match=r"here: duration=11 s is longer .*sound 0 10\.000 s"):
        common_length(lengths, 12.0, 11.0, 64.0, "here: ")
    with pytest.raises(ValueError, match=r"differ by more than 0\.5 s.*sound 1 10\.300 s"):
        common_length(lengths, 9.0, None, 64.0, "")


def test_arguments_of_many_trials_come_apart(rng):
    sounds = [[rng.random(100)], [rng.random(90)]]
    first, second = trial_by_trial(sounds, [0.0, 5.0], sfreq=64.0, attended=0, name=["a", "b"])
    assert (first["onset"], first["name"], first["attended"]) == (0, "a", 0)
    assert (second["onset"], second["name"], second["sfreq"]) == (5, "b", 64)
    assert second["sounds"][0] is sounds[1][0]
    with pytest.raises(ValueError, match="name has 3 entries for 2 trials"):
        trial_by_trial(sounds, [0.0, 5.0], name=["a", "b", "c"])
    with pytest.raises(ValueError, match="sounds has 2 entries for 1 trials"):
        trial_by_trial(sounds, [0.0])


def test_what_is_marked_bad_is_left_out_if_asked(rng):
    trial = Trial(rng.normal(size=(100, 2)), [rng.random(100)], 64, attended=0)

    def bad():
        raise BadSpanError("here: BAD_jump at 3 s: set on_bad")

    with pytest.raises(BadSpanError, match="BAD_jump"):
        whole_trials([lambda: trial, bad], {})
    with pytest.warns(UserWarning, match=r"1 of 2 trials were left out.*BAD_jump at 3 s$"):
        kept, left_out = whole_trials([lambda: trial, bad], {"on_bad": "drop"})
    assert left_out is None
    assert kept.provenance["warnings"][0].startswith("1 of 2 trials")
    with pytest.raises(BadSpanError, match="every trial holds something"):
        whole_trials([bad, bad], {"on_bad": "drop"})
