import sys

import array_api_strict
import numpy as np
import pandas as pd
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


def objects(*items):
    found = np.empty(len(items), dtype=object)
    found[:] = items
    return found


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (pd.Series([1.0, 2.0], dtype="float32"), np.array([1, 2], np.float32)),
        (pd.Series([1, 2], dtype="Int64"), np.array([1, 2])),
        (pd.Series([1.5, None], dtype="Float64"), np.array([1.5, np.nan])),
        (pd.Index([1, 2]), np.array([1, 2])),
        (pd.array([1.0, 2.0]), np.array([1.0, 2.0])),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 0.25]}), np.array([[1, 0.5], [2, 0.25]])),
        (
            pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": [3.0, 4.0]}),
            np.array([[1, 3], [np.nan, 4]]),
        ),
        ([pd.Series([1, 2]), np.array([3, 4])], np.array([[1, 2], [3, 4]])),
        (([pd.Series([1, 2])], [pd.Series([3, 4])]), np.array([[[1, 2]], [[3, 4]]])),
        (objects(1, 2.5, np.float32(3)), np.array([1, 2.5, 3])),
        (objects(np.ones(2), np.zeros(2)), np.array([[1.0, 1.0], [0.0, 0.0]])),
        (np.ma.array([1.0, 2.0], mask=False), np.array([1.0, 2.0])),
        ([np.ma.array([1.0, 2.0])], np.array([[1.0, 2.0]])),
    ],
)
def test_containers_of_numbers_become_arrays(x, expected):
    for found in (backend.as_array(x), backend.to_numpy(x)):
        assert type(found) is np.ndarray
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_what_is_no_number_stays_what_it_is():
    assert backend.as_array(pd.Series(["1", "2"])).dtype.kind in "OUT"
    assert backend.as_array(objects("1", 2)).dtype == object
    assert backend.as_array(objects(True, 2)).dtype == object
    assert backend.as_array(["1"]).dtype.kind == "U"


masked = np.ma.masked_greater([1.0, 2.0, 9.0, 8.0], 5)


@pytest.mark.parametrize(
    "x",
    [
        masked,
        masked.astype(int),
        [masked, masked],
        [[masked.data], (masked,)],
        [1.0, masked[2], masked[3]],
        objects(masked, masked),
        pd.Series(objects(masked)),
    ],
)
def test_what_lies_under_a_mask_is_no_data(x):
    for convert in (backend.as_array, backend.to_numpy):
        with pytest.raises(ValueError, match=r"^eeg has [12] masked value\(s\): fill them"):
            convert(x, "eeg")


def test_rows_of_different_lengths_are_named():
    for x in ([[1], [1, 2]], objects(np.ones(2), np.ones(3))):
        with pytest.raises(ValueError, match=r"^eeg must be an array of numbers, its rows differ"):
            backend.as_array(x, "eeg")


def test_object_arrays_are_told_from_all_others():
    assert backend.holds_objects(objects(1))
    assert backend.holds_objects(pd.Series([np.ones(2), np.ones(3)]))
    for x in (np.ones(2), pd.Series([1.0]), [np.ones(2)], array_api_strict.ones(2), "a", None):
        assert not backend.holds_objects(x)


@pytest.mark.skipif(not backend.gpu_available(), reason="no CUDA GPU")
def test_round_trip_over_the_gpu():
    x = np.arange(6.0).reshape(2, 3)
    on_gpu = backend.to_device(x, "cuda")
    assert backend.is_cupy(on_gpu)
    assert backend.to_device(on_gpu, None) is on_gpu
    np.testing.assert_array_equal(backend.to_numpy(on_gpu), x)
    with pytest.raises(TypeError):
        backend.namespace(x, on_gpu)
