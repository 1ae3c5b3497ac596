"""Tables of comparisons whose counts are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def record(part: int, attended: int, right: Sequence[float], group: int = 0, **more: Any) -> dict:
    """Return what a table tells of one tested trial."""
    told = {"trial": part, "name": f"t{part}", "part": part, "unit": part, "group": group}
    counts = {"n_windows": round(sum(right)), "n_undecidable": 0}
    return {
        **told,
        "attended": attended,
        "task": "attention",
        **counts,
        "right": list(right),
    } | more


def records(
    n_windows: int, n_correct: int, n_trials: int, first: int = 0, n_stimuli: int = 2, **more: Any
) -> list[dict]:
    """Share windows and right decisions out among trials whose labels take turns."""
    found = []
    for i in range(n_trials):
        n, k = (c // n_trials + (i < c % n_trials) for c in (n_windows, n_correct))
        attended = i % n_stimuli
        right = np.full(n_stimuli, (n - k) / (n_stimuli - 1))
        right[attended] = k
        found.append(record(first + i, attended, right, **more))
    return found


def table(
    *counts: tuple, subjects: Sequence[str] = ("S1", "S2"), n_trials: int = 8, n_stimuli: int = 2
) -> pd.DataFrame:
    """Return counts (decoder, window, n_windows, n_correct) for each subject."""
    return pd.DataFrame(
        {
            "decoder": decoder,
            "window": window,
            "subject": subject,
            "fold": "story",
            "n_windows": n,
            "n_correct": k,
            "n_stimuli": n_stimuli,
            "task": "attention",
            "trials": records(n, k, n_trials, n_trials * s, n_stimuli, group=s),
        }
        for decoder, window, n, k in counts
        for s, subject in enumerate(subjects)
    )
