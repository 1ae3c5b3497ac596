"""``cocktailparty compare``: cross-validate decoders and write a report."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import (
    Band,
    Commands,
    add_band,
    load_trials,
    names,
    numbers,
    print_json,
)
from cocktailparty.cli.decoders import DECODERS, find_decoder
from cocktailparty.trial import Trial


def add_parser(commands: Commands) -> None:
    """Add the parser of the command.

    Parameters
    ----------
    commands : object
        From ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser(
        "compare",
        help="cross-validate decoders and write a report",
        description="Cross-validate attention decoders on recordings, or on simulated listeners "
        "if no data are given, and write a table, figures and one self-contained HTML report.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("--data", type=Path, metavar="PATH", help="folder of a corpus; see `datasets`")
    add("--corpus", metavar="NAME", help="what the folder holds, if it is not recognised")
    add("--decoders", type=names, default=["ridge"], metavar="NAMES", help="comma-separated: "
        f"{', '.join(DECODERS)}, or module:function for a function of the sampling rate that "
        "returns a decoder; default: ridge")  # fmt: skip
    add("--cv", choices=("trial", "story", "subject", "time"), help="what is left out for testing; "
        "default: what suits the corpus")  # fmt: skip
    add("--windows", type=numbers, default=[1, 2, 5, 10, 30, 60], metavar="SECONDS",
        help="decision windows, comma-separated; default: 1,2,5,10,30,60")  # fmt: skip
    add(
        "--n-splits",
        type=int,
        default=5,
        help="stretches of each trial for --cv time; default: %(default)s",
    )
    add("--gap", type=float, metavar="SECONDS", help="between training and test for --cv time; "
        "default: the reach of lags and filter")  # fmt: skip
    add("--allow-shared-stimuli", action="store_true", help="warn instead of refusing when a "
        "sound plays in training and test trials")  # fmt: skip
    add_band(parser)
    add("--shifts", type=int, default=0, help="circular shifts for a test of each decoder "
        "against chance, each with a new training; default: none")  # fmt: skip
    add("--seed", type=int, default=0, help="of the simulation and of the shifts; default: 0")
    add(
        "--jobs",
        type=int,
        default=1,
        help="folds computed at the same time; -1 for one a core; default: 1",
    )
    add("--out", type=Path, default=Path("cocktailparty-report"), metavar="DIR",
        help="folder for the results; finished folds are kept there, and an interrupted "
        "comparison goes on; default: %(default)s")  # fmt: skip
    add("--json", action="store_true", help="print a summary for machines")


def run(options: argparse.Namespace) -> None:
    """Cross-validate, write the report and print the verdict.

    Parameters
    ----------
    options : argparse.Namespace
        Parsed arguments.
    """
    from cocktailparty.comparison import compare_and_report
    from cocktailparty.report import verdict
    from cocktailparty.summary import summarise

    decoders = {name: find_decoder(name)(options.sfreq) for name in options.decoders}
    if options.out.exists() and not options.out.is_dir():
        raise NotADirectoryError(f"--out {options.out} is a file: name a folder")
    band = Band.of(options)
    trials, cv, data = _load(options, band)
    result = compare_and_report(
        decoders,
        trials,
        options.out,
        cv=options.cv or cv,
        windows=options.windows,
        n_splits=options.n_splits,
        gap=_gap(band, decoders) if options.gap is None else options.gap,
        allow_shared_stimuli=options.allow_shared_stimuli,
        n_shifts=options.shifts,
        random_state=options.seed,
        n_jobs=options.jobs,
        progress=True,
        data=data,
        preprocessing=f"EEG and stimuli were band-passed to {band.l_freq:g}-{band.h_freq:g} "
        f"Hz (zero-phase FIR) and resampled to {band.sfreq:g} Hz. Nothing was normalised across "
        "trials.",
        command=options.command_line,
    )
    if options.json:
        summary = json.loads(summarise(result.table).to_json(orient="records"))
        print_json({"report": str(result.report), "summary": summary, "notes": result.notes})
    else:
        print("\n".join([*verdict(result.table), *result.notes, f"Report: {result.report}"]))


def _load(options: argparse.Namespace, band: Band) -> tuple[list[Trial], str, list[str]]:
    """Trials in the band and at the rate to decode, the split that suits them, what they are."""
    from cocktailparty import datasets
    from cocktailparty.preprocessing import preprocess

    if options.data is None:
        trials = datasets.simulate_two_talkers(
            n_subjects=3, n_trials=20, random_state=options.seed
        ).trials
        text = [
            f"Simulated listeners (seed {options.seed}): the EEG is a known response to two "
            "artificial envelopes in coloured noise. It shows that the software works and says "
            "nothing about a brain."
        ]
        return preprocess(trials, **vars(band)), "story", text
    corpus = datasets.detect(options.data, options.corpus)
    trials = load_trials(options.data, corpus, band)
    text = [f"{corpus.title}, from {options.data.resolve().name}.", corpus.description]
    # A corpus that was loaded holds EEG, and such a corpus has a split that suits it.
    return trials, corpus.default_cv or "trial", text


def _gap(band: Band, decoders: dict[str, Any]) -> float:
    """Reach of the lags and of the filter from both sides, to the next tenth of a second."""
    from cocktailparty.evaluation import lag_reach
    from cocktailparty.preprocessing import filter_reach

    lags = max(lag_reach(decoder) for decoder in decoders.values())
    reach = filter_reach(**vars(band))
    return math.ceil(10 * (lags + 2 * reach)) / 10
