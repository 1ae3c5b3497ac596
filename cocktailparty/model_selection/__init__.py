"""Splits that keep test data out of training.

`policy` has the object that is passed around, `Split`: `splits` makes folds by trial, story,
subject and time, `gaps` looks at lags across time, and `leakage` finds sounds on both sides, by the
index of `same_sound`, which looks for `excerpts` of one in the other.
"""

from cocktailparty.model_selection.excerpts import degrees_of_freedom
from cocktailparty.model_selection.leakage import (
    LeakError,
    SharedStimulusWarning,
    check_no_leak,
    shared_stimuli,
    sound_index,
    stimuli_at,
)
from cocktailparty.model_selection.policy import Plan, Split
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold, check_alike, folds, match_mismatch

__all__ = [
    "Fold",
    "LeakError",
    "Plan",
    "SharedStimulusWarning",
    "SoundIndex",
    "Split",
    "check_alike",
    "check_no_leak",
    "degrees_of_freedom",
    "folds",
    "match_mismatch",
    "shared_stimuli",
    "sound_index",
    "stimuli_at",
]
