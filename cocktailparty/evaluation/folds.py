"""Training on one side of a fold and scoring the other."""

from math import fsum
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from cocktailparty.attention_task import ATTENTION, MATCH_MISMATCH, joint_task
from cocktailparty.backend import to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.metrics import chance_level, decidable_windows, decision_shares
from cocktailparty.metrics.decisions import check_scores, whole_counts
from cocktailparty.model_selection.splits import Fold, match_mismatch
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels


class _Tested(NamedTuple):
    """Scores (n_windows, n_stimuli) of the decidable windows of a trial."""

    place: int
    attended: int
    scores: np.ndarray
    n_undecidable: int
    task: str


@one_blas_thread()
def evaluate_fold(decoder: Any, fold: Fold, windows: list[float]) -> dict[str, list[dict]]:
    """Train a clone of a decoder on one side of a fold and score the other.

    Trials with a single stimulus are tested by match-mismatch. Returns for each tested subject a
    row for each window, in seconds, that fits: `window`, `accuracy`, `n_correct`, `n_windows`,
    `n_undecidable`, `r_attended`, `r_unattended`, `n_stimuli`, `chance`, `task` and `trials`, as in
    `cocktailparty.evaluation.compare`; of the latter `place` in ``fold.test``, `attended`,
    `n_windows` and `right`.

    Raises
    ------
    ValueError
        If a label is missing, or the decoder does not give one score for each window and stimulus,
        or NaN.
    """
    return fit_and_score(decoder, fold, windows)[1]


@one_blas_thread()
def fit_and_score(
    decoder: Any, fold: Fold, windows: list[float]
) -> tuple[Any, dict[str, list[dict]]]:
    """Do what `evaluate_fold` does and return the fitted decoder as well; no windows, no scores."""
    fitted = clone(decoder).fit(fold.train)
    if not windows:
        return fitted, {}
    tested: dict[str, dict[float, list[_Tested]]] = {}
    labels = attended_labels(fold.test)
    for place, (trial, attended) in enumerate(zip(fold.test, labels, strict=True)):
        task, fitting = ATTENTION, windows
        if trial.n_stimuli == 1:
            fitting = [w for w in windows if round(w * trial.sfreq) <= trial.n_times // 2]
            if not fitting:
                continue
            trial, task = match_mismatch(trial, max(fitting)), MATCH_MISMATCH
            attended = 0
        by_window = tested.setdefault(trial.subject, {window: [] for window in windows})
        for window, values in fitted.window_sweep(trial, fitting).items():
            scores, decidable = _checked(values, trial, window, decoder)
            by_window[window].append(
                _Tested(place, int(attended), scores[decidable], int(np.sum(~decidable)), task)
            )
    return fitted, {subject: _rows(by_window) for subject, by_window in tested.items()}


def _checked(
    values: Any, trial: Trial, window: float, decoder: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all windows, and which of the windows can be decided."""
    scores = to_numpy(values)
    what = f"{type(decoder).__name__}, {trial.label}, windows of {window:g} s"
    decidable = decidable_windows(trial.stimuli, trial.sfreq, window)
    if scores.shape != (len(decidable), trial.n_stimuli):
        raise ValueError(
            f"{what}: window_sweep gave scores of shape {scores.shape}, expected "
            f"{(len(decidable), trial.n_stimuli)}, one for each whole window and stimulus"
        )
    check_scores(scores[decidable], what)
    return scores, decidable


def _rows(by_window: dict[float, list[_Tested]]) -> list[dict]:
    rows = []
    for window, tested in by_window.items():
        tested = [test for test in tested if len(test.scores) or test.n_undecidable]
        if not tested:
            continue
        n_stimuli = min(test.scores.shape[1] for test in tested)
        n_undecidable = sum(test.n_undecidable for test in tested)
        counted = _counted([test for test in tested if len(test.scores)])
        n_windows = counted["n_windows"]
        rows.append(
            {
                "window": window,
                **counted,
                "n_undecidable": n_undecidable,
                "n_stimuli": n_stimuli,
                "chance": chance_level(n_windows, n_stimuli) if n_windows else float("nan"),
                "task": joint_task(test.task for test in tested),
                "trials": [_record(test) for test in tested],
            }
        )
    return rows


def _record(tested: _Tested) -> dict[str, Any]:
    """Tell what a trial would count for each stimulus, if that one had been attended."""
    shares = decision_shares(tested.scores) if len(tested.scores) else tested.scores
    return {
        "place": tested.place,
        "attended": tested.attended,
        "task": tested.task,
        "n_windows": len(tested.scores),
        "n_undecidable": tested.n_undecidable,
        "right": [fsum(column) for column in shares.T],
    }


def _counted(tested: list[_Tested]) -> dict[str, Any]:
    """Count the decisions; where nothing could be decided, numbers of them are NaN."""
    if not tested:
        nan = float("nan")
        return {"accuracy": nan, "n_correct": 0, "n_windows": 0,
                "r_attended": nan, "r_unattended": nan}  # fmt: skip
    shares = np.concatenate([decision_shares(t.scores)[:, t.attended] for t in tested])
    n_correct = fsum(shares)
    least, most = whole_counts(n_correct)
    attended = np.concatenate([t.scores[:, t.attended] for t in tested])
    others = [np.delete(t.scores, t.attended, axis=1).mean(axis=1) for t in tested]
    return {
        "accuracy": n_correct / len(shares),
        "n_correct": least if least == most else n_correct,
        "n_windows": len(shares),
        "r_attended": float(attended.mean()),
        "r_unattended": float(np.concatenate(others).mean()),
    }
