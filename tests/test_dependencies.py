"""What each target of the Makefile installs has to cover what it imports."""

import re
import sys
import tomllib

import pytest

from tests.sources import PACKAGES, ROOT, imports

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Distributions whose import name is another one.
IMPORT_NAMES = {
    "array-api-compat": "array_api_compat",
    "array-api-strict": "array_api_strict",
    "mne-bids": "mne_bids",
    "mne-lsl": "mne_lsl",
    "pydata-sphinx-theme": "pydata_sphinx_theme",
    "pytest-xdist": "xdist",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "sphinx-gallery": "sphinx_gallery",
}
# Parts of another library's interface, which depends on them.
BROUGHT_BY = {"optuna": {"sqlalchemy"}, "numba": {"llvmlite"}, "distributed": {"dask"}}
BROUGHT_BY["dask"] = {"distributed"}  # by its extra
# Whoever has it brings it along: CuPy needs a GPU, torch is only compared with.
NEVER_INSTALLED = {"cupy", "cupyx", "torch"}


def import_names(requirements):
    distributions = (re.match(r"[\w.-]+", line)[0].lower() for line in requirements)
    found = {IMPORT_NAMES.get(name, name) for name in distributions}
    return found.union(*(BROUGHT_BY.get(name, set()) for name in found))


def installed_with(*groups):
    names = import_names(PROJECT["project"]["dependencies"])
    for group in groups:
        names |= import_names(PROJECT["dependency-groups"][group])
    return names


def imported(folder, pattern="*.py"):
    """Packages of others that the files of a folder import, anywhere in them."""
    found = {}
    for path in sorted((ROOT / folder).rglob(pattern)):
        if "_build" in path.parts or "auto_examples" in path.parts or "generated" in path.parts:
            continue
        for name, _ in imports(path):
            found.setdefault(name, path.relative_to(ROOT))
    own = {*PACKAGES, "tests", "benchmarks", *sys.stdlib_module_names, *NEVER_INSTALLED}
    return {name: path for name, path in found.items() if name not in own}


def test_the_product_needs_nothing_that_is_not_declared():
    declared = installed_with()
    for extra in PROJECT["project"]["optional-dependencies"].values():
        declared |= import_names(extra)
    for package in PACKAGES:
        missing = {name: path for name, path in imported(package).items() if name not in declared}
        assert not missing


def test_the_installation_page_lists_every_extra():
    page = (ROOT / "docs" / "install.rst").read_text(encoding="utf-8")
    rows = set(re.findall(r"^   \* - (.*)$", page, re.MULTILINE))
    listed = {name for row in rows for name in re.findall(r"``([\w-]+)``", row)}
    assert listed == PROJECT["project"]["optional-dependencies"].keys()


@pytest.mark.parametrize("part", [*PACKAGES, "docs"])
def test_the_documentation_can_import_every_page_and_example(part):
    # Autodoc imports all packages, and the gallery runs all of its examples.
    missing = {
        name: path for name, path in imported(part).items() if name not in installed_with("docs")
    }
    assert not missing


def test_the_tests_can_import_all_that_they_use():
    beside = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"reference_cnmf"}
    missing = {
        name: path
        for name, path in imported("tests").items()
        if name not in installed_with("test") | beside
    }
    optional = {name for name in missing if skips_without(missing[name], name)}
    assert missing.keys() - optional == set()


def test_the_workflow_and_the_pages_call_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    for page in (".github/workflows/tests.yml", "README.md", "CONTRIBUTING.md", ".ci/run"):
        text = (ROOT / page).read_text(encoding="utf-8")
        called = set(re.findall(r"(?:^|\$ |run: )make (\w[\w-]*)", text, re.MULTILINE))
        assert called
        assert called <= targets


def test_every_group_has_its_pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {distribution(line) for line in lines if "==" in line}
    for group, requirements in PROJECT["dependency-groups"].items():
        assert {distribution(line) for line in requirements} <= pinned, group


def distribution(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def skips_without(path, name):
    return f'importorskip("{name}' in (ROOT / path).read_text(encoding="utf-8")
