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

# A shared machine may stall for longer than any deadline; on continuous integration Hypothesis
# itself loads a profile that repeats the same examples.
settings.register_profile("patient", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("patient")


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
