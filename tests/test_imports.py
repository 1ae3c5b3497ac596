import json
import subprocess
import sys
from functools import cache

import pytest

from tests.sources import PACKAGES, ROOT, imports, modules_of

# Not pandas: scikit-learn imports it wherever it is installed.
HEAVY = (
    "mne",
    "mne_lsl",
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


@cache
def modules():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_are_light():
    # One after the other in one process: what an earlier one brings in, it is blamed for.
    statements = (
        "import cocktailparty, cnmf, linear_aad, deep",
        "from cocktailparty import datasets, evaluation, features, metrics, model_selection",
        "import cocktailparty.cli",
        "import cocktailparty.live",
        "from cocktailparty.catalogue import named_decoders; named_decoders()",
    )
    code = f"""
import json, sys
brought = {{}}
for statement in {statements!r}:
    exec(statement)
    brought[statement] = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps(brought))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == {statement: [] for statement in statements}


# Commands for classifiers and separators of sounds, which are no decoders and in no catalogue.
OF_SOUNDS = (
    "adapt.py",
    "convert.py",
    "embed.py",
    "sounds.py",
    "train_audio.py",
    "train_extractor.py",
)


def of_one_engine(module):
    """Lagged least squares are at home in linear_aad, and neural models begin from them."""
    return module == "linear_aad.population" or f"{module}.".startswith("linear_aad.lagged.")


def in_command_line(path):
    return path.is_relative_to(ROOT / "cocktailparty" / "cli")


def test_the_rooms_stand_on_the_ground_floor_and_not_on_each_other():
    for path in modules():
        package = path.relative_to(ROOT).parts[0]
        others = {name for name, _ in imports(path)} & set(PACKAGES) - {package}
        if package == "cocktailparty":
            # Decoders are reached by the name of their table, through the catalogue.
            allowed = {"cnmf"} if in_command_line(path) else set()
            allowed |= {"deep"} if path.name in OF_SOUNDS else set()
        else:
            allowed = {"cocktailparty"}
            if package == "deep" and all(map(of_one_engine, modules_of("linear_aad", path))):
                allowed.add("linear_aad")
        assert others <= allowed, f"{path} imports {others - allowed}"


def test_the_command_line_enters_the_rooms_only_when_it_needs_them():
    command_line = [path for path in modules() if in_command_line(path)]
    entered = set()
    for path in command_line:
        for name, top in imports(path):
            if name in PACKAGES[1:]:
                entered.add(name)
                assert not top, f"{path} imports {name} at its top"
    assert entered == {"cnmf", "deep"}


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("torch", set()),
        ("cupy", {"cnmf/updates/fused_cupy.py", "cocktailparty/backend.py"}),
        (
            "mne",
            {
                "cocktailparty/electrodes/montages.py",
                "cocktailparty/evaluation/clusters.py",
                "cocktailparty/plots/topography.py",
                "cocktailparty/recordings/eeg.py",
                "cocktailparty/recordings/events.py",
                "cocktailparty/recordings/formats/edf_records.py",
                "cocktailparty/recordings/formats/edf_units.py",
                "cocktailparty/recordings/formats/eeglab73.py",
                "cocktailparty/recordings/formats/stored_rates.py",
                "cocktailparty/recordings/formats/xdf.py",
                "cocktailparty/recordings/interruptions.py",
                "cocktailparty/recordings/trials.py",
                "cocktailparty/report/html.py",
                "cocktailparty/suspicions.py",
            },
        ),
    ],
)
def test_a_library_is_named_where_it_is_at_home(library, allowed):
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if library in {name for name, _ in imports(path)}
    }
    assert users == allowed
