"""Figures of a report, with their captions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cocktailparty.attention_task import task_of, words
from cocktailparty.electrodes.montages import Places, places_of
from cocktailparty.evaluation.patterns import Pattern, pattern_of
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Length of the reconstruction shown, in seconds.
EXCERPT = 10.0


class Picture(NamedTuple):
    """A figure of the report: name of its file without extension, title, caption and figure."""

    name: str
    title: str
    caption: str
    figure: "Figure"


def pictures(
    table: "pd.DataFrame",
    summary: "pd.DataFrame",
    trials: Sequence[Trial],
    decoders: Mapping[str, Any],
    patterns: Mapping[str, Pattern | None],
    held_out: Trial | None,
    reconstructions: Mapping[str, Any],
    subjects: "pd.DataFrame",
) -> Iterator[Picture]:
    """Draw the figures of a comparison one after the other: accuracy, scores, patterns, examples.

    Takes the tables of `cocktailparty.evaluation.compare` and `summarise`, the trials, by the
    names of the decoders: fitted decoders, averaged patterns, and reconstructions (n_times,
    n_features) of the labelled trial `held_out`; and the table of `subject_rows`.
    """
    from matplotlib.figure import Figure

    from cocktailparty import plots
    from cocktailparty.plots.comparison import score_limits

    terms = words(task_of(table))
    highest = ", up to the highest of the chance levels in the table of results" * (
        table["decoder"].nunique() > 1
    )
    figure = Figure((8.0, 4.4), layout="constrained")
    plots.accuracy_by_window(table, ax=figure.subplots(), summary=summary)
    yield Picture(
        "accuracy",
        "Accuracy by decision window",
        f"Share of windows in which the {terms.right} was chosen; the folds of a subject are "
        "pooled. The grey band tells what guessing reaches with all windows pooled"
        f"{highest}; a single subject's line rests on fewer windows and scatters more widely.",
        figure,
    )
    if subjects["subject"].nunique() > 1:
        yield _listeners(subjects)
    finite = np.isfinite(table["r_attended"]) & np.isfinite(table["r_unattended"])
    scored = table.loc[finite, "decoder"].unique()
    if len(scored):
        n_columns = min(len(scored), 2)
        n_rows = -(-len(scored) // n_columns)
        figure = Figure((8.0, 4.3 * n_rows), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        longest = table[finite & (table["window"] == table.loc[finite, "window"].max())]
        correlating = [name for name in scored if name in reconstructions]
        # Correlations of several decoders are of one kind: one range shows them side by side.
        shared = longest[longest["decoder"].isin(correlating)]
        for name, ax in zip(scored, axes, strict=False):
            kind: dict[str, Any] = {}
            if name in correlating and len(shared):
                kind = {"score": "r with", "limits": score_limits(shared)}
            plots.correlation_scatter(table, ax=ax, decoder=name, **kind)
        for ax in axes[len(scored) :]:
            ax.remove()
        yield Picture(
            "scores",
            f"Scores of the {terms.right} and the {terms.other}",
            "A point for each test fold of each subject: mean score over its windows. That is "
            "Pearson's r, on the same axes, for decoders that reconstruct; others have scales of "
            f"their own. Above the dashed line the {terms.right} scores higher.",
            figure,
        )
    yield from _pattern_pictures(trials, decoders, patterns)
    if held_out is not None:
        start = max(0.0, (held_out.duration - EXCERPT) / 2)
        label = "/".join(name_part for name_part in (held_out.subject, held_out.name) if name_part)
        for i, (name, reconstruction) in enumerate(reconstructions.items(), start=1):
            figure = Figure((8.0, 1.2 + 1.5 * held_out.n_stimuli), layout="constrained")
            plots.reconstruction_excerpt(
                reconstruction,
                held_out.stimuli,
                held_out.sfreq,
                int(attended_labels([held_out])[0]),
                start=start,
                duration=EXCERPT,
                ax=figure.subplots(),
            )
            yield Picture(
                f"reconstruction-{i}-{_slug(name)}",
                f"Reconstruction by {name}",
                f"The middle {min(EXCERPT, held_out.duration):g} s of the held-out trial {label}, "
                "chosen by place and not by result. The same reconstruction is laid over each "
                "stimulus; r is Pearson's, over the excerpt.",
                figure,
            )


def _listeners(subjects: "pd.DataFrame") -> Picture:
    """Draw a panel for each window, or one with all windows of a single decoder."""
    from matplotlib.figure import Figure

    from cocktailparty import plots

    single = subjects["decoder"].nunique() == 1
    windows = [None] if single else np.sort(subjects["window"].unique()).tolist()
    n_columns = 2 if len(windows) == 4 else min(len(windows), 3)
    n_rows = -(-len(windows) // n_columns)
    figure = Figure((8.0, 0.6 + 3.0 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for window, ax in zip(windows, axes.ravel(), strict=False):
        plots.subject_accuracies(subjects, window, ax)
        ax.label_outer()
    for place, ax in enumerate(axes.ravel()[len(windows) :], start=len(windows)):
        ax.set_visible(False)
        axes.ravel()[place - n_columns].tick_params(labelbottom=True)  # nothing is below it
    across = "the windows" if single else "the decoders; a panel for each window"
    return Picture(
        "listeners",
        "Accuracy of each listener",
        f"A thin line is a listener and connects {across}. Diamonds are means over listeners with "
        "their 95 % interval by Student's t; the dashed line is chance.",
        figure,
    )


def _pattern_pictures(
    trials: Sequence[Trial], decoders: Mapping[str, Any], patterns: Mapping[str, Pattern | None]
) -> Iterator[Picture]:
    from matplotlib.figure import Figure

    from cocktailparty import plots

    names = trials[0].channel_names if trials else None
    # Patterns are those of the first listener's channels.
    trials = [
        t for t in trials if t.channel_names == names and t.n_channels == trials[0].n_channels
    ]
    for i, (name, decoder) in enumerate(decoders.items(), start=1):
        pattern = patterns.get(name)
        if pattern is None:
            fitted_pattern = pattern_of(decoder)
            if fitted_pattern is None:
                continue
            pattern = Pattern(fitted_pattern[0], None, fitted_pattern[1], "unit of EEG", "1 fold")
        places = _places(trials, len(pattern.mean))
        figure = Figure((8.0, 4.8), layout="constrained")
        plots.trf_topomap(
            pattern.mean,
            pattern.lags,
            names if names and len(names) == len(pattern.mean) else None,
            fig=figure,
            positions=None if isinstance(places, str) else places.positions,
            spread=pattern.spread,
            spread_label=f"± one SD over {pattern.origin}",
            label=f"pattern\n({pattern.unit} / unit of feature)",
        )
        spread = "; the bands are one standard deviation" if pattern.spread is not None else ""
        where = places if isinstance(places, str) else f"Positions: {places.source}."
        yield Picture(
            f"pattern-{i}-{_slug(name)}",
            f"Pattern of {name}",
            "How the EEG follows the reconstructed stimulus, by lag (mean over features, or the "
            "first component; Haufe's transformation of the weights): mean over "
            f"{pattern.origin}{spread}. Lines are channels, coloured by their place on the head "
            f"where it is known; topographies show the lags marked by vertical lines. {where}",
            figure,
        )


def _places(trials: Sequence[Trial], n_channels: int) -> Places | str:
    """Where the channels are, or why that is unknown."""
    first = next((trial for trial in trials if trial.n_channels == n_channels), None)
    if first is None:
        return "No topographies: the positions of the channels are unknown."
    try:
        return places_of([t for t in trials if t.channel_names == first.channel_names])
    except ValueError as error:
        return f"No topographies: {error}."


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
