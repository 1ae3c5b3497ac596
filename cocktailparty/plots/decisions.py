"""Figure of decisions over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cocktailparty.evaluation.summary import ALPHA
from cocktailparty.plots.style import COLORS, plain, sober

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cocktailparty.metrics import ShiftTest


def plot_decisions(
    table: "pd.DataFrame",
    names: Sequence[str] | None = None,
    figure: "Figure | None" = None,
    note: str = "",
) -> "Figure":
    """Draw the probability of each sound over time, and the scores of the windows beneath.

    Bands reach from `low` to `high` of the table. The dotted line is where nothing is known. The
    dashed grey line is the probability that no sound is followed more than the others, if the table
    has it.

    Parameters
    ----------
    table : DataFrame
        From `cocktailparty.decoding.TrainedModel.decode`.
    names : sequence of str, optional
        Names of the sounds; None to number them.
    figure : matplotlib.figure.Figure, optional
        Where to draw; None for a new pyplot figure.
    note : str
        Remark on the recording, such as `follows_text`; put between the two panels.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure; time in seconds, at the end of each window.

    Raises
    ------
    ValueError
        If the table has no rows, or there is not one name for each sound.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"start": [0.0, 5.0], "end": [5.0, 10.0]})
    >>> for k, probability in enumerate([0.6, 0.4]):
    ...     table[[f"{what}_{k}" for what in ("score", "low", "high")]] = 0.1, 0.3, 0.7
    ...     table[f"probability_{k}"] = probability
    >>> figure = plot_decisions(table, ["left", "right"], Figure())
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['left', 'right']
    """
    n_stimuli = sum(str(column).startswith("score_") for column in table)
    if not len(table) or not n_stimuli:
        raise ValueError("table holds no decisions: pass what TrainedModel.decode returns")
    names = [f"sound {k}" for k in range(n_stimuli)] if names is None else names
    if len(names) != n_stimuli:
        raise ValueError(f"{len(names)} names for the {n_stimuli} sounds of the table")
    if figure is None:
        from matplotlib import pyplot as plt

        figure = plt.figure(figsize=(9.0, 5.2), layout="constrained")
    above, beneath = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    time = table["end"]
    for k, name in enumerate(names):
        color = COLORS[k % len(COLORS)]
        band = table[f"low_{k}"], table[f"high_{k}"]
        above.fill_between(time, *band, color=color, alpha=0.15, lw=0)
        above.plot(time, table[f"probability_{k}"], color=color, lw=2, label=plain(name))
        beneath.plot(time, table[f"score_{k}"], color=color, marker="o", ms=3, lw=1)
    above.axhline(1 / n_stimuli, color="0.4", lw=1, ls=":")
    none = table.get("follows_none")
    if none is not None and none.notna().all():
        label = f"follows none: {none.iloc[-1]:.2f}"
        above.plot(time, none, color="0.45", lw=1.5, ls="--", label=label)
    above.set(ylim=(-0.02, 1.02), ylabel="Probability that\nit was attended")
    above.legend(
        title="bands: middle 95 %",
        title_fontsize="small",
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=min(n_stimuli + 1, 4),
    )
    length = table["end"].iloc[0] - table["start"].iloc[0]
    beneath.axhline(0, color="0.4", lw=1, ls=":")
    beneath.set(
        xlabel="Time in the recording, end of the window (s)",
        ylabel=f"Score in\nwindows of {length:g} s",
    )
    if note:
        beneath.set_title(plain(note), fontsize="small", loc="left")
    for ax in (above, beneath):
        sober(ax)
    return figure


def follows_text(test: "ShiftTest") -> str:
    """Say whether a recording follows any of its sounds.

    Parameters
    ----------
    test : ShiftTest
        From `cocktailparty.decoding.TrainedModel.follows`.

    Returns
    -------
    text : str
        One line.

    Examples
    --------
    >>> import numpy as np
    >>> from cocktailparty.metrics import ShiftTest
    >>> follows_text(ShiftTest(0.12, np.linspace(-0.05, 0.04, 99)))
    'The EEG follows the sounds: score 0.120, at most 0.040 under 99 shifts, p = 0.01.'
    """
    numbers = (
        f"score {test.observed:.3f}, at most {test.null.max():.3f} under {len(test.null)} shifts, "
        f"p = {test.p_value:.2g}."
    )
    if test.p_value <= ALPHA:
        return f"The EEG follows the sounds: {numbers}"
    return f"Nothing shows that the EEG follows any sound: {numbers} Trust no decision."
