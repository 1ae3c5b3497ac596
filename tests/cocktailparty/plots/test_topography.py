import mne
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cocktailparty.evaluation.clusters import cluster_test
from cocktailparty.plots import trf_topomap
from cocktailparty.plots.topography import channel_topomap, cluster_map

LAGS = np.arange(-2, 15) / 64


def standard(montage: str) -> tuple[list[str], np.ndarray]:
    positions = mne.channels.make_standard_montage(montage).get_positions()["ch_pos"]
    return list(positions), np.array(list(positions.values()))


@pytest.mark.parametrize("montage", ["biosemi32", "biosemi64", "biosemi128", "biosemi160"])
def test_maps_show_patterns_where_the_channels_are(montage: str) -> None:
    names, positions = standard(montage)
    # Positive on the right at first, on the left at last.
    patterns = positions[:, :1] * np.linspace(1, -1, len(LAGS))
    fig = trf_topomap(patterns, LAGS, names, fig=Figure())
    butterfly, *maps, colorbar = fig.axes
    assert len(maps) == 6
    assert len(butterfly.lines) == len(names)
    np.testing.assert_allclose(butterfly.lines[3].get_xdata(), 1e3 * LAGS)
    np.testing.assert_allclose(butterfly.lines[3].get_ydata(), patterns[3])
    images = [ax.images[0] for ax in maps]
    limit = np.abs(patterns).max()
    assert {image.get_clim() for image in images} == {(-limit, limit)}
    assert colorbar.get_xlim() == (-limit, limit)
    for image, sign in ((images[0], 1), (images[-1], -1)):
        field = np.ma.filled(image.get_array(), 0.0)
        middle = field.shape[1] // 2
        assert sign * field[:, middle + 5 :].mean() > 0
        assert sign * field[:, : middle - 5].mean() < 0
    # The middles of six equal segments of the lags, to the sample.
    assert [ax.get_title() for ax in maps] == [
        f"{1e3 * LAGS[i]:.0f} ms" for i in (1, 4, 7, 9, 12, 15)
    ]


def test_names_are_found_in_any_case_and_order() -> None:
    names, _ = standard("biosemi64")
    names = [name.upper() for name in reversed(names)]
    fig = trf_topomap(np.ones((64, 17)), LAGS, names, fig=Figure())
    assert len(fig.axes) == 8


def test_other_caps_are_looked_up_in_the_ten_five_system() -> None:
    fig = trf_topomap(np.eye(5, 17), LAGS, ["Cz", "T9", "M1", "FFC1h", "O2"], fig=Figure())
    assert len(fig.axes) == 8


@pytest.mark.parametrize("names", [None, ["Cz", "Fz", "Pz", "EXG1"], ["Cz", "Fz", "Pz", "Oz"]])
def test_unknown_positions_leave_the_lines(names: list[str] | None) -> None:
    fig = trf_topomap(np.eye(4, 17), LAGS, names, fig=Figure())
    (butterfly,) = fig.axes
    assert len(butterfly.lines) == 4
    assert "no topographies" in butterfly.get_title()


def test_three_channels_make_no_map() -> None:
    fig = trf_topomap(np.eye(3, 17), LAGS, ["Cz", "Fz", "Pz"], fig=Figure())
    assert len(fig.axes) == 1


def test_few_lags_make_few_maps() -> None:
    names, _ = standard("biosemi32")
    fig = trf_topomap(np.ones((32, 2)), [0.0, 0.1], names, fig=Figure())
    assert [ax.get_title() for ax in fig.axes[1:3]] == ["0 ms", "100 ms"]
    assert len(fig.axes) == 4


def test_a_pattern_of_zeros_can_be_drawn() -> None:
    names, _ = standard("biosemi32")
    fig = Figure()
    trf_topomap(np.zeros((32, 17)), LAGS, names, fig=fig)
    fig.draw_without_rendering()


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match=r"patterns have shape \(3, 16\) and lags \(17,\)"):
        trf_topomap(np.ones((3, 16)), LAGS, fig=Figure())
    with pytest.raises(ValueError, match="2 channel_names for 3 channels"):
        trf_topomap(np.ones((3, 17)), LAGS, ["a", "b"], fig=Figure())


def test_pyplot_is_used_only_without_a_figure() -> None:
    names, _ = standard("biosemi32")
    plt.close("all")
    trf_topomap(np.ones((32, 17)), LAGS, names, fig=Figure())
    assert not plt.get_fignums()
    assert trf_topomap(np.ones((32, 17)), LAGS, names) is plt.gcf()
    plt.close("all")


def test_one_value_a_channel_is_drawn_where_the_channel_is() -> None:
    names, positions = standard("biosemi64")
    ax = channel_topomap(positions[:, 0], names, Figure().subplots(), label="r")
    field = np.ma.filled(ax.images[0].get_array(), 0.0)
    middle = field.shape[1] // 2
    assert field[:, middle + 5 :].mean() > 0 > field[:, : middle - 5].mean()
    limit = np.abs(positions[:, 0]).max()
    assert ax.images[0].get_clim() == (-limit, limit)
    assert [other.get_ylabel() for other in ax.figure.axes[1:]] == ["r"]
    marked = channel_topomap(
        positions[:, 0], names, Figure().subplots(), limit=0.5, marked=np.arange(64) == 3
    )
    assert marked.images[0].get_clim() == (-0.5, 0.5)
    assert len(marked.figure.axes) == 1
    assert [len(line.get_xdata()) for line in marked.lines if line.get_marker() == "o"] == [1]


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        (np.ones(4), ["Cz", "Fz", "Pz", "EXG1"], "at least 4 channels, got 3"),
        (np.ones(4), ["X1", "X2", "X3", "X4"], "not those of the 10-05 system .*: state the mont"),
        (np.ones(4), ["A3", "B5", "B7", "A1"], "belong to several BioSemi caps"),
        (np.ones(3), ["Cz", "Fz", "Pz"], "at least 4 channels, got 3"),
        (np.ones(4), ["Cz", "Fz", "Pz", "Oz"], "not all on a line"),
        (np.ones(5), ["Cz", "Fz", "Pz", "Oz"], r"values have shape \(5,\) for 4 channel_names"),
        ([0, 1, 2, np.nan], ["C3", "Fz", "Pz", "Oz"], "values must be finite"),
    ],
)
def test_values_that_cannot_be_placed_are_refused(values, names, message) -> None:
    with pytest.raises(ValueError, match=message):
        channel_topomap(values, names, Figure().subplots())


def test_significant_clusters_stand_out_over_channels_and_over_the_head(rng) -> None:
    names = ["Oz", "Fp1", "Fz", "Cz", "Pz"]
    responses = 0.2 * rng.normal(size=(9, 5, 17))
    responses[:, 2:4, 6:9] += 1
    test = cluster_test(responses, LAGS, names, threshold=6, n_permutations=64, random_state=0)
    fig = cluster_map(test, fig=Figure())
    above, _, below = fig.axes
    assert above.get_title() == "1 cluster with p <= 0.05"
    # from back to front: Oz, Pz, Cz, Fz, Fp1
    shown = above.images[1].get_array()
    order = [0, 4, 3, 2, 1]
    np.testing.assert_array_equal(shown.mask, ~test.clusters[0][order])
    np.testing.assert_allclose(above.images[0].get_array(), test.t[order])
    np.testing.assert_allclose(
        above.images[0].get_extent()[:2], 1e3 * LAGS[[0, -1]] + [-7.8125, 7.8125]
    )
    assert below.get_title() == f"62 to 94 ms\np = {test.p_values[0]:.3g}"
    dots = [line for line in below.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [2]


def test_clusters_without_positions_have_no_maps(rng) -> None:
    responses = rng.normal(size=(9, 2, 17)) + 5
    fig = cluster_map(
        cluster_test(responses, LAGS, n_permutations=64, random_state=0), fig=Figure()
    )
    assert len(fig.axes) == 2
    assert fig.axes[0].get_title() == "2 clusters with p <= 0.05"
    assert fig.axes[0].get_ylabel() == "channel"
    fig.draw_without_rendering()
