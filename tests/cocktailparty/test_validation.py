import array_api_strict
import numpy as np
import pytest

from cocktailparty.validation import (
    check_finite,
    check_rate,
    check_time_first,
    constant_columns,
    float_array,
    same_rate,
)


def test_floats_pass_and_integers_become_double(rng):
    x = rng.random(3).astype(np.float32)
    assert float_array(x, "x") is x
    assert float_array([1, 2], "x").dtype == np.float64
    assert float_array(array_api_strict.asarray([1]), "x").dtype == array_api_strict.float64


def test_no_numbers_are_named():
    with pytest.raises(ValueError, match=r"^x must hold real numbers, got dtype bool"):
        float_array([True], "x")
    with pytest.raises(ValueError, match=r"^x must be an array of numbers"):
        float_array([[1], [1, 2]], "x")


def test_finite_values_pass_others_are_counted(rng):
    x = rng.random((5, 2))
    check_finite(x, "x")
    x[:2, 0] = np.nan, -np.inf
    with pytest.raises(ValueError, match="x has 2 NaN or infinite"):
        check_finite(x, "x")


def test_constant_columns_are_found(rng):
    x = rng.random((5, 4))
    assert constant_columns(x) == []
    x[:, 1], x[:, 3] = 0.3, -7
    assert constant_columns(x) == [1, 3]


@pytest.mark.parametrize(
    ("shape", "n_times"), [((8, 8), 8), ((64, 320), None), ((64, 306), 64), ((5, 7), 6)]
)
def test_signals_with_time_first_pass(shape, n_times):
    check_time_first(shape, "eeg", n_times)


@pytest.mark.parametrize(
    ("shape", "n_times"), [((8, 41), None), ((8, 41), 8), ((64, 70), 70), ((9, 2), 2)]
)
def test_signals_with_channels_first_are_refused(shape, n_times):
    with pytest.raises(
        ValueError, match=r"^eeg has shape .* time is expected first, \(n_times, n_"
    ):
        check_time_first(shape, "eeg", n_times)


def test_rates_differ_from_a_millionth_on():
    assert same_rate(512, 512)
    assert same_rate(1000 / 3, np.float32(1000 / 3))
    assert same_rate([51.2, 51.2 * (1 + 9e-7)], 51.2)
    assert not same_rate(51.2 * (1 + 2e-6), 51.2)
    assert not same_rate([51.2, 64], 51.2)
    assert not same_rate(np.nan, 51.2)


def test_numpy_scalars_are_rates():
    check_rate(np.float32(64), "sfreq")
    check_rate(np.int64(64), "sfreq")
