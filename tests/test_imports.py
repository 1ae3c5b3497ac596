import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cocktailparty", "cnmf", "linear_aad", "deep")
# Not pandas: scikit-learn imports it wherever it is installed.
HEAVY = (
    "mne",
    "jax",
    "cupy",
    "matplotlib",
    "librosa",
    "soundfile",
    "h5py",
    "pyxdf",
    "numba",
    "optuna",
    "distributed",
)


def modules():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path):
    """Top-level packages that a module imports, with whether at its top."""
    tree = ast.parse(path.read_text())
    at_top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            yield name.split(".")[0], id(node) in at_top


@pytest.mark.parametrize(
    "statement",
    [
        "import cocktailparty, cnmf, linear_aad, deep",
        "from cocktailparty import datasets, evaluation, features, metrics, model_selection",
        "import cocktailparty.cli",
    ],
)
def test_imports_are_light(statement):
    code = f"import sys; {statement}; print(*[m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def in_command_line(path):
    return path.is_relative_to(ROOT / "cocktailparty" / "cli")


def test_the_rooms_stand_on_the_ground_floor_and_not_on_each_other():
    for path in modules():
        package = path.relative_to(ROOT).parts[0]
        others = {name for name, _ in imported(path)} & set(PACKAGES) - {package}
        if package == "cocktailparty":
            allowed = set(PACKAGES) if in_command_line(path) else set()
        else:
            allowed = {"cocktailparty"}
        assert others <= allowed, f"{path} imports {others - allowed}"


def test_the_command_line_enters_the_rooms_only_when_it_needs_them():
    command_line = [path for path in modules() if in_command_line(path)]
    entered = set()
    for path in command_line:
        for name, top in imported(path):
            if name in PACKAGES[1:]:
                entered.add(name)
                assert not top, f"{path} imports {name} at its top"
    assert "linear_aad" in entered


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("torch", set()),
        ("cupy", {"backend.py", "updates_cupy.py"}),
        (
            "mne",
            {
                "clusters.py",
                "continuous.py",
                "edf_records.py",
                "eeglab73.py",
                "interruptions.py",
                "montages.py",
                "recordings.py",
                "report.py",
                "stored_rates.py",
                "topography.py",
                "xdf.py",
            },
        ),
    ],
)
def test_a_library_is_named_where_it_is_at_home(library, allowed):
    users = {path.name for path in modules() if library in {name for name, _ in imported(path)}}
    assert users == allowed
