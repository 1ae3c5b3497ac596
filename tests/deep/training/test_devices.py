import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from deep.training import devices
from deep.training.devices import choose_device, to_jax, to_library_of

HAS_GPU = any(device.platform == "gpu" for device in jax.devices())


def test_the_device_is_chosen():
    assert choose_device("cpu").platform == "cpu"
    assert choose_device() == jax.devices()[0]
    with pytest.raises(ValueError, match="device must be None, 'cpu' or 'cuda', got 'gpu'"):
        choose_device("gpu")


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told():
    with pytest.raises(RuntimeError, match=r"device='cuda' cannot be used by JAX .*leave device"):
        choose_device("cuda")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_numpy_goes_in_and_comes_out(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    moved = to_jax(x, choose_device("cpu"))
    assert moved.dtype == {"f4": "float32", "f8": "float32", "i8": "int32"}[dtype]
    back = to_library_of(moved, x)
    assert type(back) is np.ndarray
    assert np.array_equal(back, x)


def test_cupy_goes_in_and_comes_out_by_dlpack(monkeypatch):
    """A stand-in takes the place of CuPy: a NumPy array that must not be read on the host."""

    class OnGPU:
        dtype = np.dtype("f4")

        def __init__(self, x):
            self.x = x

        def __array__(self, *args, **kwargs):
            raise AssertionError("silent transfer to the host")

        def __dlpack__(self, **kwargs):
            return self.x.__dlpack__(**kwargs)

        def __dlpack_device__(self):
            return self.x.__dlpack_device__()

    library = SimpleNamespace(from_dlpack=OnGPU, asarray=OnGPU)
    monkeypatch.setattr(devices, "is_cupy", lambda x: isinstance(x, OnGPU))
    monkeypatch.setattr(devices, "namespace", lambda x: library)
    x = OnGPU(np.ones((2, 3), np.float32))
    moved = to_jax(x, choose_device("cpu"))
    assert moved.tolist() == [[1] * 3] * 2
    assert isinstance(to_library_of(moved, x), OnGPU)


@pytest.mark.parametrize(("given", "expected"), [(None, "false"), ("true", "true")])
def test_jax_is_told_to_leave_memory_to_others(given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "XLA_PYTHON_CLIENT_PREALLOCATE"}
    if given:
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = given
    code = "import os, deep; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == expected
