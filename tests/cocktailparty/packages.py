"""Packages of other people as an installer leaves them: modules, and metadata with entry points."""

import shutil
import tomllib

from cocktailparty.catalogue import GROUP
from tests.sources import ROOT

EXAMPLE = ROOT / "docs" / "guide" / "one_channel"


def install(folder, distribution, module, source, entry_points):
    """Install a package of one module into a folder, which has to be on the path."""
    (folder / f"{module}.py").write_text(source)
    write_metadata(folder, distribution, entry_points)


def install_example(folder):
    """Install the package that the guide makes, as its pyproject.toml says."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    shutil.copytree(EXAMPLE / "one_channel", folder / "one_channel")
    write_metadata(folder, project["name"], project["entry-points"][GROUP])


def write_metadata(folder, distribution, entry_points):
    metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    (metadata / "METADATA").write_text(head)
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in entry_points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
