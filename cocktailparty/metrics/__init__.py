"""Metrics of attention decoding and source separation."""

from cocktailparty.metrics.attention import (
    chance_level,
    itr,
    window_scores,
    window_sweep,
)
from cocktailparty.metrics.decisions import (
    accuracy_interval,
    decidable_windows,
    decision_shares,
    window_accuracy,
)
from cocktailparty.metrics.mesd import MESD, mesd
from cocktailparty.metrics.null import ShiftTest, circular_shift_null
from cocktailparty.metrics.scorers import attention_roc_auc
from cocktailparty.metrics.separation import bss_eval, nsdr, si_sdr

__all__ = [
    "MESD",
    "ShiftTest",
    "accuracy_interval",
    "attention_roc_auc",
    "bss_eval",
    "chance_level",
    "circular_shift_null",
    "decidable_windows",
    "decision_shares",
    "itr",
    "mesd",
    "nsdr",
    "si_sdr",
    "window_accuracy",
    "window_scores",
    "window_sweep",
]
