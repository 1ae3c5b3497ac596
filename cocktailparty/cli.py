"""The command line: ``cocktailparty compare | datasets | doctor``."""

import argparse
import importlib
import importlib.util
import json
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cocktailparty
from cocktailparty.trial import Trial

# What optional parts of the library need, and what for.
OPTIONAL_PARTS = {
    "cupy": "CUDA kernels (extra cuda12 or cuda13)",
    "jax": "neural decoders (extra deep)",
    "h5py": "MATLAB v7.3 and HDF5 corpora (extra datasets)",
    "yaml": "labels of MAD-EEG (extra datasets)",
    "mne_bids": "BIDS corpora (extra bids)",
    "mne_lsl": "live EEG (extra stream)",
    "optuna": "hyper-parameter search (extra search)",
    "pyriemann": "Riemannian spatial decoding (extra spatial)",
    "pystoi": "speech intelligibility (extra metrics)",
}


def ridge(sfreq: float) -> Any:
    """Make the linear baseline: backward ridge with leave-one-trial-out choice of the penalty.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    alphas = [10.0**exponent for exponent in range(-4, 3)]
    return AttentionDecoder(
        BackwardTRF(0.0, 0.4, sfreq=sfreq, alpha=alphas, alpha_convention="relative")
    )


def ledoit_wolf(sfreq: float) -> Any:
    """Make the backward model whose penalty is the optimal shrinkage, with nothing to choose.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    return AttentionDecoder(BackwardTRF(0.0, 0.4, sfreq=sfreq, alpha="ledoit-wolf"))


def cca(sfreq: float) -> Any:
    """Make a canonical correlation decoder, its penalty chosen as that of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : CCADecoder
        Unfitted.
    """
    from linear_aad import CCADecoder

    return CCADecoder(sfreq=sfreq, alpha=[10.0**exponent for exponent in range(-4, 3)])


DECODERS: dict[str, Callable[[float], Any]] = {
    "ridge": ridge,
    "ledoit-wolf": ledoit_wolf,
    "cca": cca,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; None for those of the process.

    Returns
    -------
    status : int
        0 when all went well, 2 for bad input, 130 after an interruption.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    options.command_line = shlex.join(["cocktailparty", *arguments])
    try:
        options.run(options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        message = " ".join(str(error).split())
        print(f"cocktailparty: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cocktailparty: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cocktailparty",
        description="Decode which sound a listener attends to, from EEG.",
    )
    parser.add_argument("--version", action="version", version=cocktailparty.__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    compare = commands.add_parser(
        "compare",
        help="cross-validate decoders and write a report",
        description="Cross-validate attention decoders on recordings, or on simulated listeners "
        "if no data are given, and write a table, figures and one self-contained HTML report.",
    )
    compare.set_defaults(run=_compare)
    add = compare.add_argument
    add("--data", type=Path, metavar="PATH", help="folder of a corpus; see `datasets`")
    add("--corpus", metavar="NAME", help="what the folder holds, if it is not recognised")
    add("--decoders", type=_names, default=["ridge"], metavar="NAMES", help="comma-separated: "
        f"{', '.join(DECODERS)}, or module:function for a function of the sampling rate that "
        "returns a decoder; default: ridge")  # fmt: skip
    add("--cv", choices=("trial", "story", "subject", "time"), help="what is left out for testing; "
        "default: what suits the corpus")  # fmt: skip
    add("--windows", type=_numbers, default=[1, 2, 5, 10, 30, 60], metavar="SECONDS",
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
    add("--sfreq", type=float, default=64.0, help="rate to decode at, in Hz; default: %(default)s")
    add(
        "--l-freq",
        type=float,
        default=1.0,
        help="lower edge of the band, in Hz; default: %(default)s",
    )
    add(
        "--h-freq",
        type=float,
        default=9.0,
        help="upper edge of the band, in Hz; default: %(default)s",
    )
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

    data = commands.add_parser(
        "datasets",
        help="list the corpora that can be read and how to get them",
        description="List the corpora that can be read, the files that each expects, and how to "
        "get them.",
    )
    data.set_defaults(run=_datasets)
    data.add_argument("path", nargs="?", type=Path, help="tell what this folder holds instead")
    data.add_argument("--json", action="store_true", help="print for machines")

    doctor = commands.add_parser(
        "doctor",
        help="show versions, BLAS, GPU and optional parts",
        description="Show what the library finds on this machine.",
    )
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--json", action="store_true", help="print for machines")
    return parser


def _compare(options: argparse.Namespace) -> None:
    from cocktailparty.comparison import compare_and_report
    from cocktailparty.report import verdict
    from cocktailparty.summary import summarise

    decoders = {name: _decoder(name)(options.sfreq) for name in options.decoders}
    if options.out.exists() and not options.out.is_dir():
        raise NotADirectoryError(f"--out {options.out} is a file: name a folder")
    trials, cv, data = _load(options)
    result = compare_and_report(
        decoders,
        trials,
        options.out,
        cv=options.cv or cv,
        windows=options.windows,
        n_splits=options.n_splits,
        gap=_gap(options, decoders) if options.gap is None else options.gap,
        allow_shared_stimuli=options.allow_shared_stimuli,
        n_shifts=options.shifts,
        random_state=options.seed,
        n_jobs=options.jobs,
        progress=True,
        data=data,
        preprocessing=f"EEG and stimuli were band-passed to {options.l_freq:g}-{options.h_freq:g} "
        f"Hz (zero-phase FIR) and resampled to {options.sfreq:g} Hz. Nothing was normalised across "
        "trials.",
        command=options.command_line,
    )
    if options.json:
        summary = json.loads(summarise(result.table).to_json(orient="records"))
        _print_json({"report": str(result.report), "summary": summary, "notes": result.notes})
    else:
        print("\n".join([*verdict(result.table), *result.notes, f"Report: {result.report}"]))


def _decoder(name: str) -> Callable[[float], Any]:
    if ":" in name:
        module, function = name.split(":", 1)
        found = getattr(importlib.import_module(module), function, None)
        if not callable(found):
            raise ValueError(f"decoder {name!r}: module {module} has no function {function!r}")
        return found
    if name not in DECODERS:
        raise ValueError(
            f"unknown decoder {name!r}, known are {', '.join(DECODERS)} and module:function"
        )
    return DECODERS[name]


def _load(options: argparse.Namespace) -> tuple[list[Trial], str, list[str]]:
    """Trials in the band and at the rate to decode, the split that suits them, what they are."""
    from cocktailparty import datasets
    from cocktailparty.preprocessing import preprocess

    band = {"sfreq": options.sfreq, "l_freq": options.l_freq, "h_freq": options.h_freq}
    if options.data is None:
        trials = datasets.simulate_two_talkers(
            n_subjects=3, n_trials=20, random_state=options.seed
        ).trials
        text = [
            f"Simulated listeners (seed {options.seed}): the EEG is a known response to two "
            "artificial envelopes in coloured noise. It shows that the software works and says "
            "nothing about a brain."
        ]
        return preprocess(trials, **band), "story", text
    corpus = datasets.detect(options.data, options.corpus)
    if corpus.continuous:
        trials = datasets.load(options.data, corpus.key, **band)
    else:
        trials = preprocess(datasets.load(options.data, corpus.key), **band)
    text = [f"{corpus.title}, from {options.data.resolve().name}.", corpus.description]
    # A corpus that was loaded holds EEG, and such a corpus has a split that suits it.
    return trials, corpus.default_cv or "trial", text


def _gap(options: argparse.Namespace, decoders: dict[str, Any]) -> float:
    """Reach of the lags and of the filter from both sides, to the next tenth of a second."""
    from cocktailparty.evaluation import lag_reach
    from cocktailparty.preprocessing import filter_reach

    lags = max(lag_reach(decoder) for decoder in decoders.values())
    reach = filter_reach(options.sfreq, options.l_freq, options.h_freq)
    return math.ceil(10 * (lags + 2 * reach)) / 10


def _datasets(options: argparse.Namespace) -> None:
    from cocktailparty import datasets

    if options.path is not None:
        corpus = datasets.detect(options.path)
        if options.json:
            _print_json({"path": str(options.path), "corpus": corpus.key})
        else:
            print(f"{options.path} holds {corpus.key}: {corpus.title}")
        return
    fields = ("title", "description", "layout", "obtain", "reference", "default_cv")
    listing = {
        key: {field: getattr(corpus, field) for field in fields}
        for key, corpus in datasets.CORPORA.items()
    }
    if options.json:
        _print_json(listing)
        return
    for key, entry in listing.items():
        print(f"{key}: {entry['title']}")
        for field in fields[1:]:
            if entry[field]:
                print(f"    {field.replace('_', ' ')}: {' '.join(entry[field].split())}")
        print()
    print("Use one with: cocktailparty compare --data FOLDER")


def _doctor(options: argparse.Namespace) -> None:
    from cocktailparty.backend import gpu_description
    from cocktailparty.versions import versions

    found = versions()
    parts = {}
    for module, purpose in OPTIONAL_PARTS.items():
        there = importlib.util.find_spec(module) is not None
        parts[module] = f"{'installed' if there else 'not installed'}: {purpose}"
    if options.json:
        _print_json({"versions": found, "gpu": gpu_description(), "optional": parts})
        return
    for title, entries in (
        ("Versions", found),
        ("GPU", {"cuda": gpu_description()}),
        ("Optional parts", parts),
    ):
        print(title)
        for name, value in entries.items():
            print(f"  {name:<18} {value}")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected at least one name")
    return names


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, got {text!r}"
        ) from None
