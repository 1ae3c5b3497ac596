import pandas as pd
import pytest

from cocktailparty.verdict import verdict


def table(*counts: tuple, subjects: tuple[str, ...] = ("S1", "S2"), n_stimuli: int = 2):
    """Counts (decoder, window, n_windows, n_correct) for each subject."""
    rows = [(*count, subject) for count in counts for subject in subjects]
    columns = ["decoder", "window", "n_windows", "n_correct", "subject"]
    return pd.DataFrame(rows, columns=columns).assign(fold="story", n_stimuli=n_stimuli)


def test_statements_follow_the_data() -> None:
    assert verdict(table(("ridge", 30.0, 20, 17)))[0] == (
        "ridge decides above chance at 30 s: 34 of 40 windows (85 %), chance level 65 %."
    )
    assert verdict(table(("ridge", 30.0, 20, 11)))[0] == (
        "ridge does not beat chance at 30 s: 22 of 40 windows (55 %), chance level 65 %, p = 0.32."
    )


def test_correction_for_several_tests_changes_the_verdict() -> None:
    borderline = ("ridge", 30.0, 20, 13)
    alone = verdict(table(borderline))
    assert alone[0].startswith("ridge decides above chance at 30 s: 26 of 40")
    assert not any("Holm" in sentence for sentence in alone)
    among = verdict(table(borderline, *[(f"d{i}", 30.0, 20, 10) for i in range(4)]))
    assert among[0].startswith(
        "ridge exceeds the chance level of a single test, but not after correction for 5 tests, "
        "at 30 s: 26 of 40"
    )
    assert among[0].endswith("corrected p = 0.2.")
    assert any(sentence.startswith("5 tests were made") for sentence in among)


def test_windows_of_one_decoder_are_told_apart() -> None:
    said = verdict(table(("ridge", 5.0, 100, 52), ("ridge", 30.0, 20, 18), ("ridge", 60.0, 10, 10)))
    assert "at 30 s: 36 of 40 windows (90 %)" in said[0]
    assert "at 60 s: 20 of 20 windows (100 %)" in said[0]
    assert said[1].startswith("ridge does not beat chance at 5 s: 104 of 200")


def test_one_listener_with_little_data_is_an_anecdote() -> None:
    few = verdict(table(("ridge", 60.0, 3, 3), subjects=("S1",)))
    assert "1 held-out fold of one listener, about 3 min tested: an anecdote, not evidence." in few
    assert (
        "With 3 windows of 60 s even a faultless decoder could not be told from guessing "
        "(p = 0.125)." in few
    )
    assert few[0].startswith("ridge does not beat chance at 60 s: 3 of 3 windows (100 %)")


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
    said = verdict(table(("ridge", 30.0, 100, 80)))
    assert len(said) == 2
    assert "windows as independent" in said[1]


def test_few_windows_are_named_with_what_they_can_show() -> None:
    said = verdict(table(("ridge", 60.0, 4, 3)))
    assert "There are only 8 windows of 60 s: an accuracy below 87.5 % means nothing there." in said


def test_swapped_labels_are_suspected() -> None:
    suspicion = "not swapped"
    assert any(suspicion in said for said in verdict(table(("ridge", 30.0, 50, 15))))
    assert not any(suspicion in said for said in verdict(table(("ridge", 30.0, 50, 24))))


def test_comparison_between_decoders_is_called_descriptive() -> None:
    two = verdict(table(("ridge", 30.0, 50, 40), ("cca", 30.0, 50, 45)))
    assert any("descriptive" in sentence for sentence in two)
