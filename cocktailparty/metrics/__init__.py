"""How well attention was decoded and sources were separated."""

from cocktailparty.metrics.attention import (
    chance_level,
    itr,
    window_accuracy,
    window_scores,
    window_sweep,
)
from cocktailparty.metrics.mesd import MESD, mesd
from cocktailparty.metrics.null import ShiftTest, circular_shift_null
from cocktailparty.metrics.separation import bss_eval, nsdr, si_sdr

__all__ = [
    "MESD",
    "ShiftTest",
    "bss_eval",
    "chance_level",
    "circular_shift_null",
    "itr",
    "mesd",
    "nsdr",
    "si_sdr",
    "window_accuracy",
    "window_scores",
    "window_sweep",
]
