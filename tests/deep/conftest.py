import importlib.util

import pytest

MISSING = [name for name in ("jax", "equinox", "optax") if importlib.util.find_spec(name) is None]


class Skipped(pytest.File):
    """Stands for a test module that cannot even be imported."""

    def collect(self):
        pytest.skip(f"{', '.join(MISSING)} missing: pip install 'cocktailparty[deep]'")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    found = yield
    if not MISSING:
        return found
    return [Skipped.from_parent(parent, path=file_path)] if file_path.match("test_*.py") else []
