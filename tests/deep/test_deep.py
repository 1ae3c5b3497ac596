import subprocess
import sys

import pytest

import deep


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_names_come_from_their_homes():
    assert deep.NeuralEstimator.__module__ == "deep.estimator"
    assert deep.layers.Conv1d.__module__ == "deep.layers.convolution"
    assert set(deep.__all__) == set(deep._HOMES) <= set(dir(deep))
    with pytest.raises(AttributeError, match="module 'deep' has no attribute 'nonsense'"):
        deep.nonsense  # noqa: B018


@pytest.mark.parametrize("library", ["jax", "optax"])
def test_what_is_missing_is_named(library):
    code = f"import sys; sys.modules[{library!r}] = None; import deep; deep.fit_network"
    found = run(code)
    assert f"ImportError: deep.fit_network needs {library}" in found.stderr
    assert "pip install 'cocktailparty[deep]'" in found.stderr


def test_importing_and_looking_costs_nothing():
    found = run("import sys, deep; dir(deep); print('jax' in sys.modules)")
    assert found.stdout.strip() == "False"
