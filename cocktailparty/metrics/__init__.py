"""How well attention was decoded: scores over windows, chance, and information rates."""

from cocktailparty.metrics.attention import (
    chance_level,
    itr,
    window_accuracy,
    window_scores,
    window_sweep,
)
from cocktailparty.metrics.mesd import MESD, mesd
from cocktailparty.metrics.null import ShiftTest, circular_shift_null

__all__ = [
    "MESD",
    "ShiftTest",
    "chance_level",
    "circular_shift_null",
    "itr",
    "mesd",
    "window_accuracy",
    "window_scores",
    "window_sweep",
]
