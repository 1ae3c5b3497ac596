"""What was decided: which sound was attended, or whether a sound played at all."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

#: Several sounds played, and one was attended.
ATTENTION = "attention"
#: One sound played; it is told from another stretch of itself.
MATCH_MISMATCH = "match-mismatch"
#: Trials of both kinds.
MIXED = "mixed"


class Words(NamedTuple):
    """How reports and figures call what was decided.

    Attributes
    ----------
    title : str
        Heading of a report.
    right : str
        The stimulus that is to be chosen.
    other : str
        The stimulus that is not.
    """

    title: str
    right: str
    other: str


_ATTENTION = Words("Attention decoding", "attended stimulus", "competing stimulus")
_MATCH = Words("Match-mismatch decoding", "sound that played", "same sound from another time")
_MIXED = Words(
    "Attention and match-mismatch decoding",
    "attended or played sound",
    "competing sound or another time",
)


def joint_task(tasks: Iterable[str]) -> str:
    """Name the task of several rows or trials.

    Parameters
    ----------
    tasks : iterable of str
        Task of each.

    Returns
    -------
    task : str
        The task if it is one and the same, else "mixed".

    Examples
    --------
    >>> joint_task(["attention", "attention"]), joint_task(["attention", "match-mismatch"])
    ('attention', 'mixed')
    """
    different = set(tasks)
    return different.pop() if len(different) == 1 else MIXED


def task_of(table: "pd.DataFrame") -> str:
    """Name the task of a comparison.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`, or of `cocktailparty.evaluation.summarise`.
        Without a column `task`, attention was decoded.

    Returns
    -------
    task : str
        "attention", "match-mismatch" or "mixed".
    """
    return joint_task(table["task"]) if "task" in table and len(table) else ATTENTION


def words(task: str) -> Words:
    """Choose the words for a task.

    Parameters
    ----------
    task : str
        From `task_of`.

    Returns
    -------
    words : Words
        Nothing is called attention where one sound played alone.

    Examples
    --------
    >>> words("match-mismatch").right
    'sound that played'
    """
    return {MATCH_MISMATCH: _MATCH, MIXED: _MIXED}.get(task, _ATTENTION)
