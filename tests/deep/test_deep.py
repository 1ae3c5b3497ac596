import subprocess
import sys

import pytest

import deep


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_names_come_from_their_homes():
    assert deep.NetworkEstimator.__module__ == "deep.training.estimator"
    assert deep.layers.Conv1d.__module__ == "deep.layers.convolution"
    assert set(deep.__all__) == set(deep._HOMES) <= set(dir(deep))
    with pytest.raises(AttributeError, match="module 'deep' has no attribute 'nonsense'"):
        deep.nonsense  # noqa: B018


def test_what_is_missing_is_named():
    code = """
import sys, deep
for library in ("optax", "jax"):  # the second comes after the first has been taken away as well
    sys.modules[library] = None
    try:
        deep.fit_network
    except ImportError as error:
        print(error)
"""
    messages = run(code).stdout.splitlines()
    assert len(messages) == 2
    for library, message in zip(("optax", "jax"), messages, strict=True):
        assert message.startswith(f"deep.fit_network needs {library}")
        assert "pip install 'cocktailparty[deep]'" in message


def test_importing_and_looking_costs_nothing():
    found = run("import sys, deep; dir(deep); print('jax' in sys.modules)")
    assert found.stdout.strip() == "False"
