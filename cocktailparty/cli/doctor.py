"""``cocktailparty doctor``: versions, BLAS, GPU, this machine, optional parts, clashes."""

import argparse
import importlib.util
import os
from importlib.metadata import packages_distributions
from typing import Any

from cocktailparty.cli.arguments import Commands, print_json

# Modules that optional parts of the library need, and their purposes.
OPTIONAL_PARTS = {
    "cupy": "CUDA kernels (extra cuda12 or cuda13)",
    "jax": "neural decoders (extra deep)",
    "mne_lsl": "streams of the Lab Streaming Layer (extra stream)",
    "mne_bids": "folders in BIDS (extra bids)",
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
        help="show versions, BLAS, GPU, optional parts, and what is in the way",
        description="Show what the library finds on this machine, and packages that clash.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print for machines")


def run(options: argparse.Namespace) -> None:
    """Print what the library finds on this machine."""
    from cocktailparty.backend import gpu_description
    from cocktailparty.versions import versions

    optional = {}
    for module, purpose in OPTIONAL_PARTS.items():
        importable = importlib.util.find_spec(module) is not None
        optional[module] = f"{'installed' if importable else 'not installed'}: {purpose}"
    found = {
        "versions": versions(),
        "machine": machine(),
        "gpu": gpu_description(),
        "optional": optional,
        "clashes": clashes(),
    }
    if options.json:
        print_json(found)
        return
    sections: dict[str, Any] = {
        "Versions": found["versions"],
        "Machine": found["machine"],
        "GPU": {"cuda": found["gpu"]},
        "Optional parts": optional,
        "Clashes": found["clashes"] or {"none": "no module comes from two packages"},
    }
    for title, entries in sections.items():
        print(title)
        for name, value in entries.items():
            print(f"  {name:<18} {value}")


def machine() -> dict[str, str]:
    """Count the cores that this process may use and the memory; "unknown" if no one tells."""
    try:
        cores = str(len(os.sched_getaffinity(0)))
    except AttributeError:  # only Linux tells
        cores = str(os.cpu_count() or "unknown")
    try:
        page = os.sysconf("SC_PAGE_SIZE") / 2**30
        memory = f"{os.sysconf('SC_PHYS_PAGES') * page:.1f} GiB"
        memory += f", {os.sysconf('SC_AVPHYS_PAGES') * page:.1f} GiB free"
    except (AttributeError, ValueError, OSError):
        memory = "unknown"
    return {"cores": cores, "memory": memory}


def clashes() -> dict[str, str]:
    """Find modules that several installed packages bring, of which one hides the others.

    Namespaces, which packages share on purpose, are none.
    """
    found = {}
    for module, distributions in sorted(packages_distributions().items()):
        different = sorted(set(distributions))
        if len(different) > 1:
            spec = importlib.util.find_spec(module)
            if spec is not None and spec.origin is not None:
                found[module] = f"from {' and '.join(different)}: uninstall all but one"
    return found
