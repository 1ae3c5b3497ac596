"""What a fitted decoder of a fold leaves behind for a report, so that nothing is fitted for it."""

from typing import Any, NamedTuple

import joblib
import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.evaluation.patterns import FoldPattern, fold_pattern
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.trial import Trial


class Trace(NamedTuple):
    """What is shown of a fitted decoder.

    Attributes
    ----------
    pattern : FoldPattern or None
        None if the decoder has none.
    reconstruction : ndarray of shape (n_times, n_features) or None
        What it made of the EEG of the first test trial; None if it reconstructs nothing.
    """

    pattern: FoldPattern | None
    reconstruction: np.ndarray | None


def trace_of(fitted: Any, held_out: Trial) -> Trace:
    """Take from a fitted decoder what is shown of it.

    Parameters
    ----------
    fitted : estimator
        Fitted decoder.
    held_out : Trial
        A trial that it was not trained on.

    Returns
    -------
    trace : Trace
        Pattern and reconstruction.
    """
    made = to_numpy(fitted.reconstruct([held_out])[0]) if hasattr(fitted, "reconstruct") else None
    return Trace(fold_pattern(fitted), made)


def save_trace(store: FoldStore, key: str, trace: Trace) -> None:
    """Keep a trace beside the result of its fold.

    Parameters
    ----------
    store : FoldStore
        Where finished folds are kept.
    key : str
        That of the result.
    trace : Trace
        The trace.
    """
    if key:
        pattern, made = trace
        store.save(
            _key(key),
            {
                "pattern": None
                if pattern is None
                else [pattern.values.tolist(), pattern.lags.tolist(), pattern.any_sign],
                "reconstruction": None if made is None else made.tolist(),
            },
        )


def load_trace(store: FoldStore, key: str) -> Trace | None:
    """Read a trace that was kept.

    Parameters
    ----------
    store : FoldStore
        Where finished folds are kept.
    key : str
        That of the result.

    Returns
    -------
    trace : Trace or None
        None if there is none.
    """
    kept = store.load(_key(key)) if key else None
    if not kept:
        return None
    pattern, made = kept["pattern"], kept["reconstruction"]
    if pattern is not None:
        values, lags, any_sign = pattern
        pattern = FoldPattern(np.array(values), np.array(lags), any_sign)
    return Trace(pattern, None if made is None else np.array(made))


def _key(key: str) -> str:
    return str(joblib.hash(("trace", key)))
