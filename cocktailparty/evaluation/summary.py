"""Summary statistics of a comparison: pooled numbers and tests against guessing."""

from collections.abc import Callable, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.attention_task import ATTENTION, task_of
from cocktailparty.evaluation.permutation import ALPHA, PermutationTest, permutation_test
from cocktailparty.evaluation.tested_trials import repeats

if TYPE_CHECKING:
    import pandas as pd

# Contribution of a tested trial to the counts of a row.
_COUNTS: dict[str, Callable[[dict], float]] = {
    "n_windows": lambda record: record["n_windows"],
    "n_undecidable": lambda record: record["n_undecidable"],
    "n_correct": lambda record: record["right"][record["attended"]] if record["n_windows"] else 0,
}


def pool(table: "pd.DataFrame", by: Sequence[str]) -> "pd.DataFrame":
    """Add up the decisions of the rows that agree in some columns.

    Takes rows of `cocktailparty.evaluation.compare`, with at least the columns of `by`,
    `n_windows`, `n_correct` and `n_stimuli`. Rows without a window are left out: they decide
    nothing. Where rows have `trials`, a segment that several folds tested counts once: the mean of
    its right decisions.

    Returns a row for each group with the columns of `by`, `n_windows`, `n_correct`, `n_stimuli`
    (the smallest of the group, which makes guessing easiest), `accuracy`, and, if `table` has it,
    `n_undecidable`. Decoders keep their order in `table`; within them, windows rise. A group in
    which no window can be decided has no row.

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
    pooled = (
        _once(rows, by)
        .groupby(by, sort=False, as_index=False, dropna=False)
        .agg(
            n_windows=("n_windows", "sum"),
            n_correct=("n_correct", "sum"),
            n_stimuli=("n_stimuli", "min"),
        )
    )
    pooled["n_windows"] = pooled["n_windows"].round().astype(int)
    if "n_undecidable" in table:
        counted = _once(table, by).groupby(by, as_index=False, dropna=False)
        left_out = counted["n_undecidable"].sum()
        left_out["n_undecidable"] = left_out["n_undecidable"].round().astype(int)
        pooled = pooled.merge(left_out, on=by, how="left", validate="one_to_one")
    # Shares of decisions that add up to a whole number do so except for rounding.
    whole = pooled["n_correct"].round()
    near = np.isclose(pooled["n_correct"], whole, rtol=1e-9, atol=1e-9)
    pooled["n_correct"] = pooled["n_correct"].where(~near, whole)
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
        accuracy that guessing reaches with a probability of at most 5 %, `p`, one-sided, and
        `p_corrected`, the same corrected for all rows, from
        `cocktailparty.evaluation.permutation_test` (without one, `chance` is binomial and both
        p are NaN); `itr` in bits per minute; `mesd` in seconds, of the decoder's pooled accuracies
        over all windows, NaN where it cannot be computed (no accuracy above one half, or more than
        two stimuli). Both are NaN for tasks other than attention: they say how fast a listener can
        steer a device.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

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
    from cocktailparty.metrics import chance_level, itr

    summary = pool(table, ["decoder", "window"])
    spread = (
        pool(table, ["decoder", "window", "subject"])
        .groupby(["decoder", "window"], as_index=False)["accuracy"]
        .agg(n_subjects="size", accuracy_mean="mean", accuracy_sd="std")
    )
    summary = summary.merge(spread, on=["decoder", "window"], how="left", validate="one_to_one")
    test = against_guessing(table, summary)
    summary["chance"] = test.chance
    if test.withheld:
        counts = zip(summary["n_windows"], summary["n_stimuli"], strict=True)
        summary["chance"] = [chance_level(int(n), int(m), alpha=ALPHA) for n, m in counts]
    summary["p"], summary["p_corrected"] = test.p, test.p_corrected
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
    facts += ["accuracy_mean", "accuracy_sd", "chance", "p", "p_corrected", "itr", "mesd"]
    return summary[facts]


def against_guessing(table: "pd.DataFrame", rows: "pd.DataFrame") -> PermutationTest:
    """Test the `decoder` and `window` of each row against guessing, with the table of `compare`."""
    return permutation_test(table, list(zip(rows["decoder"], rows["window"], strict=True)))


def _once(table: "pd.DataFrame", by: list[str]) -> "pd.DataFrame":
    """Divide windows that several rows of a group tested among these rows."""
    if "trials" not in table or table["trials"].isna().any():
        return table
    table = table.reset_index(drop=True)
    shared: dict[str, dict[int, float]] = {name: {} for name in _COUNTS if name in table}
    for _, rows in table.groupby(by, sort=False, dropna=False):
        for at, times in zip(rows.index, repeats(rows["trials"]), strict=True):
            if max(times, default=1) > 1:
                records: Any = table["trials"][at]
                for name, values in shared.items():
                    count = _COUNTS[name]
                    values[at] = fsum(count(x) / k for x, k in zip(records, times, strict=True))
    for name, values in shared.items():
        if values:
            table[name] = table[name].astype(float)
            table.loc[list(values), name] = list(values.values())
    return table


def _undecidable(rows: "pd.DataFrame") -> "pd.Series":
    """Numbers of windows left out; 0 where a table does not tell."""
    return rows["n_undecidable"] if "n_undecidable" in rows else 0 * rows["n_windows"]


def _mesd(rows: "pd.DataFrame") -> float:
    from cocktailparty.metrics import mesd

    steers = rows["n_stimuli"].max() <= 2 and (rows["task"] == ATTENTION).all()
    if not steers or rows["accuracy"].max() <= 0.5:
        return float("nan")
    return float(mesd(rows["window"], rows["accuracy"]).mesd)
