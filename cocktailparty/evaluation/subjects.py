"""Accuracy of each subject, and tests over subjects: against chance, and between decoders."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.evaluation.permutation import expected_right, labels_vary
from cocktailparty.evaluation.summary import pool
from cocktailparty.statistics import holm, subject_test

if TYPE_CHECKING:
    import pandas as pd

#: What the first of a decoder's tests compares it with, in the column `against`.
CHANCE = "chance"


def subject_rows(table: "pd.DataFrame") -> "pd.DataFrame":
    """Accuracy of each subject, with the folds of a subject pooled.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    rows : DataFrame
        A row for each decoder, window and subject: `n_windows`, `n_correct`, `accuracy`, and
        `chance`, the mean accuracy of the subject under exchanged labels (see
        `cocktailparty.evaluation.permutation_test`): one half for two stimuli that were attended
        equally often, and more for who attended one of them more often, where a decoder that
        prefers a talker gains by it. Where the table does not tell the tested trials, it is one
        over the number of stimuli.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": ["S1", "S2"], "window": 30.0,
    ...                       "n_windows": 20, "n_correct": [16, 18], "n_stimuli": 2})
    >>> subject_rows(table)[["subject", "accuracy", "chance"]]
      subject  accuracy  chance
    0      S1       0.8     0.5
    1      S2       0.9     0.5
    """
    by = ["decoder", "window", "subject"]
    rows = pool(table, by)
    rows["chance"] = 1.0 / rows["n_stimuli"]
    if _tells_trials(table):
        groups = table[table["n_windows"] > 0].groupby(by, sort=False, dropna=False)
        right = {key: expected_right(group) for key, group in groups}
        keys = rows[by].itertuples(index=False, name=None)
        rows["chance"] = np.array([right[key] for key in keys]) / rows["n_windows"]
    return rows[[*by, "n_windows", "n_correct", "accuracy", "chance"]]


def group_tests(table: "pd.DataFrame", subjects: "pd.DataFrame | None" = None) -> "pd.DataFrame":
    """Test decoders over subjects: each against chance, and each against each other.

    Subjects are the unit (`cocktailparty.statistics`), so that what is found holds for people like
    these, not only for the trials that were recorded. A window's tests against chance are corrected
    for the number of decoders, those between decoders for the number of pairs (Holm). They are not
    corrected for the number of windows: choose one before you look.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    subjects : DataFrame, optional
        From `subject_rows`, where it is known already.

    Returns
    -------
    tests : DataFrame
        A row for each window and decoder `against` "chance", and for each pair of decoders, the
        one listed first being the one `against`: `n_subjects` who have both, `effect` in
        percentage points with its 95 % interval from `low` to `high` (Student's t), the two-sided
        `p` of sign flips, `p_corrected`, and `p_wilcoxon`, uncorrected. No row with less than two
        subjects. None against chance where the attended stimulus has one place in the list in all
        trials of every listener, so that attention cannot be told from a preference.

    Raises
    ------
    ValueError
        If a column is missing or no row has a window.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"S{i}" for i in range(6)]
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": names, "window": 30.0, "n_stimuli": 2,
    ...                       "n_windows": 20, "n_correct": [16, 18, 12, 14, 15, 12]})
    >>> group_tests(table)[["decoder", "against", "effect", "p"]]
      decoder against  effect        p
    0   ridge  chance    22.5  0.03125
    """
    import pandas as pd

    subjects = subject_rows(table) if subjects is None else subjects
    tested = not _tells_trials(table) or labels_vary(table)
    rows = []
    for window, group in subjects.groupby("window", sort=True):
        for family in (_against_chance(group) if tested else (), _pairs(group)):
            tests = [
                {
                    "decoder": decoder,
                    "against": against,
                    "window": window,
                    **subject_test(_points(differences))._asdict(),
                }
                for decoder, against, differences in family
                if len(differences) > 1
            ]
            corrected = holm([test["p"] for test in tests])
            rows += [{**t, "p_corrected": p} for t, p in zip(tests, corrected, strict=True)]
    columns = ["decoder", "against", "window", "n_subjects", "effect", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "p", "p_corrected", "p_wilcoxon"])


def _against_chance(rows: "pd.DataFrame") -> Iterator[tuple[str, str, np.ndarray]]:
    for decoder, of_one in rows.groupby("decoder", sort=False):
        yield str(decoder), CHANCE, (of_one["accuracy"] - of_one["chance"]).to_numpy()


def _pairs(rows: "pd.DataFrame") -> Iterator[tuple[str, str, np.ndarray]]:
    accuracies: Any = rows.pivot(index="subject", columns="decoder", values="accuracy")
    for first, second in combinations(rows["decoder"].unique(), 2):
        both = accuracies[[first, second]].dropna()
        yield second, first, (both[second] - both[first]).to_numpy()


def _points(differences: np.ndarray) -> np.ndarray:
    """Percentage points; what is equal except for rounding is equal."""
    return np.where(np.abs(differences) < 1e-12, 0.0, 100 * differences)


def _tells_trials(table: "pd.DataFrame") -> bool:
    return "trials" in table and not table["trials"].isna().any()
