"""Self-contained HTML report of a comparison of decoders, with its tables and figures."""

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context

from cocktailparty.attention_task import ATTENTION
from cocktailparty.evaluation.patterns import Pattern
from cocktailparty.evaluation.permutation import ALPHA
from cocktailparty.evaluation.subjects import group_tests, subject_rows
from cocktailparty.evaluation.summary import summarise
from cocktailparty.evaluation.tested_trials import trial_rows
from cocktailparty.files import scratch_folder, write_csv
from cocktailparty.metrics.decisions import count_text
from cocktailparty.provenance import methods_text
from cocktailparty.report.figures import pictures
from cocktailparty.report.listeners import group_table, listeners_text
from cocktailparty.report.verdict import cautions, findings
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels
from cocktailparty.versions import versions

if TYPE_CHECKING:
    import pandas as pd

_STYLE = """
body { color: #222; }
.navbar-brand img, #filter-by-tags-dropdown-menu, .badge { display: none !important; }
#top-bar { background: #fff !important; box-shadow: none !important;
  border-bottom: 1px solid #ddd; }
#content { max-width: 64rem; }
.accordion-item { border: 0; }
.accordion-button, .accordion-button:not(.collapsed) { background: none; box-shadow: none;
  border-bottom: 1px solid #ddd; padding-left: 0; }
.accordion-button a { color: #222; font-size: 1.25rem; font-weight: 600; }
.accordion-button::after { filter: grayscale(1) opacity(.5); }
.accordion-body { padding: .8rem 0 1.4rem; }
.accordion-body .accordion-button { border: 0; }
.accordion-body .accordion-button a { font-size: 1rem; }
.accordion-body .accordion-body { padding-top: 0; }
figure img { width: 100%; }
figcaption { max-width: 50rem; margin: 0 auto; }
.cp li { margin-bottom: .35rem; max-width: 50rem; }
.cp p { max-width: 50rem; }
.cp-cautions { border-left: 3px solid #d9a400; background: #fdf8e8; padding: .6rem .8rem .3rem 0;
  margin-bottom: 1rem; }
.cp-scroll { overflow-x: auto; }
.cp table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
.cp th, .cp td { padding: .15rem .6rem; text-align: right; vertical-align: top; }
.cp th { border-bottom: 1px solid #888; font-weight: 600; vertical-align: bottom; }
.cp td { border-bottom: 1px solid #eee; white-space: nowrap; }
.cp tr.cp-first td { border-top: 1px solid #bbb; }
.cp th:first-child, .cp td:first-child { text-align: left; padding-left: 0; }
.cp table.cp-text td { text-align: left; white-space: pre-wrap; }
.cp table.cp-text td:first-child { color: #555; white-space: nowrap; }
.cp pre { background: #f6f6f6; padding: .6rem .8rem; white-space: pre-wrap; }
@media (max-width: 60rem) { #toc { display: none; }
  #content { margin-left: 0; width: 100%; max-width: none; } }
@media print { #toc, footer, .accordion-button::after { display: none; }
  #top-bar { position: static; }
  #content { margin: 0; width: 100%; max-width: none; }
  .cp table { font-size: .7rem; }
  .cp-scroll { overflow: visible; }
  .accordion-header { break-after: avoid; }
  figure, tr { break-inside: avoid; } }
"""


def write_report(
    folder: str | os.PathLike[str],
    table: "pd.DataFrame",
    *,
    title: str,
    data: str | Sequence[str],
    splits: str | Sequence[str],
    preprocessing: str | Sequence[str] = "",
    trials: Sequence[Trial] = (),
    decoders: Mapping[str, Any] | None = None,
    held_out: Trial | None = None,
    reconstructions: Mapping[str, Any] | None = None,
    patterns: Mapping[str, Pattern | None] | None = None,
    command: str = "",
    notes: Sequence[str] = (),
    summary: "pd.DataFrame | None" = None,
    subjects: "pd.DataFrame | None" = None,
    tests: "pd.DataFrame | None" = None,
    figures: Sequence[str] = (),
) -> Path:
    """Write a comparison as one HTML file, with its tables as CSV and its figures as PNG.

    Nothing in the HTML file is loaded from elsewhere: it can be mailed as it is. Every file is
    complete before it takes the place of an older one; `report.html` comes last.

    Parameters
    ----------
    folder : path-like
        Where `report.html`, `table.csv`, `summary.csv` and the figures go; made if missing.
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.
    title : str
        Heading.
    data, splits, preprocessing : str or sequence of str
        What was recorded, how training and test were kept apart, what was done to the data: a
        paragraph, or points of a list. Without `preprocessing`, what the trials know of it
        (`cocktailparty.provenance.methods_text`).
    trials : sequence of Trial
        Trials of the comparison, counted in the report; the first has the places of the channels.
    decoders : mapping of str to estimator, optional
        Decoders by their names in the table, shown with their parameters. A pattern is drawn of
        each fitted one that has `patterns_` and `lags_`, itself or in its `regressor_`.
    held_out : Trial, optional
        A labelled trial that none of the `reconstructions` was trained on.
    reconstructions : mapping of str to array of shape (n_times, n_features), optional
        Reconstructions that decoders made from the EEG of `held_out`.
    patterns : mapping of str to Pattern, optional
        Patterns averaged over listeners, from `cocktailparty.evaluation.mean_pattern`, to be shown
        instead of those of the `decoders`.
    command : str
        Command line that computes the comparison again.
    notes : sequence of str
        Anything else that a reader should know, put below the verdict.
    summary, subjects, tests : DataFrame, optional
        From `cocktailparty.evaluation.summarise`, `subject_rows` and `group_tests`, where they are
        known already.
    figures : sequence of {"pdf", "svg"}
        Formats for print that figures are saved in beside PNG.

    Returns
    -------
    path : pathlib.Path
        The HTML file.

    Raises
    ------
    ValueError
        If the table lacks a column or holds no decision, `held_out` has no label, or a format of
        the figures is unknown.
    OSError
        If the folder cannot be written to.
    """
    import mne

    from cocktailparty.plots.style import check_formats, save_figure

    summary = summarise(table) if summary is None else summary
    subjects = subject_rows(table) if subjects is None else subjects
    tests = group_tests(table, subjects) if tests is None else tests
    check_formats(figures)
    if held_out is not None:
        attended_labels([held_out])
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    decoders = decoders or {}
    report = mne.Report(title=title, verbose="WARNING")
    report.add_custom_css(_STYLE)

    def add(section: str, html: str) -> None:
        report.add_html(f'<div class="cp">{html}</div>', title=section)

    add(
        "Verdict",
        _findings(table, summary)
        + _prose(listeners_text(table, tests))
        + f'<div class="cp-cautions">{_prose(cautions(table, summary))}</div>'
        + (f"<p><strong>Notes</strong></p>{_prose(notes)}" if notes else ""),
    )
    add("Data", _prose(data) + _text_table(_counts(trials)))
    add("Splits", _prose(splits))
    add("Preprocessing", _prose(preprocessing or (methods_text(trials) if trials else "")))
    if decoders:
        add("Decoders", _text_table(_described(decoders)))
    add("Results", _results(summary))
    if len(tests):
        add("Listeners", _listeners(subjects, tests))
    # Whatever fails below, the files of an earlier run stay whole.
    with scratch_folder(folder, "report") as partial:
        write_csv(table.drop(columns="trials", errors="ignore"), partial / "table.csv")
        if "trials" in table:
            write_csv(trial_rows(table), partial / "tested_trials.csv")
        write_csv(summary, partial / "summary.csv")
        write_csv(subjects, partial / "subjects.csv")
        if len(tests):
            write_csv(tests, partial / "group_tests.csv")
        drawn = pictures(
            table, summary, trials, decoders, patterns or {}, held_out, reconstructions or {},
            subjects,
        )  # fmt: skip
        for picture in drawn:
            image = partial / f"{picture.name}.png"
            save_figure(picture.figure, image, figures)
            report.add_image(image, title=picture.title, caption=picture.caption, section="Figures")
        add("Versions", _text_table(_installed(versions())))
        add("Reproduce and cite", _reproduce(command))
        report.save(partial / "report.html", open_browser=False, verbose="WARNING")
        for path in sorted(partial.iterdir(), key=lambda path: path.suffix == ".html"):
            path.replace(folder / path.name)
    return folder / "report.html"


def _counts(trials: Sequence[Trial]) -> list[tuple[str, str]]:
    """Count subjects, trials and data: labels and values."""
    if not trials:
        return []
    seconds = [trial.duration for trial in trials]
    return [
        ("listeners", _named(trial.subject for trial in trials)),
        ("stories", _named(trial.story for trial in trials)),
        (
            "trials",
            f"{len(trials)}, {sum(seconds) / 60:.1f} min in all, {_span(seconds, '.1f')} s each",
        ),
        ("stimuli per trial", _span([trial.n_stimuli for trial in trials])),
        ("features per stimulus", _span([trial.n_features for trial in trials])),
        ("EEG channels", _span([trial.n_channels for trial in trials])),
        ("sampling rate", f"{_span([trial.sfreq for trial in trials])} Hz"),
    ]


def _described(decoders: Mapping[str, Any]) -> list[tuple[str, str]]:
    # A reader cannot know the defaults of the version that was used.
    with config_context(print_changed_only=False):
        return [(name, repr(decoder)) for name, decoder in decoders.items()]


def _findings(table: "pd.DataFrame", summary: "pd.DataFrame") -> str:
    points = (
        f"<li><strong>{escape(statement)}</strong><br>{'<br>'.join(map(escape, numbers))}</li>"
        for statement, numbers in findings(table, summary)
    )
    return f"<ul>{''.join(points)}</ul>"


def _installed(packages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Put what is not installed into one row at the end."""
    rows = [(name, version) for name, version in packages.items() if version != "not installed"]
    absent = [name for name, version in packages.items() if version == "not installed"]
    return [*rows, ("not installed", ", ".join(absent))] if absent else rows


def _results(summary: "pd.DataFrame") -> str:
    n_subjects = int(summary["n_subjects"].max())
    silent = bool(summary["n_undecidable"].sum())
    header = [
        "decoder",
        "window (s)",
        "right / windows",
        *["left out"] * silent,
        "accuracy",
        "mean ± SD",
        "chance level",
    ]
    header += ["p", "p (corrected)", "ITR (bits/min)", "MESD (s)"]
    rows = []
    for _, group in summary.groupby("decoder", sort=False):
        for i, row in enumerate(group.to_dict("records")):
            spread = f"{100 * row['accuracy_mean']:.1f} ± {100 * row['accuracy_sd']:.1f} %"
            rows.append(
                [
                    "" if i else row["decoder"],
                    f"{row['window']:g}",
                    f"{count_text(row['n_correct'])} / {row['n_windows']}",
                    *[str(row["n_undecidable"])] * silent,
                    f"{100 * row['accuracy']:.1f} %",
                    spread if row["n_subjects"] > 1 else "n/a",
                    f"{100 * row['chance']:.1f} %",
                    _p(row["p"]),
                    f"{_p(row['p_corrected'])}{'*' if row['p_corrected'] <= ALPHA else ''}",
                    f"{row['itr']:.2f}" if np.isfinite(row["itr"]) else "n/a",
                    "" if i else _mesd(row["mesd"]),
                ]
            )
    legend = (
        "Accuracy: all windows pooled. Mean ± SD: over "
        f"{n_subjects} subject{'s' if n_subjects > 1 else ', hence none'}. Chance level: the "
        f"accuracy that guessing reaches with a probability of at most {100 * ALPHA:g} %. "
        "p: one-sided, by permutation of the labels of trials (n/a where that can tell nothing); "
        f"* at most {ALPHA:g} after correction for all rows. "
        "ITR: information transfer rate. MESD: minimal expected switch duration over all windows "
        "of the decoder (n/a if no accuracy exceeds one half, or with more than two stimuli). "
        "Stimuli that tie share a decision."
    )
    if silent:
        legend += " Left out: windows in which all stimuli are silent, so that nothing is decided."
    if (summary["task"] != ATTENTION).any():
        legend += (
            " ITR and MESD say how fast attention steers a device: n/a where one sound played, "
            "since nothing was attended instead of another."
        )
    return f"{_table(rows, header)}<p class='small text-muted mt-2'>{escape(legend)}</p>"


def _listeners(subjects: "pd.DataFrame", tests: "pd.DataFrame") -> str:
    """Tables of tests over listeners and of the accuracy of each."""
    header, rows = group_table(tests)
    accuracies = subjects.assign(accuracy=100 * subjects["accuracy"]).pivot(
        index="subject", columns=["decoder", "window"], values="accuracy"
    )
    columns: Any = accuracies.columns
    names = [f"{decoder}, {window:g} s" for decoder, window in columns]
    cells = [
        [subject, *(f"{x:.1f}" if np.isfinite(x) else "n/a" for x in values)]
        for subject, values in zip(accuracies.index, accuracies.to_numpy(), strict=True)
    ]
    legend = (
        "Above: difference of the accuracy from chance, or of two decoders (the first minus the "
        "second), in percentage points; intervals by Student's t over listeners, p two-sided. "
        f"* at most {ALPHA:g}. Below: accuracy of each listener in per cent, folds pooled."
    )
    return (
        f"{_table(rows, header)}<p class='small text-muted mt-2'>{escape(legend)}</p>"
        f"{_table(cells, ['listener', *names])}"
    )


def _p(p: float) -> str:
    return f"{p:.2g}" if np.isfinite(p) else "n/a"


def _mesd(seconds: float) -> str:
    if not np.isfinite(seconds):
        return "n/a"
    return f"{seconds:.1f}" if seconds < 3600 else "over 1 h"


def _reproduce(command: str) -> str:
    import cocktailparty

    rerun = (
        f"<p>Computed by</p><pre>{escape(command)}</pre>"
        if command
        else "<p>The command line was not recorded.</p>"
    )
    return rerun + _prose(
        [
            "table.csv, beside this file, holds every decoder, subject, fold and window; "
            "summary.csv the table of results, subjects.csv the accuracy of every listener, "
            "tested_trials.csv the decisions of every trial, group_tests.csv, if there are several "
            "listeners, the tests over them; the figures are there as PNG.",
            f"Please cite cocktailparty {cocktailparty.__version__} with the papers that the "
            "documentation of each decoder names, and the papers of the data.",
        ]
    )


def _prose(text: str | Sequence[str]) -> str:
    """Make a paragraph of one text, a list of several."""
    if isinstance(text, str):
        return f"<p>{escape(text)}</p>"
    return f"<ul>{''.join(f'<li>{escape(point)}</li>' for point in text)}</ul>"


def _text_table(rows: Iterable[Sequence[object]]) -> str:
    return _table(rows, style="cp-text")


def _table(rows: Iterable[Sequence[object]], header: Sequence[str] = (), style: str = "") -> str:
    def line(cells: Sequence[object], tag: str) -> str:
        # A row that names something begins a group.
        first = ' class="cp-first"' if cells[0] and header else ""
        return f"<tr{first}>{''.join(f'<{tag}>{escape(str(c))}</{tag}>' for c in cells)}</tr>"

    head = f"<thead>{line(header, 'th')}</thead>" if header else ""
    body = "".join(line(row, "td") for row in rows)
    return (
        f'<div class="cp-scroll"><table class="{style}">{head}<tbody>{body}</tbody></table></div>'
    )


def _named(names: Iterable[str]) -> str:
    """Count different names, and list them if they are few."""
    distinct = list(dict.fromkeys(name for name in names if name))
    if not distinct:
        return "not named"
    return f"{len(distinct)} ({', '.join(distinct)})" if len(distinct) <= 10 else str(len(distinct))


def _span(values: Sequence[float], spec: str = "g") -> str:
    low, high = f"{min(values):{spec}}", f"{max(values):{spec}}"
    return low if low == high else f"{low} to {high}"
