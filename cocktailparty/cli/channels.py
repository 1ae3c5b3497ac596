"""Arguments that choose channels, reference and events, for all commands that read trials."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cocktailparty.cli.arguments import names

if TYPE_CHECKING:
    from cocktailparty.datasets import Corpus

#: Channels of fields, not potentials: they have no reference.
MAGNETIC = ("mag", "grad", "meg")
_TYPES = ("eeg", *MAGNETIC, "ecog", "seeg", "dbs")


@dataclass(frozen=True)
class Channels:
    """Chosen channels, reference, events and bad channels; None for what suits the corpus."""

    picks: str | list[str] | None = None
    reference: str | list[str] | None = None
    events: list[str] | None = None
    bads: list[str] | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Channels":
        """Take what `add_channels` added from the parsed arguments."""
        return cls(options.picks, options.reference, options.events, options.bads)

    def loading(self, corpus: "Corpus") -> dict[str, Any]:
        """Turn the choice into arguments for the reader of a corpus.

        The same arguments suit `cocktailparty.channels.choose_channels`: `picks`, `reference` and
        `events`, where they were chosen. Events of a corpus that states itself when its sounds
        start are a ValueError.
        """
        arguments: dict[str, Any] = {}
        if self.picks is not None:
            arguments["picks"] = self.picks
        if self.reference is not None:
            arguments["reference"] = None if self.reference == "none" else self.reference
        elif self.picks in MAGNETIC:
            arguments["reference"] = None
        if self.events is not None:
            if corpus.key != "table":
                raise ValueError(
                    f"--events is for recordings that a trials.csv lists; {corpus.title} states "
                    "itself when its sounds start"
                )
            arguments["events"] = self.events
        if self.bads is not None:
            if corpus.key not in ("table", "bids"):
                raise ValueError(
                    f"--bads is for recordings that a trials.csv or BIDS lists; of "
                    f"{corpus.title}, name the channels to keep by --picks"
                )
            arguments["bads"] = self.bads
        return arguments


def add_channels(parser: Any) -> None:
    """Add the arguments that choose channels, reference and events."""
    add_picks(parser)
    add_events(parser)


def add_picks(parser: Any) -> None:
    """Add the arguments that choose channels and reference."""
    parser.add_argument(
        "--picks",
        type=_picks,
        metavar="NAMES",
        help=f"channels: a type ({', '.join(_TYPES)}) or comma-separated names; default: eeg",
    )
    parser.add_argument(
        "--reference",
        type=_reference,
        metavar="NAMES",
        help="of the EEG: average, none (as recorded), or comma-separated channels whose mean is "
        "subtracted and which are left out; default: average for recordings, none for magnetic "
        "fields and for corpora that were cut by their authors",
    )
    parser.add_argument(
        "--bads",
        type=names,
        metavar="NAMES",
        help="comma-separated channels to leave out, besides those that recordings mark as bad",
    )


def add_events(parser: Any) -> None:
    """Add the argument that names the events at which sounds start."""
    parser.add_argument(
        "--events",
        type=names,
        metavar="NAMES",
        help="start of the sounds where no onset is given: comma-separated annotations or trigger "
        "values, one event for each trial, in their order",
    )


def _picks(text: str) -> str | list[str]:
    picked = names(text)
    return picked[0] if len(picked) == 1 and picked[0] in _TYPES else picked


def _reference(text: str) -> str | list[str]:
    channels = names(text)
    return channels[0] if len(channels) == 1 and channels[0] in ("average", "none") else channels
