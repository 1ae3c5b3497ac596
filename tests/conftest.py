"""Fixtures shared by all tests, and how the tests are run: threads, memory, workers."""

import gc
import os
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Real recordings lie beside the checkout, or where the variable says; none of them is committed.
SHARED_DATA = Path(
    os.environ.get("COCKTAILPARTY_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)

# Folders whose files share compiled programs.
COMPILED = ("tests/cnmf/", "tests/deep/layers/", "tests/deep/siglip/", "tests/deep/training/")

# The tests make many small programs and run each a few times: compiling is what takes time. XLA
# ends the process, without a word, at a flag that it does not know: the second is gone from the
# newer of the versions in constraints.txt.
_XLA_FLAGS = ["--xla_backend_optimization_level=0"]
if find_spec("jaxlib") and tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11):
    _XLA_FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(_XLA_FLAGS))

# Workers of the suite share the cores, and threads of Numba that share a core wait for each other.
# Tests of the threads have a process of their own, with two.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

# Modules, tests and programs are many objects, none of which is ever freed. Python looks through
# them time and again, a quarter of the whole time, unless it is told to look less often, and not at
# what has been collected (below).
gc.set_threshold(50_000, 20, 50)

# The same examples in every run and no limit of time, wherever the tests run: a busy machine stalls
# for longer than any limit, and examples that are drawn anew fail now and then.
# HYPOTHESIS_PROFILE=explore draws others, to look for what these do not find.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("repeated", derandomize=True, print_blob=True, **_PATIENT)
settings.register_profile("explore", derandomize=False, print_blob=True, **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeated"))


def pytest_configure(config: pytest.Config) -> None:
    """Let JAX keep programs beside the cache of pytest, for other workers and the next run."""
    if config.pluginmanager.hasplugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give files that need the same programs to one worker: two would compile all of them."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((folder for folder in COMPILED if file.startswith(folder)), file)

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260)


@pytest.fixture
def undrawn(monkeypatch):
    """Save figures as empty files: drawing them takes longer than most of what makes them."""

    def savefig(figure, file, **options):
        if isinstance(file, Path):
            file.touch()

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    def locate(part: str) -> Path:
        path = SHARED_DATA / part
        if not path.exists():
            pytest.skip(f"shared/data/{part} not present")
        return path

    return locate
