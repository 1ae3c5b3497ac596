"""``cocktailparty search``: search for the parameters of a decoder."""

import argparse

from cocktailparty.catalogue import find_decoder, find_space
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
    print_json,
    seed_number,
    worker_count,
)
from cocktailparty.cli.data import chosen_split, load_or_simulate, with_lags


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "search",
        help="search for the parameters of a decoder",
        description="Search for the parameters of an attention decoder with Optuna, by "
        "cross-validated accuracy, on recordings, or on simulated listeners if no data are given. "
        "Trials that are not promising are stopped early. The accuracy of the search is "
        "optimistic; hold a group out for one fair score.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add_data(parser)
    add("--decoder", default="ridge", metavar="NAME", help="a name of `cocktailparty "
        "decoders`, or module:function for a function of the sampling rate that returns a decoder; "
        "default: ridge")  # fmt: skip
    add("--space", metavar="NAME", help="that of another decoder, or module:function "
        "for a function of an Optuna trial that returns parameters; default: that of the "
        "decoder")  # fmt: skip
    add("--trials", type=int, default=30, help="trials that the study has at the end, completed "
        "or stopped early; default: %(default)s")  # fmt: skip
    add_split(parser)
    add("--window", type=float, default=5.0, metavar="SECONDS", help="decision window whose "
        "accuracy is to be large; default: %(default)s")  # fmt: skip
    add("--holdout", metavar="GROUP", help="story:NAME or subject:NAME to keep out of the search "
        "and score once at its end; story or subject for the last one")  # fmt: skip
    add("--min-folds", type=int, default=2, help="folds after which a trial may be stopped; "
        "default: %(default)s")  # fmt: skip
    add_band(parser)
    add("--workers", type=worker_count, default=1, help="processes; -1 for one per core; "
        "default: %(default)s")  # fmt: skip
    add("--dask", metavar="ADDRESS", help="scheduler of a Dask cluster that computes the folds "
        "instead")  # fmt: skip
    add("--storage", metavar="URL", help="Optuna database; default: study.db in --out")
    add("--study", default="search", metavar="NAME", help="name of the study in the database; "
        "default: %(default)s")  # fmt: skip
    add(
        "--seed",
        type=seed_number,
        default=0,
        help="of the search and of the simulation; default: 0",
    )
    add_output(
        parser,
        "cocktailparty-search",
        "study and the results; an interrupted search resumes",
    )
    add_figures(parser)
    add_title(parser, "figure; default: none")


def run(options: argparse.Namespace) -> None:
    """Search, write the results and print the outcome."""
    from cocktailparty.search import search

    decoder = find_decoder(options.decoder)(options.sfreq)
    decoder = with_lags({options.decoder: decoder}, options.tmin, options.tmax)[options.decoder]
    if options.space is None and ":" in options.decoder:
        raise ValueError(
            f"--decoder {options.decoder} has no search space of its own: give --space "
            "module:function, a function of an Optuna trial that returns parameters"
        )
    space = find_space(options.space or options.decoder)
    check_output(options)
    band = Band.of(options)
    trials, cv, _ = load_or_simulate(options, band)
    result = search(
        decoder,
        trials,
        space,
        n_trials=options.trials,
        cv=chosen_split(options, cv, band, {options.decoder: decoder}, [options.window]),
        window=options.window,
        holdout=options.holdout,
        min_folds=options.min_folds,
        n_jobs=options.workers,
        dask=options.dask,
        storage=options.storage,
        name=options.study,
        out=options.out,
        random_state=options.seed,
        progress=not options.quiet,
        figures=options.figures,
        title=options.title or "",
    )
    if options.json:
        print_json({"out": str(options.out), **result.to_dict()})
    else:
        print("\n".join([*result.verdict(), f"Results: {options.out}"]))
