"""The engine of lagged least squares.

Read `moments` first: products of lagged signals, which add up over trials; `penalties`, `systems`
and `leave_one_out` solve for weights and choose penalties; `model` and `ridge` make estimators of
them.
"""

from linear_aad.lagged.moments import (
    LaggedMoments,
    Moments,
    filter_lagged,
    lag_matrix,
    lags_in_samples,
)

__all__ = ["LaggedMoments", "Moments", "filter_lagged", "lag_matrix", "lags_in_samples"]
