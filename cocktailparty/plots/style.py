"""Common style of all figures: colours, new axes, and what is left off them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's colours, which colour-blind readers can tell apart; yellow is too pale for lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP"


def axes_for(ax: "Axes | None", figsize: tuple[float, float]) -> "Axes":
    """Take the given axes, or make a pyplot figure with one, of a size in inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def plain(name: object) -> str:
    r"""Escape dollar signs, so that matplotlib does not take text for a formula.

    Examples
    --------
    >>> plain("cost $x")
    'cost \\$x'
    """
    return str(name).replace("$", r"\$")


def sober(ax: "Axes") -> None:
    """Leave off the frame's upper and right edge and add a faint horizontal grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92", zorder=0)
    ax.set_axisbelow(True)
