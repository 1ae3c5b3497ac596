"""Comparison and report in one call: decoders and trials in; table, figures and report out."""

import json
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cocktailparty.attention_task import task_of, words
from cocktailparty.blas import one_blas_thread
from cocktailparty.evaluation.comparing import check_decoders, compare_planned
from cocktailparty.evaluation.patterns import averaged_pattern, pattern_folds
from cocktailparty.evaluation.shift_test import check_shifts, circular_shift_test
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.evaluation.subjects import group_tests, subject_rows
from cocktailparty.evaluation.summary import summarise
from cocktailparty.files import replacing, short
from cocktailparty.metrics import ShiftTest
from cocktailparty.model_selection.leakage import SharedStimulusWarning
from cocktailparty.model_selection.policy import Split
from cocktailparty.provenance import methods_text
from cocktailparty.report.html import write_report
from cocktailparty.report.protocol import protocol_of
from cocktailparty.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Comparison", "compare_and_report"]


class Comparison(NamedTuple):
    """Result of `compare_and_report`.

    Attributes
    ----------
    table : pandas.DataFrame
        As from `cocktailparty.evaluation.compare`.
    report : pathlib.Path
        The HTML file; tables and figures lie beside it.
    notes : list of str
        Remarks that a reader of the verdict must know.
    protocol : dict
        Contents of ``report.json``: those of `cocktailparty.report.protocol.protocol_of`, with
        `summary`, a row for each decoder and window, `subjects`, one for each of their subjects,
        `group_tests`, one for each test over subjects, and `notes`.
    summary, subjects, tests : pandas.DataFrame
        As from `cocktailparty.evaluation.summarise`, `subject_rows` and `group_tests`.
    """

    table: "pd.DataFrame"
    report: Path
    notes: list[str]
    protocol: dict[str, Any]
    summary: "pd.DataFrame"
    subjects: "pd.DataFrame"
    tests: "pd.DataFrame"


@one_blas_thread()
def compare_and_report(
    decoders: Mapping[str, Any],
    trials: Sequence[Trial],
    out: str | Path,
    *,
    cv: Any = "story",
    windows: Iterable[float] | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    n_shifts: int = 0,
    random_state: Any = None,
    data: str | Sequence[str] = "",
    preprocessing: str | Sequence[str] = "",
    command: str = "",
    figures: Sequence[str] = (),
    title: str = "",
    **split: Any,
) -> Comparison:
    """Cross-validate attention decoders and write a self-contained report.

    Parameters
    ----------
    decoders : dict of str to estimator
        Attention decoders by name.
    trials : sequence of Trial
        Labelled trials.
    out : path
        Folder for the report. Finished folds are kept in it: an interrupted comparison that is
        started again resumes where it stopped.
    cv, windows, n_jobs, progress : object
        See `cocktailparty.evaluation.compare`.
    n_shifts : int
        Number of circular shifts of `cocktailparty.evaluation.circular_shift_test`; 0 for none.
        The report is written before that test, and again with the result for each decoder; the
        test resumes like the comparison if `random_state` is a number.
    random_state : {None, int, Generator, RandomState}
        Seed of the shifts.
    data, preprocessing : str or sequence of str
        What was recorded and what was done to it, for the report. Without `preprocessing`, what
        the trials know of it.
    command : str
        Command line that computes the comparison again, for the report.
    figures : sequence of {"pdf", "svg"}
        Formats for print that figures are saved in beside PNG.
    title : str
        Heading of the report; empty for the name of the task.
    **split : object
        Parameters of `cocktailparty.model_selection.Split`, where `cv` is not one already.

    Returns
    -------
    comparison : Comparison
        Table, report, notes and protocol.

    Raises
    ------
    ValueError
        If the data do not allow the comparison, see `cocktailparty.evaluation.compare`.
    OSError
        If the folder cannot be written to.
    """
    policy = Split.of(cv, windows=windows, **split)
    preprocessing = preprocessing or methods_text(trials)
    min_shift = max(policy.gap, 2.0)
    if n_shifts:
        check_shifts(trials, n_shifts, min_shift)
    decoders = check_decoders(decoders)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SharedStimulusWarning)
        plan = policy.plan(trials, decoders)
        chosen = pattern_folds(plan.folds)
        store = FoldStore(Path(out) / "folds")  # makes the folder, once nothing is to be refused
        table, traces = compare_planned(decoders, plan, store, n_jobs, progress, chosen)
    notes = _task_notes(trials, policy, table) + _summed_up(caught)
    reconstructions = {
        name: by_fold[0].reconstruction
        for name, by_fold in traces.items()
        if by_fold[0].reconstruction is not None
    }
    patterns = {
        name: averaged_pattern(
            {k: trace.pattern for k, trace in by_fold.items() if trace.pattern is not None},
            plan.folds,
        )
        for name, by_fold in traces.items()
        if by_fold[0].pattern is not None
    }
    protocol = protocol_of(
        decoders, plan.folds, policy,
        random_state=random_state, data=data, preprocessing=preprocessing, command=command,
    )  # fmt: skip
    # By way of pandas, which writes NaN and infinity in a way that JSON allows.
    summary, subjects = summarise(table), subject_rows(table)
    tests = group_tests(table, subjects)
    for name, rows in {"summary": summary, "subjects": subjects, "group_tests": tests}.items():
        protocol[name] = json.loads(rows.to_json(orient="records"))

    def write(notes: list[str]) -> Path:
        report = write_report(
            out,
            table,
            title=title or words(task_of(table)).title,
            data=data,
            splits=_split_text(policy, trials),
            preprocessing=preprocessing,
            trials=trials,
            decoders=decoders,
            held_out=plan.folds[0].test[0],
            reconstructions=reconstructions,
            patterns=patterns,
            command=command,
            notes=notes,
            summary=summary,
            subjects=subjects,
            tests=tests,
            figures=figures,
        )
        protocol["notes"] = notes
        with replacing(Path(out) / "report.json") as temporary:
            temporary.write_text(json.dumps(short(protocol), indent=2) + "\n", encoding="utf-8")
        return report

    # A test of shifts may take hours. What is known is written before it, and after each of them.
    shifted = {name: _pending_note(name, n_shifts) for name in decoders} if n_shifts else {}
    report = write([*notes, *shifted.values()])
    for name in shifted:
        if progress:
            print(f"{name}: circular shifts. Report so far: {report}", file=sys.stderr)
        test = circular_shift_test(
            decoders[name],
            trials,
            plan,
            n_shifts=n_shifts,
            min_shift=min_shift,
            random_state=random_state,
            cache=Path(out) / "folds",
            n_jobs=n_jobs,
            progress=progress,
        )
        shifted[name] = _shift_note(name, test)
        report = write([*notes, *shifted.values()])
    notes = [*notes, *shifted.values()]
    return Comparison(table, report, notes, protocol, summary, subjects, tests)


def _task_notes(trials: Sequence[Trial], split: Split, table: Any) -> list[str]:
    """Say what a reader of the verdict must know about the task."""
    notes = []
    if all(trial.n_stimuli == 1 for trial in trials):
        notes.append(
            "One sound played at a time, so this is match-mismatch: it shows that a decoder "
            "follows the sound that played, and nothing about attention."
        )
    elif any(trial.n_stimuli == 1 for trial in trials):
        notes.append(
            "In some trials one sound played alone; they were tested by match-mismatch, which "
            "says nothing about attention, and are counted with the others."
        )
    notes += _silence_notes(table)
    left_out = sorted(set(split.windows) - set(table["window"]))
    if left_out:
        listed = ", ".join(f"{window:g}" for window in left_out)
        notes.append(f"Windows of {listed} s do not fit into the test data and were left out.")
    return notes


def _silence_notes(table: Any) -> list[str]:
    """Say how many windows were left out because nothing plays in them."""
    of_one_decoder = table[table["decoder"] == table["decoder"].iloc[0]]
    counts = of_one_decoder.groupby("window")[["n_undecidable", "n_windows"]].sum()
    silent = counts[counts["n_undecidable"] > 0]
    if silent.empty:
        return []
    listed = "; ".join(
        f"{row.n_undecidable} of {row.n_undecidable + row.n_windows} windows of {window:g} s"
        for window, row in silent.iterrows()
    )
    return [f"All sounds are silent in {listed}: nothing can be decided there, they were left out."]


def _summed_up(caught: list[warnings.WarningMessage]) -> list[str]:
    """One note for each kind of warning: a leak is reported by every fold that has it."""
    notes = []
    for category in dict.fromkeys(entry.category for entry in caught):
        messages = [str(entry.message) for entry in caught if entry.category is category]
        more = f" ({len(messages) - 1} more of this kind)" if len(messages) > 1 else ""
        notes.append(f"{messages[0]}.{more}")
    return notes


def _pending_note(name: str, n_shifts: int) -> str:
    return (
        f"{name}: the test under {n_shifts} circular shifts has not ended. The same call resumes "
        "it, from the folds that are finished."
    )


def _shift_note(name: str, test: ShiftTest) -> str:
    return (
        f"{name}: the attended stimulus scores {test.observed:.3f} on average, and "
        f"{test.null.mean():.3f} (at most {test.null.max():.3f}) under {len(test.null)} circular "
        f"shifts with new training: p = {test.p_value:.3g}."
    )


def _split_text(split: Split, trials: Sequence[Trial]) -> str:
    sentences = {
        "trial": "One trial at a time was held out, for each subject alone.",
        "story": "One story at a time was held out with all its trials, for each subject alone.",
        "subject": "One subject at a time was held out.",
        "time": f"Every trial was cut into {split.n_splits} segments; the same segment of all "
        f"trials of a subject was held out at a time, {split.gap:g} s away from what was trained "
        "on.",
    }
    sentence = (
        sentences[split.cv] if isinstance(split.cv, str) else f"Trials were split by {split.cv!r}."
    )
    text = (
        f"{sentence} Everything that a decoder learns or tunes was learnt and tuned on the "
        "training part alone. No stimulus plays on both sides of a split, unless a note above "
        "says so."
    )
    if all(trial.n_stimuli == 1 for trial in trials):
        text += (
            " A single sound played, so the task is match-mismatch: the stimulus that played "
            "against the same stimulus from half a test segment later, never overlapping."
        )
    return text
