"""What a comparison of decoders amounts to: pooled numbers and tests against guessing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.task import ATTENTION, task_of

if TYPE_CHECKING:
    import pandas as pd

#: Level of the one-sided binomial tests.
ALPHA = 0.05


def pool(table: "pd.DataFrame", by: Sequence[str]) -> "pd.DataFrame":
    """Add up the decisions of the rows that agree in some columns.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`, with at least the columns of `by`,
        `n_windows`, `n_correct` and `n_stimuli`. Rows without a window are left out: they decide
        nothing.
    by : sequence of str
        Columns that identify a group, such as ``["decoder", "window"]``.

    Returns
    -------
    pooled : DataFrame
        A row for each group with the columns of `by`, `n_windows`, `n_correct`, `n_stimuli` (the
        smallest of the group, which makes guessing easiest), `accuracy`, and, if `table` has it,
        `n_undecidable`. Decoders keep their order in `table`; within them, windows rise. A group
        of which no window can be decided has no row.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"decoder": "ridge", "fold": ["a", "b"], "window": 5.0,
    ...                       "n_windows": [12, 8], "n_correct": [9, 6], "n_stimuli": 2})
    >>> pool(table, ["decoder", "window"])
      decoder  window  n_windows  n_correct  n_stimuli  accuracy
    0   ridge     5.0         20         15          2      0.75
    """
    by = list(by)
    missing = [
        name for name in [*by, "n_windows", "n_correct", "n_stimuli"] if name not in table.columns
    ]
    if missing:
        raise ValueError(
            f"table has no column(s) {missing}: pass the table that evaluation.compare returned"
        )
    rows = table[table["n_windows"] > 0]
    if rows.empty:
        silent = " (in all windows all stimuli are silent)" if _undecidable(table).any() else ""
        raise ValueError(f"table holds no decision: it has no row with n_windows > 0{silent}")
    pooled = rows.groupby(by, sort=False, as_index=False, dropna=False).agg(
        n_windows=("n_windows", "sum"),
        n_correct=("n_correct", "sum"),
        n_stimuli=("n_stimuli", "min"),
    )
    if "n_undecidable" in table:
        left_out = table.groupby(by, as_index=False, dropna=False)["n_undecidable"].sum()
        pooled = pooled.merge(left_out, on=by, how="left", validate="one_to_one")
    pooled["accuracy"] = pooled["n_correct"] / pooled["n_windows"]
    order = np.arange(len(pooled))
    if "window" in by:
        order = order[np.argsort(pooled["window"].to_numpy()[order], kind="stable")]
    if "decoder" in by:
        rank = {name: i for i, name in enumerate(table["decoder"].unique())}
        ranks = np.array([rank[name] for name in pooled["decoder"]])
        order = order[np.argsort(ranks[order], kind="stable")]
    return pooled.iloc[order].reset_index(drop=True)


def summarise(table: "pd.DataFrame") -> "pd.DataFrame":
    """Summarise a comparison: a row for each decoder and window length.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    summary : DataFrame
        Columns: `decoder`, `window` (s), `n_subjects`, `n_windows`, `n_correct` (fractional where
        stimuli tied), `n_stimuli`; `n_undecidable`, windows that were left out since all stimuli
        are silent in them; `task`, as in `table`; `accuracy` of all windows pooled;
        `accuracy_mean` and `accuracy_sd` over subjects (sd is NaN for one subject); `chance`, the
        accuracy that guessing reaches with a probability of at most 5 %; `p`, one-sided binomial;
        `p_holm`, the same after Holm's correction for all rows; `itr` in bits per minute; `mesd`
        in seconds, of the decoder's pooled accuracies over all windows, NaN where it cannot be
        computed (no accuracy above one half, or more than two stimuli). Both are NaN for other
        tasks than attention: they say how fast a listener can steer a device.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
    Journal of Statistics, 6(2), 65-70. https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": ["S1", "S2"], "fold": "a",
    ...                       "window": 30.0, "n_windows": 20, "n_correct": [16, 18],
    ...                       "n_stimuli": 2})
    >>> summary = summarise(table)
    >>> summary[["decoder", "window", "n_windows", "accuracy", "chance"]]
      decoder  window  n_windows  accuracy  chance
    0   ridge    30.0         40      0.85    0.65
    """
    from scipy.stats import binom

    from cocktailparty.metrics import chance_level, itr
    from cocktailparty.metrics.decisions import whole_counts

    summary = pool(table, ["decoder", "window"])
    spread = (
        pool(table, ["decoder", "window", "subject"])
        .groupby(["decoder", "window"], as_index=False)["accuracy"]
        .agg(n_subjects="size", accuracy_mean="mean", accuracy_sd="std")
    )
    summary = summary.merge(spread, on=["decoder", "window"], how="left", validate="one_to_one")
    counts = [
        (int(n), float(k), int(m))
        for n, k, m in zip(
            summary["n_windows"], summary["n_correct"], summary["n_stimuli"], strict=True
        )
    ]
    summary["chance"] = [chance_level(n, m, alpha=ALPHA) for n, _, m in counts]
    summary["p"] = [float(binom.sf(whole_counts(k)[0] - 1, n, 1 / m)) for n, k, m in counts]
    summary["p_holm"] = holm(summary["p"])
    tasks = {keys: task_of(rows) for keys, rows in table.groupby(["decoder", "window"])}
    summary["task"] = [
        tasks[keys] for keys in zip(summary["decoder"], summary["window"], strict=True)
    ]
    summary["itr"] = [
        itr(row["accuracy"], float(row["window"]), n_stimuli=int(row["n_stimuli"]))
        if row["task"] == ATTENTION
        else float("nan")
        for row in summary.to_dict("records")
    ]
    switch = {name: _mesd(rows) for name, rows in summary.groupby("decoder", sort=False)}
    summary["mesd"] = [switch[name] for name in summary["decoder"]]
    summary["n_undecidable"] = _undecidable(summary)
    facts = ["decoder", "window", "n_subjects", "n_windows", "n_correct", "n_stimuli"]
    facts += ["n_undecidable", "task", "accuracy"]
    return summary[[*facts, "accuracy_mean", "accuracy_sd", "chance", "p", "p_holm", "itr", "mesd"]]


def holm(p: Any) -> np.ndarray:
    """Correct p values for the number of tests by Holm's step-down procedure.

    Parameters
    ----------
    p : array-like of shape (n_tests,)
        Uncorrected p values.

    Returns
    -------
    corrected : ndarray of shape (n_tests,)
        A test is significant at level alpha with all tests together if its corrected value is
        at most alpha, whatever the dependence between the tests.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def _undecidable(rows: "pd.DataFrame") -> "pd.Series":
    """Numbers of windows left out; none where a table does not tell."""
    return rows["n_undecidable"] if "n_undecidable" in rows else 0 * rows["n_windows"]


def _mesd(rows: "pd.DataFrame") -> float:
    from cocktailparty.metrics import mesd

    steers = rows["n_stimuli"].max() <= 2 and (rows["task"] == ATTENTION).all()
    if not steers or rows["accuracy"].max() <= 0.5:
        return float("nan")
    return float(mesd(rows["window"], rows["accuracy"]).mesd)
