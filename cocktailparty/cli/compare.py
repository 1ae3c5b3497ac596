"""``cocktailparty compare``: cross-validate decoders and write a report."""

import argparse

from cocktailparty.catalogue import find_decoder
from cocktailparty.cli.arguments import (
    Band,
    Commands,
    add_band,
    add_data,
    add_figures,
    add_output,
    add_split,
    add_title,
    check_output,
    names,
    numbers,
    print_json,
    seed_number,
    worker_count,
)
from cocktailparty.cli.data import chosen_split, load_or_simulate, with_lags

# Decoders compared on simulated listeners unless others are named; on recordings, the first one.
_SHOWN = ("ridge", "cca", "stacked", "tracker")


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "compare",
        help="cross-validate decoders and write a report",
        description="Cross-validate attention decoders on recordings, or on simulated listeners "
        "if no data are given, and write a table, figures and one self-contained HTML report.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add_data(parser)
    add_title(parser, "report; default: what was decoded")
    add("--montage", metavar="NAME", help="where the electrodes are, for maps of the head: a "
        "montage of MNE or a file of positions; default: as recorded, or by names")  # fmt: skip
    add("--decoders", type=names, metavar="NAMES", help="comma-separated: names of "
        "`cocktailparty decoders`, or module:function for a function of the sampling rate that "
        f"returns a decoder; default: ridge, and {', '.join(_SHOWN)} where no data are "
        "given")  # fmt: skip
    add_split(parser)
    add("--windows", type=numbers, default=[1, 2, 5, 10, 30, 60], metavar="SECONDS",
        help="decision windows, comma-separated; default: 1,2,5,10,30,60")  # fmt: skip
    add_band(parser)
    add("--shifts", type=int, default=0, help="circular shifts for a test of each decoder "
        "against chance, each with a new training; the report is written before it and updated; "
        "default: none")  # fmt: skip
    add(
        "--seed",
        type=seed_number,
        default=0,
        help="of the simulation and of the shifts; default: 0",
    )
    add(
        "--jobs",
        type=worker_count,
        default=1,
        help="folds computed at the same time; -1 for one per core; default: 1",
    )
    add_output(
        parser,
        "cocktailparty-report",
        "results; finished folds are kept there, and an interrupted comparison resumes",
    )
    add_figures(parser)


def run(options: argparse.Namespace) -> None:
    """Cross-validate, write the report and print the verdict."""
    from cocktailparty.electrodes.montages import with_montage
    from cocktailparty.report.comparison import compare_and_report
    from cocktailparty.report.verdict import verdict

    chosen = options.decoders or (_SHOWN if options.data is None else _SHOWN[:1])
    decoders = {name: find_decoder(name)(options.sfreq) for name in chosen}
    decoders = with_lags(decoders, options.tmin, options.tmax)
    check_output(options)
    band = Band.of(options)
    trials, cv, data = load_or_simulate(options, band)
    if options.montage is not None:
        trials = with_montage(trials, options.montage)
    result = compare_and_report(
        decoders,
        trials,
        options.out,
        cv=chosen_split(options, cv, band, decoders, options.windows),
        n_shifts=options.shifts,
        random_state=options.seed,
        n_jobs=options.jobs,
        progress=not options.quiet,
        data=data,
        command=options.command_line,
        figures=options.figures,
        title=options.title or "",
    )
    if options.json:
        print_json({"report": str(result.report), **result.protocol})
    else:
        sentences = verdict(result.table, result.summary, result.tests)
        print("\n".join([*sentences, *result.notes, f"Report: {result.report}"]))
