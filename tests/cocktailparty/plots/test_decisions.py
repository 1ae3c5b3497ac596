import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cocktailparty.metrics import ShiftTest
from cocktailparty.plots.decisions import follows_text, plot_decisions
from cocktailparty.plots.style import COLORS


@pytest.fixture
def table(rng):
    columns = {"start": np.arange(6.0), "end": np.arange(6.0) + 4}
    for k in range(3):
        probability = rng.uniform(0.2, 0.4, size=6)
        columns |= {f"score_{k}": rng.normal(size=6), f"probability_{k}": probability}
        columns |= {f"low_{k}": probability - 0.1, f"high_{k}": probability + 0.1}
    return pd.DataFrame(columns)


def test_probabilities_bands_and_scores_are_drawn(table):
    figure = Figure()
    assert plot_decisions(table, ["left", "right", "$middle"], figure) is figure
    above, beneath = figure.axes
    lines = [line for line in above.lines if len(line.get_xdata()) == 6]
    for k, line in enumerate(lines):
        assert to_hex(line.get_color()).upper() == COLORS[k]
        np.testing.assert_array_equal(line.get_xdata(), table["end"])
        np.testing.assert_array_equal(line.get_ydata(), table[f"probability_{k}"])
        np.testing.assert_array_equal(beneath.lines[k].get_ydata(), table[f"score_{k}"])
        band = above.collections[k].get_paths()[0].vertices[:, 1]
        assert band.min() == table[f"low_{k}"].min()
        assert band.max() == table[f"high_{k}"].max()
    assert len(lines) == 3
    assert [1 / 3, 1 / 3] in [list(line.get_ydata()) for line in above.lines]
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert labels == ["left", "right", r"\$middle"]
    assert "(s)" in beneath.get_xlabel()
    assert "4 s" in beneath.get_ylabel()
    assert above.get_ylabel()


def test_without_a_figure_pyplot_makes_one(table):
    figure = plot_decisions(table)
    assert figure.number in plt.get_fignums()
    assert figure.axes[0].get_legend().get_texts()[2].get_text() == "sound 2"
    plt.close(figure)


def test_a_table_of_something_else_is_refused(table):
    with pytest.raises(ValueError, match="no decisions"):
        plot_decisions(table[["start", "end"]], figure=Figure())
    with pytest.raises(ValueError, match="no decisions"):
        plot_decisions(table[:0], figure=Figure())
    with pytest.raises(ValueError, match="2 names for the 3 sounds"):
        plot_decisions(table, ["a", "b"], Figure())


def test_none_and_notes_are_drawn(table):
    figure = plot_decisions(table.assign(follows_none=0.8), figure=Figure(), note="It $ follows.")
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[-1] == "follows none: 0.80"
    assert figure.axes[1].get_title(loc="left") == r"It \$ follows."
    unknown = plot_decisions(table.assign(follows_none=np.nan), figure=Figure())
    assert len(unknown.axes[0].get_legend().get_texts()) == 3


def test_words_for_a_recording_that_follows_and_for_one_that_does_not():
    null = np.linspace(-0.1, 0.1, 99)
    assert follows_text(ShiftTest(0.2, null)).startswith("The EEG follows the sounds: score 0.200")
    text = follows_text(ShiftTest(0.0, null))
    assert text.startswith("Nothing shows that the EEG follows any sound: score 0.000, at most 0.1")
    assert text.endswith("p = 0.51. Trust no decision.")
