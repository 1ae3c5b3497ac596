"""Verdict of a comparison of decoders, in plain sentences."""

from typing import TYPE_CHECKING

from cocktailparty.attention_task import ATTENTION, MATCH_MISMATCH, MIXED, task_of
from cocktailparty.evaluation.permutation import ALPHA, CONSTANT
from cocktailparty.evaluation.summary import against_guessing, summarise
from cocktailparty.report.listeners import listeners_text
from cocktailparty.statistics import MIN_SUBJECTS

if TYPE_CHECKING:
    import pandas as pd

#: Test data below this many minutes are called little.
FEW_MINUTES = 10
#: Pooled windows below this number are called few.
FEW_WINDOWS = 20
# Suspicions where a decoder does worse than guessing.
_SUSPECT = {
    ATTENTION: "check that the attended labels and the order of the stimuli are not swapped.",
    MATCH_MISMATCH: "check that the sound and the EEG of a trial belong together.",
}
_SUSPECT[MIXED] = (
    "check that the sounds and the EEG of a trial belong together, and that the attended labels "
    "and the order of the stimuli are not swapped."
)
# Labels or segments that the test exchanges.
_EXCHANGED = {
    ATTENTION: "trials of a listener exchange their labels",
    MATCH_MISMATCH: "the matching and the other segment change places",
}
_EXCHANGED[MIXED] = (
    f"{_EXCHANGED[ATTENTION]}, and where one sound played {_EXCHANGED[MATCH_MISMATCH]}"
)


def verdict(
    table: "pd.DataFrame",
    summary: "pd.DataFrame | None" = None,
    tests: "pd.DataFrame | None" = None,
) -> list[str]:
    """Say in words what beats guessing, what does not, and on how much data that rests.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    summary : DataFrame, optional
        From `cocktailparty.evaluation.summarise`, where it is known already.
    tests : DataFrame, optional
        From `cocktailparty.evaluation.group_tests`, where it is known already.

    Returns
    -------
    sentences : list of str
        First the findings, decoder by decoder; then what holds over listeners; then the cautions.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

    Examples
    --------
    >>> import pandas as pd
    >>> trials = [{"part": i, "unit": i, "group": 0, "attended": i % 2, "n_windows": 5,
    ...            "n_undecidable": 0, "right": [4, 1] if i % 2 == 0 else [0, 5]}
    ...           for i in range(8)]
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": "S1", "fold": "a", "window": 30.0,
    ...                       "n_windows": 40, "n_correct": 36, "n_stimuli": 2,
    ...                       "trials": [trials]})
    >>> verdict(table)[0]
    'ridge decides above chance at 30 s: 36 of 40 windows (90 %), chance level 72.5 %.'
    """
    summary = summarise(table) if summary is None else summary
    sentences = [
        f"{statement} {'; '.join(numbers)}." for statement, numbers in findings(table, summary)
    ]
    return sentences + listeners_text(table, tests) + cautions(table, summary)


def findings(
    table: "pd.DataFrame", summary: "pd.DataFrame | None" = None
) -> list[tuple[str, list[str]]]:
    """Say which decoder beats guessing at which windows, and which does not.

    At most three statements per decoder, each with the numbers of the windows that it holds for:
    above chance, above chance only before the correction for several tests, not above chance. One
    that gives no verdict where the trials cannot tell, see
    `cocktailparty.evaluation.permutation_test`.
    """
    summary = summarise(table) if summary is None else summary
    withheld = against_guessing(table, summary).withheld
    statements = []
    for decoder, rows in summary.groupby("decoder", sort=False):
        if withheld:
            statements.append((f"No verdict on {decoder}: {withheld};", _numbers(rows)))
            continue
        above = rows["p_corrected"] <= ALPHA
        single = (rows["p"] <= ALPHA) & ~above
        for holds, statement, p in (
            (above, "decides above chance", ""),
            (
                single,
                "reaches the chance level of a single test, but not after correction for "
                f"{len(summary)} tests,",
                "p_corrected",
            ),
            (~above & ~single, "does not beat chance", "p"),
        ):
            if holds.any():
                statements.append((f"{decoder} {statement}", _numbers(rows[holds], p)))
    return statements


def cautions(table: "pd.DataFrame", summary: "pd.DataFrame | None" = None) -> list[str]:
    """Say what limits the findings: little data, several tests, the unit of the test."""
    summary = summarise(table) if summary is None else summary
    test = against_guessing(table, summary)
    task = task_of(table)
    sentences = [_amount(table, summary)]
    if task == MIXED:
        sentences.append(
            "In some trials one sound played, and was compared with itself at another time: both "
            "tasks are pooled in these numbers, which say nothing about attention alone. Compare "
            "the trials with several sounds by themselves."
        )
    small = summary[(summary["n_windows"] < FEW_WINDOWS) & (not test.withheld)]
    for _, rows in small.groupby(["window", "n_windows"]):
        window, n = (rows[name].iloc[0] for name in ("window", "n_windows"))
        level = _percent(rows["chance"].min())
        sentences.append(
            f"There {'is' if n == 1 else 'are'} only {_count(n, 'window')} of {window:g} s: an "
            f"accuracy below {level} means nothing there."
        )
    if test.withheld == CONSTANT:
        sentences.append(
            "List the stimuli of all trials in one order that does not depend on attention, such "
            "as by talker or ear, and let listeners attend to each of them in some trials."
        )
    if test.withheld:
        return [sentence for sentence in sentences if sentence]
    below = test.p_below <= ALPHA
    if below.any():
        sentences.append(
            f"Fewer right decisions than guessing gives "
            f"({', '.join(summary['decoder'][below].unique())}): " + _SUSPECT[task]
        )
    kind = "all" if test.exact else "random"
    correction = (
        f" {len(summary)} tests were made (decoder x window), and 'above chance' means p of at "
        f"most {ALPHA:g} after correction for all of them."
        if len(summary) > 1
        else ""
    )
    sentences.append(
        f"The unit of the tests is the trial, with all its windows: {_EXCHANGED[task]} "
        f"({test.n_permutations} permutations, {kind}; {test.n_units} independent trials)."
        + correction
    )
    if summary["decoder"].nunique() > 1 and summary["n_subjects"].max() < MIN_SUBJECTS:
        sentences.append(
            "Each decoder was tested against guessing, none against another: differences between "
            "decoders are descriptive."
        )
    return [sentence for sentence in sentences if sentence]


def _amount(table: "pd.DataFrame", summary: "pd.DataFrame") -> str:
    rows = table[table["n_windows"] > 0]
    seconds = (summary["n_windows"] * summary["window"]).max()
    n_subjects = rows["subject"].nunique(dropna=False)
    n_folds = len(rows[["subject", "fold"]].drop_duplicates())
    subjects = "one listener" if n_subjects == 1 else f"{n_subjects} listeners"
    data = f"{_count(n_folds, 'held-out fold')} of {subjects}, about {seconds / 60:.3g} min tested"
    little = seconds < FEW_MINUTES * 60
    if n_subjects == 1:
        return data + (
            ": an anecdote, not evidence."
            if little
            else ": this says nothing about how other listeners would do."
        )
    return f"{data}: very little." if little else ""


def _numbers(rows: "pd.DataFrame", p: str = "") -> list[str]:
    """Count decisions for each window; with a column of p values, if it is one."""
    from cocktailparty.metrics.decisions import count_text

    untested = rows["p"].isna().any()
    phrases = []
    for row in rows.to_dict("records"):
        phrase = (
            f"at {row['window']:g} s: {count_text(row['n_correct'])} of "
            f"{_count(row['n_windows'], 'window')} ({_percent(row['accuracy'])}), chance level "
            f"{'of independent windows ' if untested else ''}{_percent(row['chance'])}"
        )
        phrases.append(f"{phrase}, {_p_value(row[p], p)}" if p in row else phrase)
    return phrases


def _p_value(p: float, column: str) -> str:
    text = f"p = {p:.2g}"
    return f"corrected {text}" if column == "p_corrected" else text


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
