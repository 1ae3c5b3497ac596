"""Common style of all figures: colours, new axes, what is left off them, and formats of files."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's colours, which colour-blind readers can tell apart; yellow is too pale for lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP"
#: Formats for print that figures may be saved in beside PNG.
VECTOR_FORMATS = ("pdf", "svg")
# Text stays text that can be searched and edited; the same figure gives the same file.
_VECTOR_STYLE: Any = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "cocktailparty"}
_UNDATED: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def save_figure(figure: "Figure", path: Path, formats: Iterable[str] = ()) -> None:
    """Save a figure as PNG, named by `path`, and beside it in other `formats` for print.

    Each file is complete before it takes the place of an older one.
    """
    import matplotlib as mpl

    from cocktailparty.files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    for suffix in check_formats(formats):
        with (
            replacing(path.with_suffix(f".{suffix}")) as temporary,
            mpl.rc_context(_VECTOR_STYLE),
        ):
            figure.savefig(temporary, metadata=_UNDATED[suffix])


def check_formats(formats: Iterable[str]) -> list[str]:
    """Take formats for print; a ValueError if one of them is unknown."""
    wanted = list(dict.fromkeys(formats))
    unknown = [name for name in wanted if name not in VECTOR_FORMATS]
    if unknown:
        raise ValueError(
            f"figures can be saved as {' and '.join(VECTOR_FORMATS)} beside png, got {unknown}"
        )
    return wanted


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
