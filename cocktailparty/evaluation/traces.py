"""Traces of the fitted decoders of folds, so that a report fits nothing again."""

from typing import Any, NamedTuple

import joblib
import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.evaluation.patterns import FoldPattern, fold_pattern
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.trial import Trial


class Trace(NamedTuple):
    """Pattern and reconstruction that a report shows of a fitted decoder; None where it has none.

    The reconstruction, (n_times, n_features), is that of the first test trial.
    """

    pattern: FoldPattern | None
    reconstruction: np.ndarray | None


def trace_of(fitted: Any, held_out: Trial) -> Trace:
    """Take pattern and reconstruction of a held-out trial from a fitted decoder."""
    reconstruction = (
        to_numpy(fitted.reconstruct([held_out])[0]) if hasattr(fitted, "reconstruct") else None
    )
    return Trace(fold_pattern(fitted), reconstruction)


def save_trace(store: FoldStore, key: str, trace: Trace) -> None:
    """Keep a trace beside the result of its fold, under the key of the result."""
    if key:
        pattern, reconstruction = trace
        store.save(
            _key(key),
            {
                "pattern": None
                if pattern is None
                else [pattern.values.tolist(), pattern.lags.tolist(), pattern.any_sign],
                "reconstruction": None if reconstruction is None else reconstruction.tolist(),
            },
        )


def load_trace(store: FoldStore, key: str) -> Trace | None:
    """Read the trace kept beside the result with this key; None if there is none."""
    stored = store.load(_key(key)) if key else None
    if not stored:
        return None
    pattern, made = stored["pattern"], stored["reconstruction"]
    if pattern is not None:
        values, lags, any_sign = pattern
        pattern = FoldPattern(np.array(values), np.array(lags), any_sign)
    return Trace(pattern, None if made is None else np.array(made))


def _key(key: str) -> str:
    return str(joblib.hash(("trace", key)))
