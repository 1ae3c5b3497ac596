"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Real recordings lie beside the checkout, or where the variable says; none of them is committed.
SHARED_DATA = Path(
    os.environ.get("COCKTAILPARTY_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)

# The tests make many small programs and run each a few times: compiling is what takes time. XLA
# stops at a flag that it does not know; the versions in constraints.txt know these.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

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
