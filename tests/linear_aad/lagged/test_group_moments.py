import numpy as np
import pytest

from linear_aad.lagged.group_moments import GroupMoments, Segment
from linear_aad.lagged.moments import Moments, lag_matrix

LAGS = np.arange(3)


@pytest.fixture
def segments(rng):
    """Two subjects, three parts; the second subject has nothing in the last."""
    return [
        Segment(rng.normal(size=(40, 2)), rng.normal(size=(40, 1)), s, k)
        for s, k in [(0, 0), (0, 1), (0, 1), (0, 2), (1, 0), (1, 1)]
    ]


@pytest.mark.parametrize("subject", [None, 0, 1])
@pytest.mark.parametrize("without", [(), {0}, {1, 2}])
def test_sums_are_those_of_the_lag_matrix(segments, subject, without):
    kept = [x for x in segments if subject in (None, x.subject) and x.fold not in without]
    lagged = [Moments.of(lag_matrix(s.input, LAGS), s.output) for s in kept]
    expected = sum(lagged[1:], start=lagged[0])
    found = GroupMoments(segments, LAGS).total(subject, without)
    for a, b in zip(found.parts, expected.parts, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_what_is_not_there_is_none(segments):
    moments = GroupMoments(segments, LAGS)
    assert moments.n_folds == 3
    assert moments.of_fold(2, subject=1) is None
    assert moments.of_fold(2).n == 40
    assert moments.total(1, {0, 1}) is None


def test_single_precision_is_added_up_in_double(segments):
    single = [
        s._replace(input=s.input.astype(np.float32), output=s.output.astype(np.float32))
        for s in segments
    ]
    double = [
        s._replace(input=s.input.astype(float), output=s.output.astype(float)) for s in single
    ]
    found, expected = (GroupMoments(x, LAGS).total() for x in (single, double))
    np.testing.assert_array_equal(found.xx, expected.xx)
