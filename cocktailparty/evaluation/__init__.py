"""Cross-validation of decoders and tests of its results.

Read `comparing` first, which scores decoders in `folds` and keeps them in a `store`; `summary`
pools them, `permutation` tests them, trials being the unit (`tested_trials`), `subjects` being
it; `shift_test` asks whether EEG follows a sound; `clusters` and `patterns` are about responses.
"""

from cocktailparty.evaluation.clusters import ClusterTest, cluster_test
from cocktailparty.evaluation.comparing import (
    check_gap,
    circular_shift_test,
    compare,
    lag_reach,
)
from cocktailparty.evaluation.patterns import Pattern, mean_pattern, pattern_of
from cocktailparty.evaluation.permutation import PermutationTest, permutation_test
from cocktailparty.evaluation.subjects import group_tests, subject_rows
from cocktailparty.evaluation.summary import summarise
from cocktailparty.evaluation.tested_trials import Units, repeats, trial_rows, units

# Its place is with the splits; scripts know it from here.
from cocktailparty.model_selection import SharedStimulusWarning as SharedStimulusWarning

__all__ = [
    "ClusterTest",
    "Pattern",
    "PermutationTest",
    "Units",
    "check_gap",
    "circular_shift_test",
    "cluster_test",
    "compare",
    "group_tests",
    "lag_reach",
    "mean_pattern",
    "pattern_of",
    "permutation_test",
    "repeats",
    "subject_rows",
    "summarise",
    "trial_rows",
    "units",
]
