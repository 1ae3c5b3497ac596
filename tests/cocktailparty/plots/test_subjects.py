import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cocktailparty.plots import subject_accuracies
from cocktailparty.statistics import mean_interval


@pytest.fixture
def ax() -> Axes:
    return Figure(layout="constrained").subplots()


def rows(decoders: str = "ab", n_subjects: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "decoder": name,
            "window": window,
            "subject": f"S{s}",
            "accuracy": rng.uniform(0.5, 0.9),
            "chance": 0.5,
        }
        for name in decoders
        for window in (5.0, 30.0)
        for s in range(n_subjects)
    )


def test_lines_are_subjects_and_diamonds_their_mean(ax: Axes) -> None:
    subjects = rows()
    assert subject_accuracies(subjects, ax=ax) is ax
    at = subjects[subjects["window"] == 30.0].pivot(
        index="subject", columns="decoder", values="accuracy"
    )
    lines = [np.asarray(line.get_ydata(), float) for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(lines, at.to_numpy())
    for container, column in zip(ax.containers, at.to_numpy().T, strict=True):
        mean, _, (whisker,) = container
        np.testing.assert_allclose(float(mean.get_ydata()[0]), column.mean())
        low, high = whisker.get_segments()[0][:, 1]
        np.testing.assert_allclose([low, high], mean_interval(column))
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [0.5]
    assert ax.get_title() == "30 s"


def test_windows_of_a_single_decoder_stand_side_by_side(ax: Axes) -> None:
    subject_accuracies(rows("a"), ax=ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["5", "30"]
    assert ax.get_title() == "a"


def test_who_lacks_a_decoder_has_a_shorter_line(ax: Axes) -> None:
    subjects = rows().drop(index=9)  # one of a at 30 s
    subject_accuracies(subjects, ax=ax)
    assert sum(np.isnan(np.asarray(line.get_ydata(), float)).any() for line in ax.lines) == 1


def test_no_share_above_one_is_on_the_axis(ax: Axes) -> None:
    few = rows(n_subjects=2)
    few.loc[::2, "accuracy"] = 0.99
    subject_accuracies(few, ax=ax)
    assert ax.get_ylim()[0] == 0
    assert 1 < ax.get_ylim()[1] < 1.05


def test_bad_input_is_refused(ax: Axes) -> None:
    with pytest.raises(
        ValueError, match=r"window=7 s is not in the table, which has \[5.0, 30.0\]"
    ):
        subject_accuracies(rows(), 7.0, ax)
    with pytest.raises(ValueError, match="no subject to draw"):
        subject_accuracies(rows().iloc[:0], ax=ax)
