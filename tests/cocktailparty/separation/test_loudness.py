import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.separation.loudness import exponents, exponents_near, power_of_two, scaled


@given(power=st.integers(-1000, 1000), seed=st.integers(0, 99))
def test_scaling_brings_the_mean_near_one_and_rounds_nothing(power, seed):
    x = np.random.default_rng(seed).random((300, 4)) + 0.1
    loud = x * 2.0**power
    exponent = exponents(loud)
    level = scaled(loud, -exponent)
    if abs(power) <= 15:
        assert level is loud
    elif abs(power) >= 18:  # between the two, the mean decides
        assert 0.5 < level.mean() < 2
    np.testing.assert_array_equal(scaled(level, exponent), loud)


def test_extremes_and_silence():
    assert exponents(np.zeros((3, 4))) == 0
    assert exponents(np.full((3, 4), np.finfo(float).max)) == 1024
    batch = np.stack([np.zeros((3, 4)), np.ones((3, 4)), np.full((3, 4), 1e-30)])
    assert exponents(batch).tolist() == [0, 0, -100]
    tiny = np.full((3, 4), 1e-42, dtype=np.float32)
    assert scaled(tiny, -exponents(tiny)).mean() == pytest.approx(1, rel=0.5)


def test_components_keep_their_proportion_to_the_spectrogram():
    w = np.full((2, 5), 3e-20)
    near, far = exponents(w) + 3, exponents(w) + 60
    assert exponents_near(w, near) == near
    assert exponents_near(w, far) == exponents(w)


def test_factors():
    assert power_of_two(-3.0) == 0.125
    assert power_of_two(np.array([2000.0]))[0] == np.inf
