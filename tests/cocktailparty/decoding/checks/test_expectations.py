import numpy as np
import pytest

from cocktailparty.decoding.checks.expectations import expect, gap, numbers, raises, same


def test_the_gap_is_relative_and_knows_infinity():
    assert gap(np.array([[2.0, -1.0]]), np.array([[2.0, -2.0]])) == 0.5
    assert gap(np.zeros(3), np.zeros(3)) == 0
    assert gap(np.array([-np.inf, 1.0]), np.array([-np.inf, 1.0])) == 0
    assert gap(np.array([0.0, 1.0]), np.array([-np.inf, 1.0])) == np.inf
    assert gap(np.zeros(3), np.zeros((3, 1))) == np.inf


def test_what_is_not_so_is_told():
    expect(True, "nothing")
    same([1.0], [1.0 + 1e-9], "scores")
    with pytest.raises(AssertionError, match="found this"):
        expect(False, "found this")
    with pytest.raises(AssertionError, match=r"both: scores differ by 5\.0e-01 of the largest"):
        same([1.0], [2.0], "both")
    with pytest.raises(AssertionError, match="scores have dtype int64"):
        numbers(np.array([1]))


def test_errors_have_to_be_the_right_ones():
    assert "invalid literal" in raises(ValueError, "int", int, "x")
    with pytest.raises(AssertionError, match="int raises no ValueError"):
        raises(ValueError, "int", int, "1")
    with pytest.raises(AssertionError, match=r"int raises TypeError .*, not ValueError"):
        raises(ValueError, "int", int, None)
