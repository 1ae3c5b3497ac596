"""Name of the task that was decoded: attention among several sounds, or match against mismatch."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

#: Several sounds played, and one was attended.
ATTENTION = "attention"
#: One sound played; it is told from another segment of itself.
MATCH_MISMATCH = "match-mismatch"
#: Trials of both kinds.
MIXED = "mixed"


class Words(NamedTuple):
    """Words of reports and figures for a task.

    `title` heads a report; `right` is the stimulus that is to be chosen, `other` the one that is
    not.
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
    """Name the task of several rows or trials: theirs if all have the same, else "mixed".

    Examples
    --------
    >>> joint_task(["attention", "attention"]), joint_task(["attention", "match-mismatch"])
    ('attention', 'mixed')
    """
    different = set(tasks)
    return different.pop() if len(different) == 1 else MIXED


def task_of(table: "pd.DataFrame") -> str:
    """Name the task of a comparison: "attention", "match-mismatch" or "mixed".

    `table` has the rows of `cocktailparty.evaluation.compare` or `summarise`; without a column
    `task`, attention was decoded.
    """
    return joint_task(table["task"]) if "task" in table and len(table) else ATTENTION


def words(task: str) -> Words:
    """Choose the words for a task of `task_of`: nothing is called attention where one sound played.

    Examples
    --------
    >>> words("match-mismatch").right
    'sound that played'
    """
    return {MATCH_MISMATCH: _MATCH, MIXED: _MIXED}.get(task, _ATTENTION)
