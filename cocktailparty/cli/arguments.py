"""Arguments and output that commands share, and the trials of a folder."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.trial import Trial

if TYPE_CHECKING:
    from cocktailparty.datasets import Corpus

#: Type that ``ArgumentParser.add_subparsers`` returns; it has no public name.
Commands = Any


@dataclass(frozen=True)
class Band:
    """Sampling rate and pass band to decode in, all in hertz, and the phase of the filters."""

    sfreq: float
    l_freq: float
    h_freq: float
    phase: str = "zero"

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Band":
        """Take what `add_band` added from the parsed arguments."""
        phase = "causal" if options.causal else "zero"
        return cls(options.sfreq, options.l_freq, options.h_freq, phase)


def add_band(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the sampling rate and the band to decode in."""
    for name, default, what in (
        ("--sfreq", 64.0, "rate to decode at"),
        ("--l-freq", 1.0, "lower edge of the band"),
        ("--h-freq", 9.0, "upper edge of the band"),
    ):
        parser.add_argument(
            name, type=float, default=default, help=f"{what}, in Hz; default: %(default)s"
        )
    parser.add_argument(
        "--causal",
        action="store_true",
        help="filters that do not look ahead, as a decoder needs that runs while the sounds play; "
        "default: zero-phase",
    )


def add_lags(parser: Any) -> None:
    """Add the arguments of the lags of decoders."""
    for name, what in (("--tmin", "first"), ("--tmax", "last")):
        parser.add_argument(
            name,
            type=float,
            metavar="SECONDS",
            help=f"{what} lag of the decoders, positive where the brain answers later; default: "
            "theirs",
        )


def add_envelope(parser: Any) -> None:
    """Add the argument that chooses the envelope of sounds."""
    parser.add_argument(
        "--envelope",
        choices=("gammatone", "hilbert", "mel"),
        help="how envelopes of sound files are computed; default: gammatone",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where trials come from."""
    from cocktailparty.cli.channels import add_channels

    add = parser.add_argument
    add("--data", type=Path, metavar="PATH", help="folder of a corpus; see `datasets`")
    add("--corpus", metavar="NAME", help="what the folder holds, if it is not recognised")
    add_channels(parser)
    add_on_bad(parser)
    add_drop_flat(parser)
    add_envelope(parser)
    add_lags(parser)


def add_drop_flat(parser: Any) -> None:
    """Add the argument that leaves out dead channels."""
    parser.add_argument(
        "--drop-flat",
        action="store_true",
        help="leave channels of recordings that are constant in a trial out of all trials; "
        "default: an error",
    )


def add_on_bad(parser: Any) -> None:
    """Add the argument that says what to do with what is marked bad."""
    from cocktailparty.recordings.interruptions import ON_BAD

    parser.add_argument(
        "--on-bad",
        choices=ON_BAD,
        default=ON_BAD[0],
        help="what to do with trials in which an annotation marks the recording as bad: an error, "
        "keep them as they are, or drop them; default: %(default)s",
    )


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of cross-validation."""
    add = parser.add_argument
    add("--cv", choices=("trial", "story", "subject", "time"), help="what is left out for testing; "
        "default: what suits the corpus")  # fmt: skip
    add(
        "--n-splits",
        type=int,
        default=5,
        help="segments of each trial for --cv time; default: %(default)s",
    )
    add("--gap", type=float, metavar="SECONDS", help="between training and test for --cv time; "
        "default: the reach of lags and filter")  # fmt: skip
    add("--allow-shared-stimuli", action="store_true", help="warn instead of refusing when a "
        "sound plays in training and test trials")  # fmt: skip


def add_output(parser: argparse.ArgumentParser, folder: str, holds: str = "results") -> None:
    """Add the arguments that say where results go, by default to `folder`, which `holds` them."""
    add = parser.add_argument
    add("--out", type=Path, default=Path(folder), metavar="DIR",
        help=f"folder for the {holds}; default: %(default)s")  # fmt: skip
    add("--json", action="store_true", help="print the outcome for machines")


def add_figures(parser: argparse.ArgumentParser) -> None:
    """Add the argument that asks for figures for print."""
    parser.add_argument(
        "--figures",
        type=_formats,
        default=[],
        metavar="FORMATS",
        help="save figures for print as well: pdf, svg or both, comma-separated",
    )


def add_title(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the argument that names results: `what` has the title."""
    parser.add_argument("--title", metavar="TEXT", help=f"title of the {what}")


def _formats(text: str) -> list[str]:
    from cocktailparty.plots.style import check_formats

    try:
        return check_formats(name for name in names(text) if name != "png")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def check_output(options: argparse.Namespace) -> None:
    """Raise NotADirectoryError, before any work is done, if ``--out`` is a file."""
    if options.out.exists() and not options.out.is_dir():
        raise NotADirectoryError(f"--out {options.out} is a file: name a folder")


def load_trials(
    path: Path,
    corpus: "Corpus",
    band: Band,
    on_bad: str = "raise",
    drop_flat: bool = False,
    channels: Mapping[str, Any] | None = None,
    envelope: str | None = None,
) -> list[Trial]:
    """Load the trials of a corpus, preprocessed to the band and the rate to decode.

    `on_bad` and `drop_flat` say what to do with what is marked bad
    (`cocktailparty.recordings.trial_from_raw`) and with constant channels; `channels` has channels,
    reference and events, from `cocktailparty.cli.channels.Channels.loading`; `envelope` is a method
    of `cocktailparty.features.speech_envelope`, None for the one of the corpus.
    """
    from cocktailparty import datasets
    from cocktailparty.channels import choose_channels
    from cocktailparty.preprocessing import preprocess
    from cocktailparty.third_party_warnings import shown_once

    # The trials of other corpora were cut by their authors, and nothing is marked in them.
    if corpus.continuous:
        marks = {"on_bad": on_bad, "on_flat": "drop" if drop_flat else "raise"}
        if envelope is not None:
            from cocktailparty.features import speech_envelope

            method = partial(speech_envelope, method=envelope, phase=band.phase)
            channels = {**(channels or {}), "envelope": method}
        return datasets.load(path, corpus.key, **vars(band), **marks, **(channels or {}))
    if envelope is not None:
        raise ValueError(f"--envelope: those of {corpus.title} were computed by its authors")
    trials = datasets.load(path, corpus.key)
    with shown_once():
        return preprocess(choose_channels(trials, **channels) if channels else trials, **vars(band))


def print_json(value: Any) -> None:
    """Print dicts, lists, strings and numbers as JSON, for machines."""
    from cocktailparty.files import short

    print(json.dumps(short(value), indent=2))


def names(text: str) -> list[str]:
    """Read names separated by commas; none at all is an argparse.ArgumentTypeError."""
    entries = [name.strip() for name in text.split(",") if name.strip()]
    if not entries:
        raise argparse.ArgumentTypeError("expected at least one name")
    return entries


def seed_number(text: str) -> int:
    """Read a seed, a whole number of at least 0, or raise argparse.ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text!r}")
    return int(text)


def worker_count(text: str) -> int:
    """Read how much is computed at the same time, or raise argparse.ArgumentTypeError.

    At least 1, or below 0, as joblib counts from the number of cores.
    """
    if not text.removeprefix("-").isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 1, or -1 for one a core, got {text!r}"
        )
    return int(text)


def numbers(text: str) -> list[float]:
    """Read numbers separated by commas, or raise argparse.ArgumentTypeError."""
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, got {text!r}"
        ) from None
