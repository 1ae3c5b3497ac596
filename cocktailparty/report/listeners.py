"""Tests over listeners, in plain sentences."""

from typing import TYPE_CHECKING

from cocktailparty.evaluation.subjects import CHANCE, group_tests
from cocktailparty.statistics import ALPHA, MIN_SUBJECTS

if TYPE_CHECKING:
    import pandas as pd


def listeners_text(table: "pd.DataFrame", tests: "pd.DataFrame | None" = None) -> list[str]:
    """Say what holds over listeners: decoders above chance, and differences between them.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    tests : DataFrame, optional
        From `cocktailparty.evaluation.group_tests`, where it is known already.

    Returns
    -------
    sentences : list of str
        None where there is one listener; with fewer than six, the reason why no test can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"S{i}" for i in range(6)]
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": names, "window": 30.0, "n_stimuli": 2,
    ...                       "n_windows": 20, "n_correct": [16, 18, 12, 14, 15, 12]})
    >>> listeners_text(table)[0]
    'Over 6 listeners, ridge differs from chance at 30 s by +22.5 points (95 % interval ...).'
    """
    tests = group_tests(table) if tests is None else tests
    if tests.empty:
        return []
    most = int(tests["n_subjects"].max())
    if most < MIN_SUBJECTS:
        return [
            f"With {most} listeners no test over listeners can be significant (p is at least "
            f"{2 / 2**most:.3g}): {MIN_SUBJECTS} are the least. Effects are in group_tests.csv."
        ]
    sentences = []
    significant = tests["p_corrected"] <= ALPHA
    for decoder, rows in tests[tests["against"] == CHANCE].groupby("decoder", sort=False):
        beats = significant[rows.index]
        effects = "; ".join(_effect(row) for row in rows[beats].to_dict("records"))
        rest = ", ".join(f"{window:g}" for window in rows["window"][~beats])
        told = [f"{decoder} differs from chance {effects}"] if effects else []
        if rest:
            subject = "" if told else f"{decoder} "
            told.append(f"{subject}is not shown to differ{' from chance' * (not told)} at {rest} s")
        sentences.append(f"Over {most} listeners, {', and '.join(told)}.")
    pairs = tests[tests["against"] != CHANCE]
    for names, rows in pairs[significant[pairs.index]].groupby(["decoder", "against"], sort=False):
        effects = "; ".join(_effect(row) for row in rows.to_dict("records"))
        sentences.append(f"{' differs from '.join(map(str, names))} {effects}.")
    if len(pairs) and not significant[pairs.index].any():
        sentences.append("Over listeners, no decoder differs from another.")
    return [*sentences, _method(tests, most)]


def _effect(row: dict) -> str:
    return (
        f"at {row['window']:g} s by {row['effect']:+.1f} points (95 % interval {row['low']:+.1f} "
        f"to {row['high']:+.1f}, p = {row['p_corrected']:.2g})"
    )


def _method(tests: "pd.DataFrame", n_subjects: int) -> str:
    n_tests = int(tests.groupby(["window", tests["against"] == CHANCE]).size().max())
    text = (
        "Here the listener is the unit: means over listeners, intervals by Student's t, two-sided "
        "p by sign flips"
    )
    if n_tests > 1:
        text += (
            f", corrected by Holm's method for the up to {n_tests} tests of a kind at one window"
        )
    text += f"; at most {ALPHA:g} counts as a difference."
    if (least := n_tests * 2 / 2**n_subjects) > ALPHA:
        text += f" Of so many tests none can get below p = {least:.2g}: compare fewer decoders."
    if tests["window"].nunique() > 1:
        text += " Windows are not corrected for: choose the one to report before you look."
    return text


def group_table(tests: "pd.DataFrame") -> tuple[list[str], list[list[str]]]:
    """Lay out tests over listeners for print: header and rows of texts."""
    header = ["decoder", "against", "window (s)", "listeners", "difference (points)"]
    header += ["95 % interval", "p", "p (Holm)", "p (Wilcoxon)"]
    rows: list[list[str]] = []
    for _, group in tests.groupby(["decoder", "against"], sort=False):
        for i, row in enumerate(group.to_dict("records")):
            star = "*" if row["p_corrected"] <= ALPHA else ""
            rows.append(
                [
                    "" if i else str(row["decoder"]),
                    "" if i else str(row["against"]),
                    f"{row['window']:g}",
                    str(row["n_subjects"]),
                    f"{row['effect']:+.1f}",
                    f"{row['low']:.1f} to {row['high']:.1f}",
                    f"{row['p']:.2g}",
                    f"{row['p_corrected']:.2g}{star}",
                    f"{row['p_wilcoxon']:.2g}",
                ]
            )
    return header, rows
