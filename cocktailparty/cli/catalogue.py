"""``cocktailparty decoders``: the decoders that are known by name."""

import argparse
from typing import Any

from cocktailparty.catalogue import REFUSALS, NamedDecoder, named_decoders
from cocktailparty.cli.arguments import Commands, print_json


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "decoders",
        help="list the decoders that are known by name",
        description="List the decoders that `compare`, `search` and `decode` know by name: those "
        "of this library, and those of other installed packages that list some.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print for machines")


def run(options: argparse.Namespace) -> None:
    """List the decoders."""
    rows = named_decoders()
    if options.json:
        print_json({name: _described(row) for name, row in rows.items()})
        return
    for name, row in rows.items():
        print(f"{name}: {row.summary}")
        if row.needs:
            print(f"    needs: pip install '{row.requirement}'")
        if row.refuses:
            print(f"    refuses: {'; '.join(REFUSALS[what] for what in row.refuses)}")
        if row.space is None:
            print("    search: only with --space module:function")
        if row.distribution != "cocktailparty":
            print(f"    from: {row.distribution}")
    print("\nUse one with: cocktailparty compare --decoders NAME")


def _described(row: NamedDecoder) -> dict[str, Any]:
    return {
        "summary": row.summary,
        "needs": list(row.needs),
        "refuses": list(row.refuses),
        "searchable": row.space is not None,
        "distribution": row.distribution,
    }
