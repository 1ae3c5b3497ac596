"""``cocktailparty table``: a first trials.csv, from the events of recordings."""

import argparse
import csv
from collections import Counter
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, names, print_json

# Events that are listed at most, where one has to be chosen.
_LISTED = 12


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "table",
        help="write a first trials.csv from the events of recordings",
        description="Write a table with a row for each event at which sounds start, to be filled "
        "in: what was played and attended stands in no recording. `compare --data` then takes its "
        "folder.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; nothing was written")
    add = parser.add_argument
    add("recordings", type=Path, nargs="+", metavar="RECORDING", help="EEG files of any format "
        "that MNE-Python reads, or XDF")  # fmt: skip
    add("--events", type=names, metavar="NAMES", help="comma-separated annotations or trigger "
        "values at which sounds start; default: the only ones there are")  # fmt: skip
    add("--out", type=Path, metavar="FILE", help="default: trials.csv beside the first recording")
    add("--json", action="store_true", help="print the outcome for machines")


def run(options: argparse.Namespace) -> None:
    """Write the table.

    Raises
    ------
    FileExistsError
        If there is such a table already.
    ValueError
        If it is not clear which events are meant.
    """
    from cocktailparty.datasets.readers.trial_table import FILE
    from cocktailparty.files import replacing

    out = options.out or options.recordings[0].parent / FILE
    if out.exists():
        raise FileExistsError(f"{out} exists: remove it, or name another file by --out")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist: make it first")
    rows = [row for path in options.recordings for row in _rows(path, options.events, out.parent)]
    with replacing(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    if options.json:
        print_json({"table": str(out), "rows": len(rows)})
        return
    print(
        f"{out}: {len(rows)} rows. Fill in, for each: audio, the files of the competing sounds "
        "with ; between them; attended, the one that was attended, by its name or its number from "
        "0; and story and duration if there are such. Then: cocktailparty compare --data "
        f"{out.parent}"
    )


def _rows(path: Path, events: list[str] | None, folder: Path) -> list[dict[str, Any]]:
    """Rows of one recording."""
    from cocktailparty.recordings.eeg import read_eeg
    from cocktailparty.recordings.events import event_times, events_of

    raw = read_eeg(path)
    if events is None:
        found = events_of(raw)
        if len(found) != 1:
            counts = Counter({name: len(times) for name, times in found.items()})
            listed = [f"{name!r} ({n} times)" for name, n in counts.most_common(_LISTED)]
            listed += ["and others"] * (len(counts) > _LISTED)
            raise ValueError(
                f"{path} has the events {', '.join(listed) or 'none'}: name those at which sounds "
                "start by --events"
                if found
                else f"{path} has no events: write the onsets into a table by hand"
            )
        events = list(found)
    try:
        named = str(path.resolve().relative_to(folder.resolve()))
    except ValueError:
        named = str(path.resolve())
    trials = sorted((time, event) for event in events for time in event_times(raw, event))
    subject = path.stem.removesuffix("_raw").removesuffix("_eeg")
    return [
        {
            "eeg": named, "audio": "", "attended": "", "onset": f"{time:.6g}", "duration": "",
            "subject": subject, "story": "", "name": f"trial-{i:02d}", "event": event,
        }
        for i, (time, event) in enumerate(trials, start=1)
    ]  # fmt: skip
