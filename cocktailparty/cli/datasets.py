"""``cocktailparty datasets``: which corpora can be read, what a folder holds, downloads."""

import argparse
from pathlib import Path

from cocktailparty.cli.arguments import Commands, print_json


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "datasets",
        help="list the corpora that can be read and how to get them",
        description="List the corpora that can be read, the files that each expects, and how to "
        "get them.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("path", nargs="?", type=Path, help="tell what this folder holds instead")
    parser.add_argument("--download", metavar="NAME", help="fetch this corpus into the folder, "
                        "where its record allows it, and check every file")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print for machines")


def run(options: argparse.Namespace) -> None:
    """List the corpora, tell what a folder holds, or fetch a corpus."""
    from cocktailparty import datasets

    if options.download is not None:
        if options.path is None:
            raise ValueError("--download needs a folder to store the files in: name it as well")
        folder = datasets.download(options.download, options.path, progress=not options.json)
        if options.json:
            print_json({"path": str(folder), "corpus": options.download})
        else:
            print(f"Use it with: cocktailparty compare --data {folder}")
        return
    if options.path is not None:
        corpus = datasets.detect(options.path)
        if options.json:
            print_json({"path": str(options.path), "corpus": corpus.key})
        else:
            print(f"{options.path} holds {corpus.key}: {corpus.title}")
        return
    fields = ("title", "description", "layout", "obtain", "reference", "default_cv")
    listing = {
        key: {field: getattr(corpus, field) for field in fields}
        for key, corpus in datasets.CORPORA.items()
    }
    if options.json:
        print_json(listing)
        return
    for key, entry in listing.items():
        print(f"{key}: {entry['title']}")
        for field in fields[1:]:
            if entry[field]:
                print(f"    {field.replace('_', ' ')}: {' '.join(entry[field].split())}")
        print()
    print("Use one with: cocktailparty compare --data FOLDER")
