import sys

import numpy as np
import pytest

from cocktailparty import backend


def test_without_a_gpu_the_reason_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert not backend.gpu_available()
    assert "not installed" in backend.gpu_description()
    with pytest.raises(RuntimeError, match="device='cuda' needs CuPy and a CUDA GPU"):
        backend.to_device(np.ones(2), "cuda")


def test_arrays_stay_where_they_are():
    x = np.ones(2)
    assert backend.to_device(x, None) is x
    assert backend.to_device(x, "cpu") is x
    assert backend.to_numpy(x) is x
    assert backend.as_array(x) is x
    assert not backend.is_cupy(x)


def test_unknown_devices_are_refused():
    with pytest.raises(ValueError, match="device must be None, 'cpu' or 'cuda', got 'tpu'"):
        backend.to_device(np.ones(2), "tpu")


@pytest.mark.skipif(not backend.gpu_available(), reason="no CUDA GPU")
def test_round_trip_over_the_gpu():
    x = np.arange(6.0).reshape(2, 3)
    on_gpu = backend.to_device(x, "cuda")
    assert backend.is_cupy(on_gpu)
    assert backend.to_device(on_gpu, None) is on_gpu
    np.testing.assert_array_equal(backend.to_numpy(on_gpu), x)
    with pytest.raises(TypeError):
        backend.namespace(x, on_gpu)
