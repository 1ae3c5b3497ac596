"""What the files of this repository import."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("cocktailparty", "cnmf", "linear_aad", "deep")


@cache  # parsing takes much longer than looking
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Top-level packages that a file imports, anywhere in it, with whether at its top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        found += [(name.partition(".")[0], id(node) in at_top) for name in names]
    return tuple(found)


@cache
def modules_of(package: str, path: Path) -> frozenset[str]:
    """Modules of a package that a file imports from, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return frozenset(name for name in names if name.partition(".")[0] == package)
