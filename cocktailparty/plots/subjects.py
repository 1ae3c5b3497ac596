"""Figure of a group: a line for each subject, and the interval of their mean."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from cocktailparty.plots.style import COLORS, axes_for, plain, sober
from cocktailparty.statistics import mean_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def subject_accuracies(
    subjects: "pd.DataFrame", window: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the accuracy of each subject, and the mean of all with its 95 % interval.

    A thin line is a subject. It connects the decoders at one window; of a single decoder, the
    windows. The interval is Student's t over subjects; of few subjects it may run past 100 %, where
    the axis ends. The dashed line is chance.

    Parameters
    ----------
    subjects : DataFrame
        Rows of `cocktailparty.evaluation.subject_rows`.
    window : float, optional
        Window length in seconds; None for the longest, and for all of them where there is a single
        decoder.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into, with accuracy as a share.

    Raises
    ------
    ValueError
        If there are no rows, or none of that window.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> subjects = pd.DataFrame({"decoder": ["ridge", "ridge", "cca", "cca"], "window": 30.0,
    ...                          "subject": ["S1", "S2"] * 2, "accuracy": [0.7, 0.8, 0.75, 0.9],
    ...                          "chance": 0.5})
    >>> ax = subject_accuracies(subjects, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['ridge', 'cca']
    """
    if subjects.empty:
        raise ValueError("there is no subject to draw")
    single = subjects["decoder"].nunique() == 1
    if window is None and not single:
        window = float(subjects["window"].max())
    rows = subjects if window is None else subjects[subjects["window"] == window]
    if rows.empty:
        raise ValueError(
            f"window={window:g} s is not in the table, which has "
            f"{np.sort(subjects['window'].unique()).tolist()} s"
        )
    by = "window" if single else "decoder"
    wide: Any = rows.pivot(index="subject", columns=by, values="accuracy")
    columns = sorted(wide) if single else list(rows["decoder"].unique())
    values = wide[columns].to_numpy(dtype=float)
    ax = axes_for(ax, (1.5 + 1.1 * len(columns), 4.0))
    x = np.arange(len(columns))
    for of_one in values:
        ax.plot(x, of_one, "-o", color="0.6", lw=0.8, ms=3, alpha=0.7, zorder=2)
    for i, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        low, high = mean_interval(known)
        mean = known.mean()
        ends = None if len(known) < 2 else [[mean - low], [high - mean]]
        color = COLORS[0 if single else i % len(COLORS)]
        ax.errorbar(i, mean, ends, fmt="D", color=color, ms=7, lw=2.5, capsize=5, zorder=3)
    ax.axhline(float(rows["chance"].mean()), color="0.5", ls="--", lw=1, zorder=1)
    labels = [f"{name:g}" if single else plain(name) for name in columns]
    ax.set_xticks(x, labels)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(0.0, 1.03), ylabel="accuracy")
    if single:
        ax.set_xlabel("decision window (s)")
    ax.set_title(plain(rows["decoder"].iloc[0]) if single else f"{window:g} s", fontsize="medium")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    sober(ax)
    return ax
