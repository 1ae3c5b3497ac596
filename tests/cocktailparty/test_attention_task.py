"""What was decided, and how it is called."""

import pandas as pd
import pytest

from cocktailparty.attention_task import (
    ATTENTION,
    MATCH_MISMATCH,
    MIXED,
    joint_task,
    task_of,
    words,
)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([ATTENTION], ATTENTION),
        ([MATCH_MISMATCH, MATCH_MISMATCH], MATCH_MISMATCH),
        ([ATTENTION, MATCH_MISMATCH], MIXED),
        ([ATTENTION, MIXED], MIXED),
    ],
)
def test_the_task_of_several_is_theirs_if_they_agree(tasks: list[str], expected: str) -> None:
    assert joint_task(tasks) == expected
    assert task_of(pd.DataFrame({"task": tasks})) == expected


def test_a_table_that_does_not_tell_is_of_attention() -> None:
    assert task_of(pd.DataFrame({"window": [5.0]})) == ATTENTION
    assert task_of(pd.DataFrame({"task": []})) == ATTENTION


def test_nothing_is_called_attention_where_one_sound_played() -> None:
    assert not any(
        "attend" in word.lower() or "attention" in word for word in words(MATCH_MISMATCH)
    )
    assert "attended" in words(ATTENTION).right


def test_both_tasks_are_named_where_both_are_pooled() -> None:
    assert words(MIXED).title == "Attention and match-mismatch decoding"
    assert words(MIXED).right == "attended or played sound"
