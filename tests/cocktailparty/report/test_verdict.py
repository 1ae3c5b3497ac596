import re

import numpy as np
import pandas as pd
import pytest

from cocktailparty.report.verdict import verdict
from tests.cocktailparty.tested import record, table

UNITS = (
    "The unit of the tests is the trial, with all its windows: trials of a listener exchange their "
    "labels (4900 permutations, all; 16 independent trials)."
)


def test_statements_follow_the_data() -> None:
    assert verdict(table(("ridge", 30.0, 20, 17)))[0] == (
        "ridge decides above chance at 30 s: 34 of 40 windows (85 %), chance level 72.5 %."
    )
    assert verdict(table(("ridge", 30.0, 20, 11)))[0] == (
        "ridge does not beat chance at 30 s: 22 of 40 windows (55 %), chance level 57.5 %, "
        "p = 0.15."
    )


def uneven(decoder: str, n_right: int):
    """Return ten trials of two windows, of which some are wholly right and the others wrong."""
    trials = [
        record(i, i % 2, [2, 0] if (i < n_right) == (i % 2 == 0) else [0, 2]) for i in range(10)
    ]
    counts = table((decoder, 30.0, 20, 2 * n_right), subjects=("S1",))
    return counts.assign(trials=[trials])


def test_correction_for_several_tests_changes_the_verdict() -> None:
    borderline = uneven("ridge", 9)
    alone = verdict(borderline)
    assert alone[0].startswith("ridge decides above chance at 30 s: 18 of 20")
    assert not any("tests were made" in sentence for sentence in alone)
    rng = np.random.default_rng(0)
    others = [
        uneven(f"d{i}", 5).assign(
            trials=[[record(k, k % 2, [x, 2 - x]) for k, x in enumerate(rng.integers(0, 3, 10))]]
        )
        for i in range(8)
    ]
    among = verdict(pd.concat([borderline, *others]))
    assert among[0].startswith(
        "ridge reaches the chance level of a single test, but not after correction for 9 tests, "
        "at 30 s: 18 of 20"
    )
    assert "corrected p = 0." in among[0]
    assert any("9 tests were made" in sentence for sentence in among)


def test_windows_of_one_decoder_are_told_apart() -> None:
    short = uneven("ridge", 5).assign(window=5.0)
    said = verdict(pd.concat([short, uneven("ridge", 10), uneven("ridge", 10).assign(window=60.0)]))
    assert "at 30 s: 20 of 20 windows (100 %)" in said[0]
    assert "at 60 s: 20 of 20 windows (100 %)" in said[0]
    assert said[1].startswith("ridge does not beat chance at 5 s: 10 of 20")


def test_one_listener_with_little_data_is_an_anecdote() -> None:
    few = verdict(table(("ridge", 60.0, 3, 3), subjects=("S1",)))
    assert "1 held-out fold of one listener, about 3 min tested: an anecdote, not evidence." in few
    assert few[0] == (
        "No verdict on ridge: there are too few trials to tell a decoder from guessing; at 60 s: "
        "3 of 3 windows (100 %), chance level of independent windows 100 %."
    )


def test_a_label_that_never_changes_gives_no_verdict() -> None:
    trials = [record(i, 1, [0, 5]) for i in range(12)]
    said = verdict(table(("ridge", 30.0, 60, 60), subjects=("S1",)).assign(trials=[trials]))
    assert said[0].startswith(
        "No verdict on ridge: the attended stimulus has the same place in the list in all trials of"
        " a listener, so that attention cannot be told from a talker"
    )
    assert any(sentence.startswith("List the stimuli of all trials in one") for sentence in said)
    assert not any("above chance" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("subjects", "n_windows", "expected"),
    [
        (("S1",), 100, "this says nothing about how other listeners would do."),
        (("S1", "S2"), 5, "2 listeners, about 5 min tested: very little."),
    ],
)
def test_amount_of_data_is_named(subjects: tuple[str, ...], n_windows: int, expected: str) -> None:
    said = verdict(table(("ridge", 30.0, n_windows, n_windows), subjects=subjects))
    assert any(sentence.endswith(expected) for sentence in said)


def test_ample_data_raises_no_caution_about_its_amount() -> None:
    few, *cautions = verdict(table(("ridge", 30.0, 100, 80)))[1:]
    assert few.startswith("With 2 listeners no test over listeners can be significant (p is at le")
    assert cautions == [UNITS]


def test_few_windows_are_named_with_what_they_can_show() -> None:
    said = verdict(table(("ridge", 60.0, 8, 6)))
    level = re.search(r"chance level ([0-9.]+ %)", said[0]).group(1)
    assert (
        f"There are only 16 windows of 60 s: an accuracy below {level} means nothing there." in said
    )


def test_swapped_labels_are_suspected() -> None:
    suspicion = "not swapped"
    assert any(suspicion in said for said in verdict(table(("ridge", 30.0, 50, 15))))
    assert not any(suspicion in said for said in verdict(table(("ridge", 30.0, 50, 24))))


def test_comparison_between_decoders_is_called_descriptive() -> None:
    two = verdict(table(("ridge", 30.0, 50, 40), ("cca", 30.0, 50, 45)))
    assert any("descriptive" in sentence for sentence in two)


def test_two_tasks_in_one_number_are_told_and_how_each_is_tested() -> None:
    both = table(("ridge", 30.0, 20, 17))
    both.loc[1, "task"] = "match-mismatch"
    said = verdict(both)
    assert any("both tasks are pooled in these numbers" in sentence for sentence in said)
    assert any(
        "trials of a listener exchange their labels, and where one sound played the matching and "
        "the other segment change places" in sentence
        for sentence in said
    )
    assert not any("pooled in" in sentence for sentence in verdict(table(("ridge", 30.0, 20, 17))))
