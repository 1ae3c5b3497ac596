"""``cocktailparty train``: a model for `decode` and `separate`, from labelled trials."""

import argparse
from pathlib import Path

from cocktailparty.cli.arguments import Commands, add_on_bad, print_json
from cocktailparty.cli.channels import add_events
from cocktailparty.cli.training import TRAINING, add_training, trained


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "train",
        help="train a model that decodes new recordings",
        description="Train an attention decoder on the labelled trials of folders, and learn from "
        "left-out ones how sure it may be. `decode --model` and `separate --model` take the file.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; no model was written")
    add = parser.add_argument
    add("data", type=Path, nargs="+", metavar="FOLDER", help="labelled trials, as `compare --data` "
        "reads them")  # fmt: skip
    add("--out", type=Path, default=Path("model.safetensors"), metavar="FILE",
        help="default: %(default)s")  # fmt: skip
    add("--allow-shared-stimuli", action="store_true", help="warn instead of refusing when a "
        "sound plays in trials that are trained on and left out")  # fmt: skip
    add("--json", action="store_true", help="print the outcome for machines")
    add_events(parser)
    add_on_bad(parser)
    add_training(parser)


def run(options: argparse.Namespace) -> None:
    """Train, and save the model.

    Raises
    ------
    ValueError
        If the trials do not allow the training, see `cocktailparty.decoding.train_model`.
    FileNotFoundError
        If a folder is missing.
    IsADirectoryError
        If the model would take the place of a folder.
    """
    if options.out.is_dir():
        raise IsADirectoryError(f"--out {options.out} is a folder: name a file in it")
    if not options.out.parent.is_dir():
        raise FileNotFoundError(f"folder {options.out.parent} does not exist: make it first")
    for name, value in TRAINING.items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    notes: list[str] = []
    model = trained(options, options.data, notes)
    model.save(options.out)
    if options.json:
        low, high = model.interval()
        print_json({"model": str(options.out), "interval": [low, high], "notes": notes})
        return
    print("\n".join([*notes, f"Model: {options.out}"]))
