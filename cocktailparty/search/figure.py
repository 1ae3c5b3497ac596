"""Figure of a search: its course, and what the parameters do to the score."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.plots.style import COLORS, plain, sober
from cocktailparty.search.results import SearchResult
from cocktailparty.search.studies import quiet_optuna

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_search(result: SearchResult, figure: "Figure | None" = None) -> "Figure":
    """Draw the course of a search and the influence of the parameters, into a figure if given.

    Above, scores in the order of the trials and the importance of each parameter; below, the scores
    over each of the three most important ones. Without a figure a pyplot figure is made.
    """
    if figure is None:
        from matplotlib import pyplot as plt

        figure = plt.figure(figsize=(9, 6.5), layout="constrained")
    importance = _importances(result)
    grid = figure.add_gridspec(2, 6)
    history, bars = figure.add_subplot(grid[0, :4]), figure.add_subplot(grid[0, 4:])
    _draw_history(history, result)
    _draw_importances(bars, importance)
    shown = list(importance)[:3]
    width = 6 // max(len(shown), 1)
    first: Axes | None = None
    for i, name in enumerate(shown):
        cells = grid[1, i * width : (i + 1) * width]
        ax = figure.add_subplot(cells, sharey=first)
        _draw_parameter(ax, result, name, labelled=first is None)
        first = first or ax
    return figure


def _importances(result: SearchResult) -> dict[str, float | None]:
    """Rank the parameters, most important first; None where too few trials tell."""
    names = list(
        dict.fromkeys(n for t in result.study.get_trials(deepcopy=False) for n in t.params)
    )
    complete = result.table[result.table["state"] == "complete"]
    if len(complete) >= 4 and complete["score"].nunique() > 1:
        with quiet_optuna() as optuna, warnings.catch_warnings():
            # Few trials are said in the figure.
            warnings.simplefilter("ignore")
            importances = optuna.importance.get_param_importances(result.study)
        return {**importances, **{name: None for name in names if name not in importances}}
    return dict.fromkeys(names)


def _points(ax: "Axes", result: SearchResult, x: Any) -> None:
    kinds = (
        ("stopped early", "0.6", "x", "stopped early (fewer folds)"),
        ("complete", COLORS[0], "o", "complete"),
    )
    for state, color, marker, label in kinds:
        rows = (result.table["state"] == state).to_numpy()
        if rows.any():
            scores = 100 * result.table["score"][rows]
            ax.plot(np.asarray(x)[rows], scores, marker, ms=5, color=color, label=label)


def _draw_history(ax: "Axes", result: SearchResult) -> None:
    from matplotlib.ticker import MaxNLocator

    number = result.table["trial"].to_numpy()
    _points(ax, result, number)
    complete = result.table[result.table["state"] == "complete"]
    best = 100 * complete["score"].cummax()
    ax.step(
        [*complete["trial"], number[-1]],
        [*best, best.iloc[-1]],
        where="post",
        color=COLORS[1],
        label="best so far (optimistic)",
    )
    ax.axhline(100 * result.guess, color="0.5", ls="--", lw=1, label="chance")
    if result.held_out is not None:
        low, high = (100 * edge for edge in result.held_out.interval)
        accuracy = 100 * result.held_out.accuracy
        ax.errorbar(
            number[-1] + 0.03 * max(len(number), 10),
            accuracy,
            [[accuracy - low], [high - accuracy]],
            fmt="D",
            color=COLORS[2],
            capsize=3,
            label="best on held-out trials (95 %)",
        )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="trial of the search", ylabel=f"accuracy at {result.window:g} s (%)")
    ax.legend(fontsize="small", frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    sober(ax)


def _draw_importances(ax: "Axes", importance: dict[str, float | None]) -> None:
    importances = {name: value for name, value in importance.items() if value is not None}
    if not importances:
        ax.text(0.5, 0.5, "too few completed trials\nto rank parameters", ha="center", va="center")
        ax.set_axis_off()
        return
    names = list(importances)[::-1][-10:]
    ax.barh([plain(name) for name in names], [importances[name] for name in names], color=COLORS[0])
    ax.set_xlabel("share of influence\n(PED-ANOVA)")
    sober(ax)
    ax.grid(visible=False, axis="y")


def _draw_parameter(ax: "Axes", result: SearchResult, name: str, *, labelled: bool) -> None:
    values = result.table[name]
    if values.dtype.kind in "fiu":
        x = values.to_numpy(float)
        if np.nanmin(x) > 0 and np.nanmax(x) > 50 * np.nanmin(x):
            ax.set_xscale("log")
    else:
        kinds = sorted(values.dropna().astype(str).unique())
        x = np.array([kinds.index(str(v)) if str(v) in kinds else np.nan for v in values], float)
        ax.set_xticks(range(len(kinds)), [plain(kind) for kind in kinds], fontsize="small")
        if max(map(len, kinds)) > 3:
            ax.tick_params(axis="x", rotation=60)
    ax.axhline(100 * result.guess, color="0.5", ls="--", lw=1)
    _points(ax, result, x)
    at = (result.table["trial"] == result.best_trial).to_numpy()
    ax.plot(x[at], 100 * result.table["score"][at], "o", ms=11, mfc="none", mec=COLORS[1], mew=2)
    ax.set_xlabel(plain(name))
    if labelled:
        ax.set_ylabel(f"accuracy at {result.window:g} s (%)")
    sober(ax)
