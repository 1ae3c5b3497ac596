"""``cocktailparty doctor``: versions, BLAS, GPU and optional parts."""

import argparse
import importlib.util

from cocktailparty.cli.arguments import Commands, print_json

# Modules that optional parts of the library need, and their purposes.
OPTIONAL_PARTS = {
    "cupy": "CUDA kernels (extra cuda12 or cuda13)",
    "jax": "neural decoders (extra deep)",
    "h5py": "MATLAB v7.3 and HDF5 corpora (extra datasets)",
    "yaml": "labels of MAD-EEG (extra datasets)",
    "pyxdf": "recordings of the Lab Streaming Layer (extra xdf)",
    "optuna": "hyper-parameter search (extra search)",
    "pyriemann": "Riemannian spatial decoding (extra spatial)",
}


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "doctor",
        help="show versions, BLAS, GPU and optional parts",
        description="Show what the library finds on this machine.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print for machines")


def run(options: argparse.Namespace) -> None:
    """Print what the library finds on this machine."""
    from cocktailparty.backend import gpu_description
    from cocktailparty.versions import versions

    installed = versions()
    optional = {}
    for module, purpose in OPTIONAL_PARTS.items():
        importable = importlib.util.find_spec(module) is not None
        optional[module] = f"{'installed' if importable else 'not installed'}: {purpose}"
    if options.json:
        print_json({"versions": installed, "gpu": gpu_description(), "optional": optional})
        return
    for title, entries in (
        ("Versions", installed),
        ("GPU", {"cuda": gpu_description()}),
        ("Optional parts", optional),
    ):
        print(title)
        for name, value in entries.items():
            print(f"  {name:<18} {value}")
