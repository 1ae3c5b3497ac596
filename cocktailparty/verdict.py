"""What a comparison of decoders says, in plain sentences."""

from typing import TYPE_CHECKING

import numpy as np

from cocktailparty.summary import ALPHA, summarise
from cocktailparty.task import MATCH_MISMATCH, task_of

if TYPE_CHECKING:
    import pandas as pd

#: Test data below this many minutes are called little.
FEW_MINUTES = 10
#: Pooled windows below this number are called few.
FEW_WINDOWS = 20
# What may be wrong where a decoder does worse than guessing: with labels, and with one sound.
_SUSPECT = (
    "check that the attended labels and the order of the stimuli are not swapped.",
    "check that the sound and the EEG of a trial belong together.",
)


def verdict(table: "pd.DataFrame") -> list[str]:
    """Say in words what beats guessing, what does not, and how much data that rests on.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    sentences : list of str
        First the findings, decoder by decoder; then the cautions.

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
    >>> verdict(table)[0]
    'ridge decides above chance at 30 s: 34 of 40 windows (85 %), chance level 65 %.'
    """
    said = [f"{statement} {'; '.join(numbers)}." for statement, numbers in findings(table)]
    return said + cautions(table)


def findings(table: "pd.DataFrame") -> list[tuple[str, list[str]]]:
    """Say which decoder beats guessing at which windows, and which does not.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    statements : list of (str, list of str)
        At most three a decoder, each with the numbers of the windows it holds for: above chance,
        above chance only before the correction for several tests, not above chance.
    """
    summary = summarise(table)
    statements = []
    for decoder, rows in summary.groupby("decoder", sort=False):
        above = rows["p_holm"] <= ALPHA
        single = (rows["p"] <= ALPHA) & ~above
        for holds, statement, p in (
            (above, "decides above chance", ""),
            (
                single,
                "exceeds the chance level of a single test, but not after correction for "
                f"{len(summary)} tests,",
                "p_holm",
            ),
            (~above & ~single, "does not beat chance", "p"),
        ):
            if holds.any():
                statements.append((f"{decoder} {statement}", _numbers(rows[holds], p)))
    return statements


def cautions(table: "pd.DataFrame") -> list[str]:
    """Say what limits the findings: little data, several tests, dependent windows.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    sentences : list of str
        One for each caution that applies.
    """
    summary = summarise(table)
    sentences = [_amount(table, summary)]
    few = summary[summary["n_windows"] < FEW_WINDOWS]
    for _, rows in few.groupby(["window", "n_windows", "n_stimuli"]):
        window, n, m = (rows[name].iloc[0] for name in ("window", "n_windows", "n_stimuli"))
        all_guessed = float(m) ** -int(n)
        if all_guessed > ALPHA:
            sentences.append(
                f"With {_count(n, 'window')} of {window:g} s even a faultless decoder could not "
                f"be told from guessing (p = {all_guessed:.3g})."
            )
        else:
            sentences.append(
                f"There are only {n} windows of {window:g} s: an accuracy below "
                f"{_percent(rows['chance'].iloc[0])} means nothing there."
            )
    below = summary[_below_chance(summary) <= ALPHA / len(summary)]
    if len(below):
        sentences.append(
            f"Fewer right decisions than guessing gives ({', '.join(below['decoder'].unique())}): "
            + _SUSPECT[task_of(table) == MATCH_MISMATCH]
        )
    if len(summary) > 1:
        sentences.append(
            f"{len(summary)} tests were made (decoder x window): 'above chance' means a one-sided "
            f"binomial p of at most {ALPHA:g} after Holm's correction for all of them."
        )
    if summary["decoder"].nunique() > 1:
        sentences.append(
            "Each decoder was tested against guessing, none against another: differences between "
            "decoders are descriptive."
        )
    sentences.append(
        "The tests take windows as independent. Even windows side by side are not: those of one "
        "trial share the listener's state, the stimuli and the decoder. The true uncertainty is "
        "larger than p says."
    )
    return [sentence for sentence in sentences if sentence]


def _amount(table: "pd.DataFrame", summary: "pd.DataFrame") -> str:
    rows = table[table["n_windows"] > 0]
    seconds = (summary["n_windows"] * summary["window"]).max()
    n_subjects = rows["subject"].nunique(dropna=False)
    n_folds = len(rows[["subject", "fold"]].drop_duplicates())
    listeners = "one listener" if n_subjects == 1 else f"{n_subjects} listeners"
    data = f"{_count(n_folds, 'held-out fold')} of {listeners}, about {seconds / 60:.3g} min tested"
    little = seconds < FEW_MINUTES * 60
    if n_subjects == 1:
        return data + (
            ": an anecdote, not evidence."
            if little
            else ": this says nothing about how other listeners would do."
        )
    return f"{data}: very little." if little else ""


def _below_chance(summary: "pd.DataFrame") -> np.ndarray:
    from scipy.stats import binom

    from cocktailparty.metrics.decisions import whole_counts

    most = [whole_counts(k)[1] for k in summary["n_correct"]]
    return np.asarray(binom.cdf(most, summary["n_windows"], 1 / summary["n_stimuli"]))


def _numbers(rows: "pd.DataFrame", p: str) -> list[str]:
    from cocktailparty.metrics.decisions import count_text

    parts = []
    for row in rows.to_dict("records"):
        part = (
            f"at {row['window']:g} s: {count_text(row['n_correct'])} of "
            f"{_count(row['n_windows'], 'window')} ({_percent(row['accuracy'])}), chance level "
            f"{_percent(row['chance'])}"
        )
        parts.append(f"{part}, {_p_value(row[p], p)}" if p else part)
    return parts


def _p_value(p: float, column: str) -> str:
    said = f"p = {p:.2g}"
    return f"corrected {said}" if column == "p_holm" else said


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
