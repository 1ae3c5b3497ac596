"""Figures of a comparison: accuracy, correlations, reconstructions and patterns of decoders.

Every function draws into the axes (or figure) that it is given and returns it. Without one it
makes a pyplot figure, which notebooks and ``matplotlib.pyplot.show`` display.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from cocktailparty.attention_task import task_of, words
from cocktailparty.backend import to_numpy
from cocktailparty.evaluation.summary import pool, summarise
from cocktailparty.plots.style import COLORS, MARKERS, axes_for, plain, sober

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def accuracy_by_window(
    table: "pd.DataFrame", ax: "Axes | None" = None, summary: "pd.DataFrame | None" = None
) -> "Axes":
    """Draw accuracy against the length of the decision window.

    Bold lines are means over subjects, thin lines single subjects with their folds pooled. A
    single subject gets whiskers instead: the 95 % Wilson interval of the share of right windows.
    The band reaches from guessing to the accuracy that guessing reaches with a probability of at
    most 5 %, all windows of a decoder pooled. The legend stands beside the axes, where figures
    with ``layout="constrained"`` make room for it.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.
    summary : DataFrame, optional
        From `cocktailparty.evaluation.summarise`, where it is known already.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into; window in seconds on a logarithmic axis, accuracy as a share.

    Raises
    ------
    ValueError
        If the table lacks a column or holds no decision.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"decoder": "ridge", "subject": ["S1", "S2"], "window": 30.0,
    ...                       "n_windows": 20, "n_correct": [16, 18], "n_stimuli": 2})
    >>> ax = accuracy_by_window(table, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['30']
    """
    subjects = pool(table, ["decoder", "subject", "window"])
    overall = summarise(table) if summary is None else summary
    one_subject = subjects["subject"].nunique(dropna=False) == 1
    ax = axes_for(ax, (8.0, 4.4))
    windows = np.sort(overall["window"].unique())
    limits = (windows[0] / 1.2, windows[-1] * 1.2)
    lowest = float(subjects["accuracy"].min())
    handles: list[tuple[Any, str]] = []
    for i, (decoder, color, marker) in enumerate(_styles(overall)):
        rows = subjects[subjects["decoder"] == decoder]
        if one_subject:
            # Whiskers of several decoders at one window would hide each other.
            shift = 1.03 ** (i - (overall["decoder"].nunique() - 1) / 2)
            whiskers = _wilson(rows)
            lowest = min(lowest, float((rows["accuracy"] - whiskers[0]).min()))
            drawn = ax.errorbar(
                rows["window"] * shift,
                rows["accuracy"],
                yerr=whiskers,
                color=color,
                marker=marker,
                lw=2,
                elinewidth=1,
                capsize=3,
                zorder=3,
            )[0]
        else:
            for _, single in rows.groupby("subject", sort=False, dropna=False):
                ax.plot(single["window"], single["accuracy"], color=color, lw=0.7, alpha=0.4)
            mean = rows.groupby("window")["accuracy"].mean()
            drawn = ax.plot(mean.index, mean, color=color, marker=marker, lw=2.4, zorder=3)[0]
        handles.append((drawn, plain(decoder)))
    lowest_guess, band = _draw_chance(ax, overall, limits)
    handles.append(
        (
            band,
            "guessing, all windows pooled:\nfrom chance (dashed) to the\none-sided 5 % level"
            + "\n(highest of all decoders)" * (overall["decoder"].nunique() > 1),
        )
    )
    n_subjects = subjects["subject"].nunique(dropna=False)
    # Beside the axes nothing is hidden: curves may pass anywhere inside them.
    ax.legend(
        *zip(*handles, strict=True),
        title="one subject,\nwhiskers: 95 % binomial\ninterval (Wilson)"
        if one_subject
        else f"bold: mean over {n_subjects} subjects\nthin: single subjects",
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )
    ax.set_xscale("log")
    ax.set_xticks(windows, [f"{window:g}" for window in windows])
    ax.minorticks_off()
    bottom = max(-0.02, min(lowest_guess - 0.15, lowest - 0.05))
    ax.set(xlim=limits, ylim=(bottom, 1.02), xlabel="decision window (s)", ylabel="accuracy")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    sober(ax)
    return ax


def correlation_scatter(
    table: "pd.DataFrame",
    window: float | None = None,
    ax: "Axes | None" = None,
    decoder: str | None = None,
    *,
    score: str = "score of",
    limits: tuple[float, float] | None = None,
) -> "Axes":
    """Draw the score of the attended stimulus against that of its competitors, fold by fold.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    window : float, optional
        Window length in seconds; None for the longest of the table, whose scores are steadiest.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.
    decoder : str, optional
        The only decoder to draw, in the colour that it has among all; None for all.
    score : str
        What the scores are, before the name of the stimulus, such as "r with".
    limits : (float, float), optional
        Ends of both axes, where figures are to be compared; None for those of the scores.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into. The title tells how many folds lie above the identity line.

    Raises
    ------
    ValueError
        If the table has no row of that decoder and window with finite scores.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"decoder": "ridge", "window": 30.0, "r_attended": [0.12, 0.05],
    ...                       "r_unattended": [0.04, 0.06]})
    >>> ax = correlation_scatter(table, ax=Figure().subplots())
    >>> print(ax.get_title())
    means over windows of 30 s
    ridge: 1 of 2 folds above the line (50 %)
    """
    scored = table[np.isfinite(table["r_attended"]) & np.isfinite(table["r_unattended"])]
    if decoder is not None:
        scored = scored[scored["decoder"] == decoder]
    windows = np.sort(scored["window"].unique())
    if not len(windows):
        raise ValueError(f"table holds no finite score of {decoder or 'any decoder'}")
    if window is None:
        window = windows[-1]
    elif window not in windows:
        raise ValueError(f"window={window:g} s is not in the table, which has {windows.tolist()} s")
    scored = scored[scored["window"] == window]
    ax = axes_for(ax, (5.2, 5.2))
    shares = []
    for name, color, marker in _styles(table):
        rows = scored[scored["decoder"] == name]
        if rows.empty:
            continue
        x, y = rows["r_unattended"].to_numpy(), rows["r_attended"].to_numpy()
        above = int((y > x).sum())
        ax.plot(x, y, marker, color=color, alpha=0.65, mec="white", mew=0.5, label=plain(name))
        shares.append(
            f"{plain(name)}: {above} of {len(x)} folds above the line "
            f"({100 * above / len(x):.0f} %)"
        )
    terms = words(task_of(table))
    limits = score_limits(scored) if limits is None else limits
    ax.axline((limits[0], limits[0]), slope=1, color="0.5", ls="--", lw=1, zorder=0)
    ax.set(
        xlim=limits,
        ylim=limits,
        xlabel=f"{score} the {terms.other}",
        ylabel=f"{score} the {terms.right}",
    )
    ax.set_aspect("equal", adjustable="box")
    ax.locator_params(nbins=5)
    ax.set_title("\n".join([f"means over windows of {window:g} s", *shares]), fontsize="small")
    if len(shares) > 1:
        ax.legend(loc="best", fontsize="small", handletextpad=0.2)
    sober(ax)
    ax.grid(axis="x", color="0.92")
    return ax


def score_limits(rows: "pd.DataFrame") -> tuple[float, float]:
    """Choose the ends of an axis for the finite scores of rows of a comparison."""
    values = rows[["r_unattended", "r_attended"]].to_numpy()
    values = values[np.isfinite(values)]
    pad = 0.08 * float(np.ptp(values) or 1.0)
    return float(values.min()) - pad, float(values.max()) + pad


def reconstruction_excerpt(
    reconstruction: Any,
    stimuli: Any,
    sfreq: float,
    attended: int,
    start: float = 0.0,
    duration: float = 10.0,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Draw a segment of a reconstruction over each stimulus.

    A row for each stimulus, the attended one on top, with the reconstruction laid over it. All
    are z-scored over their whole length; several features are z-scored, then averaged.

    Parameters
    ----------
    reconstruction : array of shape (n_times,) or (n_times, n_features)
        Reconstruction of a decoder.
    stimuli : array of shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features)
        Stimuli that played.
    sfreq : float
        Sampling rate in hertz.
    attended : int
        Index of the attended stimulus.
    start : float
        Beginning of the excerpt in seconds.
    duration : float
        Its length in seconds; the end of the signals may come earlier.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into. Row labels give Pearson's r over the excerpt.

    Raises
    ------
    ValueError
        If shapes disagree, `attended` is no index into the stimuli, or the excerpt is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> envelopes = np.random.default_rng(0).random((2, 640))
    >>> ax = reconstruction_excerpt(envelopes[1], envelopes, 64.0, 1, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['attended\nr = 1.00', 'ignored\nr = -0.03']
    """
    reconstruction, stimuli = to_numpy(reconstruction), to_numpy(stimuli)
    if stimuli.shape[1 : 1 + reconstruction.ndim] != reconstruction.shape or stimuli.ndim > 3:
        raise ValueError(
            f"reconstruction has shape {reconstruction.shape} but stimuli {stimuli.shape}: "
            "expected (n_times, ...) and (n_stimuli, n_times, ...), one of them for the other"
        )
    if not 0 <= attended < len(stimuli):
        raise ValueError(f"attended={attended} is not an index into {len(stimuli)} stimuli")
    first, last = round(start * sfreq), round((start + duration) * sfreq)
    if not (0 <= first < len(reconstruction) and first + 1 < last):
        raise ValueError(
            f"no excerpt of {duration:g} s from {start:g} s: the reconstruction lasts "
            f"{len(reconstruction) / sfreq:g} s"
        )
    shown = slice(first, last)
    shown_reconstruction = _z_scored(reconstruction)[shown]
    played = [_z_scored(stimulus)[shown] for stimulus in stimuli]
    times = np.arange(first, first + len(shown_reconstruction)) / sfreq
    ax = axes_for(ax, (8.0, 1.2 + 1.5 * len(stimuli)))
    # Ordinary envelopes stay within -2 and 5 standard deviations: rows this far apart do not mix.
    distance = 7.0
    rows = [attended, *(i for i in range(len(stimuli)) if i != attended)]
    labels, lines = [], {}
    # Nobody can be said to attend a sound that plays alone.
    right = "attended" if len(stimuli) > 1 else "played"
    for row, i in enumerate(rows):
        offset = -distance * row
        role, color = (right, COLORS[0]) if i == attended else ("ignored", "0.55")
        ax.fill_between(
            times, played[i] + offset, offset + played[i].min(), color=color, alpha=0.25, lw=0
        )
        lines[role] = ax.plot(times, played[i] + offset, color=color, lw=1.2)[0]
        above = ax.plot(times, shown_reconstruction + offset, color=COLORS[1], lw=1.2)[0]
        labels.append(f"{role}\nr = {np.corrcoef(shown_reconstruction, played[i])[0, 1]:.2f}")
    ax.set_yticks([-distance * row for row in range(len(rows))], labels)
    ax.set(xlim=(times[0], times[-1]), xlabel="time (s)")
    ax.set_ylabel(f"z score (rows {distance:g} SD apart)")
    ax.legend(
        [*lines.values(), above],
        [*lines, "reconstruction"],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        fontsize="small",
        frameon=False,
    )
    sober(ax)
    return ax


def _draw_chance(
    ax: "Axes", overall: "pd.DataFrame", limits: tuple[float, float]
) -> tuple[float, Any]:
    """Band of guessing over the whole width; where decoders differ, the one with least data."""
    counts = overall.groupby("window").agg(n_stimuli=("n_stimuli", "min"), chance=("chance", "max"))
    guess, level = 1 / counts["n_stimuli"].to_numpy(), counts["chance"].to_numpy()
    x = np.array([limits[0], *counts.index, limits[1]])
    guess, level = (np.pad(values, 1, mode="edge") for values in (guess, level))
    band = ax.fill_between(x, guess, level, color="0.5", alpha=0.2, lw=0, zorder=0)
    ax.plot(x, guess, color="0.5", lw=1, ls="--", zorder=1)
    return float(guess.min()), band


def _wilson(rows: "pd.DataFrame") -> np.ndarray:
    """Distances down and up to the ends of the 95 % Wilson interval."""
    from cocktailparty.metrics import accuracy_interval

    ends = [
        accuracy_interval(k, n) for k, n in zip(rows["n_correct"], rows["n_windows"], strict=True)
    ]
    accuracy = rows["accuracy"].to_numpy()
    distances = [accuracy - [low for low, _ in ends], [high for _, high in ends] - accuracy]
    return np.maximum(distances, 0.0)  # rounding at 0 and 100 %


def _z_scored(signal: np.ndarray) -> np.ndarray:
    columns = signal.reshape(len(signal), -1).astype(float)
    spread = columns.std(axis=0)
    z = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return z.mean(axis=1)


def _styles(table: "pd.DataFrame") -> Iterator[tuple[str, str, str]]:
    """Name, colour and marker of each decoder, in the order of the table."""
    for i, decoder in enumerate(table["decoder"].unique()):
        yield decoder, COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
