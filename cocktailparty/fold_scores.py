"""Train on one part of a fold and score the other."""

from typing import Any

import numpy as np
from sklearn.base import clone

from cocktailparty.metrics import chance_level
from cocktailparty.model_selection import Fold, match_mismatch
from cocktailparty.trials import attended_labels


def evaluate_fold(decoder: Any, fold: Fold, windows: list[float]) -> dict[str, list[dict]]:
    """Train a clone of a decoder on one part of a fold and score the other.

    Trials with a single stimulus are tested by match-mismatch.

    Parameters
    ----------
    decoder : estimator
        Attention decoder, which stays unfitted.
    fold : Fold
        Training and test trials.
    windows : list of float
        Decision-window lengths in seconds.

    Returns
    -------
    rows : dict of str to list of dict
        For each tested subject a row for each window that fits: `window`, `accuracy`, `n_correct`,
        `n_windows`, `r_attended`, `r_unattended`, `n_stimuli` and `chance`, as in
        `cocktailparty.evaluation.compare`.
    """
    fitted = clone(decoder).fit(fold.train)
    scores: dict[str, dict[float, list[np.ndarray]]] = {}
    for trial, attended in zip(fold.test, attended_labels(fold.test), strict=True):
        if trial.n_stimuli == 1:
            fitting = [w for w in windows if round(w * trial.sfreq) <= trial.n_times // 2]
            if not fitting:
                continue
            trial = match_mismatch(trial, max(fitting))
        else:
            fitting = windows
        own = scores.setdefault(trial.subject, {window: [] for window in windows})
        for window, values in fitted.window_sweep(trial, fitting).items():
            # The attended stimulus first, whichever it was.
            own[window].append(np.roll(values, -attended, axis=1))
    return {subject: _rows(by_window) for subject, by_window in scores.items()}


def _rows(by_window: dict[float, list[np.ndarray]]) -> list[dict]:
    rows = []
    for window, parts in by_window.items():
        parts = [part for part in parts if len(part)]
        if not parts:
            continue
        correct = np.concatenate([part[:, 0] > part[:, 1:].max(axis=1) for part in parts])
        n_stimuli = min(part.shape[1] for part in parts)
        rows.append(
            {
                "window": window,
                "accuracy": float(correct.mean()),
                "n_correct": int(correct.sum()),
                "n_windows": len(correct),
                "r_attended": float(np.concatenate([part[:, 0] for part in parts]).mean()),
                "r_unattended": float(
                    np.concatenate([part[:, 1:].mean(axis=1) for part in parts]).mean()
                ),
                "n_stimuli": n_stimuli,
                "chance": chance_level(len(correct), n_stimuli),
            }
        )
    return rows
