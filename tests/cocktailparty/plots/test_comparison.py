import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.stats import pearsonr, zscore

from cocktailparty import plots
from cocktailparty.evaluation.summary import summarise
from cocktailparty.plots.style import COLORS

WINDOWS = [5.0, 20.0, 60.0]


@pytest.fixture
def ax() -> Axes:
    return Figure(layout="constrained").subplots()


def pooled(table: pd.DataFrame, **choice: object) -> list[float]:
    """Accuracy by window of some rows, counted one by one."""
    accuracy = []
    for window in WINDOWS:
        n = k = 0
        for row in table.to_dict("records"):
            if row["window"] == window and all(row[name] == v for name, v in choice.items()):
                n, k = n + row["n_windows"], k + row["n_correct"]
        accuracy.append(k / n)
    return accuracy


def lines_of(ax: Axes, width: float) -> list[np.ndarray]:
    return [
        np.asarray(line.get_ydata(orig=False)) for line in ax.lines if line.get_linewidth() == width
    ]


def test_accuracy_lines_are_pooled_counts(comparison: pd.DataFrame, ax: Axes) -> None:
    assert plots.accuracy_by_window(comparison, ax=ax) is ax
    subjects = ("S1", "S2", "S3")
    by_subject = [
        [pooled(comparison, decoder=decoder, subject=subject) for subject in subjects]
        for decoder in ("ridge", "guess")
    ]
    thin, bold = lines_of(ax, 0.7), lines_of(ax, 2.4)
    np.testing.assert_allclose(thin, np.concatenate(by_subject))
    np.testing.assert_allclose(bold, np.mean(by_subject, axis=1))
    for line in ax.lines:
        if line.get_linewidth() == 2.4:
            assert list(line.get_xdata()) == WINDOWS


def test_chance_band_reaches_to_the_one_sided_level(comparison: pd.DataFrame, ax: Axes) -> None:
    plots.accuracy_by_window(comparison, ax=ax)
    (band,) = ax.collections
    drawn = band.get_paths()[0].vertices
    summary = summarise(comparison)
    for window in WINDOWS:
        level = summary.loc[summary["window"] == window, "chance"].max()
        np.testing.assert_allclose(np.unique(drawn[drawn[:, 0] == window, 1]), [0.5, level])
    legend = ax.get_legend()
    said = legend.get_texts()[-1].get_text()
    assert said.endswith("one-sided 5 % level\n(highest of all decoders)")
    assert "mean over 3 subjects" in legend.get_title().get_text()


def test_chance_band_is_that_of_the_decoder_with_least_data(
    comparison: pd.DataFrame, ax: Axes
) -> None:
    short = comparison[(comparison["decoder"] == "ridge") | (comparison["fold"] == "a")]
    short = short.drop(columns="trials")
    plots.accuracy_by_window(short, ax=ax)
    # Three subjects with four windows of 60 s each: P(10 of 12 or more) = 1.9 %, of 9 7.3 %.
    drawn = ax.collections[0].get_paths()[0].vertices
    assert drawn[drawn[:, 0] == 60.0, 1].max() == pytest.approx(10 / 12)


def test_chance_of_three_stimuli_is_a_third(comparison: pd.DataFrame, ax: Axes) -> None:
    plots.accuracy_by_window(comparison.assign(n_stimuli=3), ax=ax)
    (dashed,) = (line for line in ax.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(dashed.get_ydata(), 1 / 3)


def test_accuracy_axes_are_honest(comparison: pd.DataFrame, ax: Axes) -> None:
    plots.accuracy_by_window(comparison, ax=ax)
    assert ax.get_xscale() == "log"
    assert list(ax.get_xticks()) == WINDOWS
    assert [text.get_text() for text in ax.get_xticklabels()] == ["5", "20", "60"]
    low, high = ax.get_ylim()
    assert low < min(0.5, *(line.min() for line in lines_of(ax, 0.7)))
    assert high >= 1


def test_single_subject_gets_wilson_whiskers(comparison: pd.DataFrame, ax: Axes) -> None:
    table = comparison[(comparison["subject"] == "S1") & (comparison["decoder"] == "ridge")]
    plots.accuracy_by_window(table, ax=ax)
    assert not lines_of(ax, 0.7)
    accuracy = pooled(table)
    np.testing.assert_allclose(lines_of(ax, 2)[0], accuracy)
    (whiskers,) = (c for c in ax.collections if isinstance(c, LineCollection))
    z = 1.959963984540054
    for segment, p, window in zip(whiskers.get_segments(), accuracy, WINDOWS, strict=True):
        n = table.loc[table["window"] == window, "n_windows"].sum()
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        np.testing.assert_allclose(segment[:, 1], [middle - half, middle + half], atol=1e-12)
        np.testing.assert_allclose(segment[:, 0], window)
        assert ax.get_ylim()[0] < middle - half
    assert "Wilson" in ax.get_legend().get_title().get_text()


def test_more_decoders_than_colours_and_odd_names_can_be_drawn(comparison: pd.DataFrame) -> None:
    names = ["_hidden", "cost $x_", "a<b>", *map(str, range(6))]
    ridge = comparison[comparison["decoder"] == "ridge"]
    table = pd.concat([ridge.assign(decoder=name) for name in names])
    figure = Figure()
    ax = plots.accuracy_by_window(table, ax=figure.subplots())
    figure.draw_without_rendering()
    shown = [text.get_text().replace("\\", "") for text in ax.get_legend().get_texts()]
    assert shown[:-1] == names
    drawn = [line for line in ax.lines if line.get_linewidth() == 2.4]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == len(names)


def test_scatter_draws_folds_of_the_longest_window(comparison: pd.DataFrame, ax: Axes) -> None:
    plots.correlation_scatter(comparison, ax=ax)
    longest = comparison[comparison["window"] == 60.0]
    for line, (_, rows) in zip(ax.lines, longest.groupby("decoder", sort=False), strict=False):
        np.testing.assert_array_equal(line.get_xdata(), rows["r_unattended"])
        np.testing.assert_array_equal(line.get_ydata(), rows["r_attended"])
    ridge = longest[longest["decoder"] == "ridge"]
    above = sum(ridge["r_attended"] > ridge["r_unattended"])
    assert f"ridge: {above} of 9 folds above the line ({100 * above / 9:.0f} %)" in ax.get_title()
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == ax.get_ylim()


def test_scatter_of_one_decoder_and_window(comparison: pd.DataFrame, ax: Axes) -> None:
    plots.correlation_scatter(comparison, window=5.0, decoder="guess", ax=ax)
    rows = comparison[(comparison["decoder"] == "guess") & (comparison["window"] == 5.0)]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), rows["r_attended"])
    # The colour that tells the decoder apart in the figure of all.
    assert to_hex(ax.lines[0].get_color()) == to_hex(COLORS[1])
    assert ax.get_title().startswith("means over windows of 5 s\nguess")


def test_scatter_leaves_undefined_scores_out(comparison: pd.DataFrame, ax: Axes) -> None:
    table = comparison.copy()
    first = table.index[table["window"] == 60.0][0]
    table.loc[first, "r_attended"] = np.nan
    plots.correlation_scatter(table, decoder="ridge", ax=ax)
    assert len(ax.lines[0].get_xdata()) == 8
    with pytest.raises(ValueError, match="no finite score of any decoder"):
        plots.correlation_scatter(table.assign(r_unattended=np.nan), ax=ax)
    with pytest.raises(ValueError, match=r"window=7 s is not in the table, which has \[5.0, 20"):
        plots.correlation_scatter(table, window=7.0, ax=ax)


def test_excerpt_draws_z_scores_in_rows(rng: np.random.Generator, ax: Axes) -> None:
    stimuli = rng.random((3, 640))
    reconstruction = stimuli[1] + rng.random(640)
    plots.reconstruction_excerpt(
        reconstruction, stimuli, 64.0, attended=1, start=2.0, duration=4.0, ax=ax
    )
    cut = slice(128, 384)
    made = zscore(reconstruction)[cut]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        f"{role}\nr = {pearsonr(reconstruction[cut], stimuli[i][cut])[0]:.2f}"
        for role, i in (("attended", 1), ("ignored", 0), ("ignored", 2))
    ]
    for row, i in enumerate((1, 0, 2)):
        offset = ax.get_yticks()[row]
        played, over = ax.lines[2 * row], ax.lines[2 * row + 1]
        np.testing.assert_allclose(played.get_ydata() - offset, zscore(stimuli[i])[cut])
        np.testing.assert_allclose(over.get_ydata() - offset, made)
        np.testing.assert_allclose(played.get_xdata(), np.arange(128, 384) / 64)


def test_excerpt_averages_features_and_ends_with_the_signal(
    rng: np.random.Generator, ax: Axes
) -> None:
    stimuli = rng.random((2, 320, 3)).astype(np.float32)
    stimuli[:, :, 2] = 0  # a silent band
    plots.reconstruction_excerpt(stimuli[0], stimuli, 64.0, attended=0, start=4.0, ax=ax)
    expected = zscore(stimuli[0, :, :2].astype(float)).sum(axis=1) / 3
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected[256:], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stimuli": np.zeros((2, 639))}, r"shape \(640,\) but stimuli \(2, 639\)"),
        ({"attended": 2}, "attended=2 is not an index into 2 stimuli"),
        ({"start": 10.0}, "no excerpt of 10 s from 10 s: the reconstruction lasts 10 s"),
        ({"duration": 0.0}, "no excerpt of 0 s"),
    ],
)
def test_excerpt_refuses_what_does_not_fit(
    rng: np.random.Generator, ax: Axes, change: dict, message: str
) -> None:
    arguments = {
        "reconstruction": rng.random(640),
        "stimuli": rng.random((2, 640)),
        "sfreq": 64.0,
        "attended": 0,
    }
    with pytest.raises(ValueError, match=message):
        plots.reconstruction_excerpt(**{**arguments, **change}, ax=ax)
    assert not ax.lines


def test_pyplot_is_used_only_without_axes(
    comparison: pd.DataFrame, rng: np.random.Generator
) -> None:
    draw = {
        "accuracy": lambda ax: plots.accuracy_by_window(comparison, ax=ax),
        "scatter": lambda ax: plots.correlation_scatter(comparison, ax=ax),
        "excerpt": lambda ax: plots.reconstruction_excerpt(
            rng.random(99), rng.random((2, 99)), 9.0, 0, ax=ax
        ),
        "path": lambda ax: plots.regularisation_path(rng.random((3, 4)), [1, 2, 3], ax=ax),
    }
    plt.close("all")
    for function in draw.values():
        given = Figure().subplots()
        assert function(given) is given
        assert not plt.get_fignums()
    for n, function in enumerate(draw.values(), start=1):
        assert function(None).figure is plt.gcf()
        assert len(plt.get_fignums()) == n
    plt.close("all")
