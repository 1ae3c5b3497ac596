import subprocess
import sys
from importlib import metadata

import numpy as np

from cocktailparty.versions import versions


def test_versions_are_those_of_the_imported_modules() -> None:
    found = versions()
    assert found["numpy"] == np.__version__
    assert found["python"].split()[0] == ".".join(map(str, sys.version_info[:3]))
    assert found["cocktailparty"] == metadata.version("cocktailparty")
    assert "threads" in found["blas"]


def test_missing_parts_are_called_so(monkeypatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "jax":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert versions()["jax"] == "not installed"


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from cocktailparty.versions import versions; versions();"
        "print(sorted({'mne', 'matplotlib', 'pandas', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
