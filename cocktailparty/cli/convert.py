"""``cocktailparty convert``: weights that PyTorch saved, as safetensors."""

import argparse
from pathlib import Path

from cocktailparty.cli.arguments import Commands, print_json


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "convert",
        help="convert weights that PyTorch saved into safetensors, without PyTorch",
        description="Read a state dict that torch.save wrote, in the container of any version, and "
        "write it as safetensors. Nothing in the file is run, and one that is not what it says is "
        "refused.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; nothing was written")
    add = parser.add_argument
    add("weights", type=Path, metavar="FILE", help="such as Cnn6_mAP=0.343.pth")
    add("out", type=Path, metavar="OUT", help="file to write, ending in .safetensors")
    add("--key", metavar="NAME", help="entry of the checkpoint that holds the weights; default: "
        "found by itself")  # fmt: skip
    add("--json", action="store_true", help="print the outcome for machines")


def run(options: argparse.Namespace) -> None:
    """Convert a file of weights.

    Raises
    ------
    ValueError
        If the output is not named as safetensors, or the file cannot be read safely.
    FileNotFoundError
        If the file, or the folder of the output, is missing.
    """
    from safetensors.numpy import save_file

    from cocktailparty.digests import contiguous
    from cocktailparty.files import replacing
    from deep.contrastive.torch_files import read_torch

    if options.out.suffix != ".safetensors":
        raise ValueError(f"{options.out} must end in .safetensors")
    if not options.out.parent.is_dir():
        raise FileNotFoundError(f"folder {options.out.parent} does not exist: make it first")
    arrays = read_torch(options.weights, options.key)
    with replacing(options.out) as temporary:
        save_file(contiguous(arrays), temporary, {"source": options.weights.name})
    n = sum(array.size for array in arrays.values())
    if options.json:
        print_json({"file": str(options.out), "n_arrays": len(arrays), "n_numbers": n})
    else:
        print(f"{options.out}: {len(arrays)} arrays with {n} numbers")
