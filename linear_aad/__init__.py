"""Linear auditory attention decoding: temporal response functions and what is built on them."""

from cocktailparty.decoding.score_model import AttentionTrack
from cocktailparty.decoding.tracker import AttentionTracker
from linear_aad.adaptive import AdaptiveDecoder
from linear_aad.attention import AttentionDecoder
from linear_aad.cca import CCADecoder
from linear_aad.contribution import contribution_tests, unique_contribution
from linear_aad.lasso import LassoTRF
from linear_aad.nested import NestedScores, nested_leave_one_out
from linear_aad.population import PopulationTRF
from linear_aad.prediction import prediction_map
from linear_aad.regressor import LaggedRegressor
from linear_aad.shifts import shift_test
from linear_aad.spatial import SpatialDecoder
from linear_aad.stacked import StackedTRF
from linear_aad.trf import BackwardTRF, ForwardTRF

__all__ = [
    "AdaptiveDecoder",
    "AttentionDecoder",
    "AttentionTrack",
    "AttentionTracker",
    "BackwardTRF",
    "CCADecoder",
    "ForwardTRF",
    "LaggedRegressor",
    "LassoTRF",
    "NestedScores",
    "PopulationTRF",
    "SpatialDecoder",
    "StackedTRF",
    "contribution_tests",
    "nested_leave_one_out",
    "prediction_map",
    "shift_test",
    "unique_contribution",
]
