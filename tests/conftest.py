"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Real recordings lie beside the checkout, or where the variable says; none of them is committed.
SHARED_DATA = Path(
    os.environ.get("COCKTAILPARTY_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)

# The tests make many small programs and run each a few times: compiling is what takes time. XLA
# stops at a flag that it does not know; the versions in constraints.txt know these.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

# A shared machine may stall for longer than any deadline; on continuous integration Hypothesis
# itself loads a profile that repeats the same examples.
settings.register_profile("patient", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Let JAX keep programs beside the cache of pytest, for other workers and the next run."""
    if config.pluginmanager.hasplugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    def locate(part: str) -> Path:
        path = SHARED_DATA / part
        if not path.exists():
            pytest.skip(f"shared/data/{part} not present")
        return path

    return locate
