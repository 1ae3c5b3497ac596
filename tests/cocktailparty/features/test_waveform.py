import sys
from types import SimpleNamespace

import array_api_strict
import numpy as np
import pytest
import scipy.signal

from cocktailparty.features.waveform import check_samples, check_waveform, signal_library


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float32", np.float32),
        ("float64", np.float64),
        ("int16", np.float64),
        ("float16", np.float64),
    ],
)
def test_float32_is_kept_and_everything_else_becomes_float64(given, expected):
    samples = np.array([3, -2, 1], dtype=given)
    checked = check_waveform(samples, 16000)
    assert checked.dtype == expected
    np.testing.assert_array_equal(checked, [3, -2, 1])


def test_the_array_library_is_kept():
    samples = array_api_strict.asarray([1, 2])
    assert type(check_samples(samples, "x")) is type(samples)


@pytest.mark.parametrize(
    ("samples", "match"),
    [
        (np.zeros((5, 2)), r"audio must have shape \(n_samples,\), got \(5, 2\).*mean\(axis=1\)"),
        (np.zeros(0), r"audio must hold at least one sample, got shape \(0,\)"),
        (3.0, r"audio must hold at least one sample, got shape \(\)"),
        (np.array([0, np.nan, np.inf]), r"audio has 2 NaN or infinite"),
        (np.array([1j, 2]), "audio must hold real numbers, got dtype complex128"),
        (["a", "b"], "audio must hold real numbers, got dtype <U1"),
        (np.array([True, False]), "audio must hold real numbers, got dtype bool"),
    ],
)
def test_bad_audio_is_named(samples, match):
    with pytest.raises(ValueError, match=match):
        check_waveform(samples, 16000)


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, None, "16000", True, 1j])
def test_rates_are_positive_numbers(rate):
    with pytest.raises(ValueError, match="audio_sfreq must be a positive number of hertz, got"):
        check_waveform(np.ones(3), rate)


def test_cupy_arrays_are_filtered_by_cupyx(monkeypatch):
    on_device = type("ndarray", (), {})
    cupyx_signal = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(ndarray=on_device))
    monkeypatch.setitem(sys.modules, "cupyx.scipy.signal", cupyx_signal)
    assert signal_library(on_device()) is cupyx_signal
    assert signal_library(np.ones(3)) is scipy.signal
