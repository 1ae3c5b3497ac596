from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cocktailparty.plots.style import axes_for, plain, sober


def test_given_axes_are_used_and_new_ones_are_made():
    given = Figure().subplots()
    assert axes_for(given, (3, 2)) is given
    assert not plt.get_fignums()
    made = axes_for(None, (3, 2))
    assert tuple(made.figure.get_size_inches()) == (3, 2)
    plt.close(made.figure)


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
