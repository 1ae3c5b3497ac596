import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cocktailparty.plots.style import axes_for, plain, save_figure, sober


def test_given_axes_are_used_and_new_ones_are_made():
    given = Figure().subplots()
    assert axes_for(given, (3, 2)) is given
    assert not plt.get_fignums()
    made = axes_for(None, (3, 2))
    assert tuple(made.figure.get_size_inches()) == (3, 2)
    plt.close(made.figure)


def test_figures_for_print_stand_beside_the_png(tmp_path):
    figure = Figure((2, 2))
    figure.subplots().set_xlabel("lag (ms)")
    save_figure(figure, tmp_path / "a.png", ["pdf", "svg", "pdf"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg"]
    first = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert first[tmp_path / "a.pdf"].startswith(b"%PDF")
    assert b">lag (ms)</text>" in first[tmp_path / "a.svg"]  # text, and no outlines of letters
    save_figure(figure, tmp_path / "a.png", ["pdf", "svg"])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == first
    with pytest.raises(ValueError, match=r"pdf and svg beside png, got \['eps'\]"):
        save_figure(figure, tmp_path / "a.png", ["eps"])


def test_names_are_no_formulas():
    ax = Figure().subplots()
    text = ax.set_title(plain("$x_1"))
    ax.figure.canvas.draw()  # an unescaped dollar sign may not even be drawable
    assert text.get_text() == r"\$x_1"


def test_upper_and_right_edge_are_left_off():
    ax = Figure().subplots()
    sober(ax)
    assert [ax.spines[side].get_visible() for side in ("top", "right", "left", "bottom")] == [
        False,
        False,
        True,
        True,
    ]
