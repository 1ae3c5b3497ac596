import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.metrics import (
    accuracy_interval,
    decidable_windows,
    decision_shares,
    window_accuracy,
    window_scores,
)
from cocktailparty.metrics.decisions import count_text, sounding, whole_counts


def test_a_decision_goes_to_the_highest_score_and_a_tie_is_shared():
    scores = [[0.2, 0.1, 0.0], [0.1, 0.2, 0.0], [0.3, 0.3, 0.1], [0.0, 0.0, 0.0]]
    third = 1 / 3
    np.testing.assert_array_equal(
        decision_shares(scores), [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [third] * 3]
    )
    assert window_accuracy(scores) == pytest.approx((1 + 0.5 + third) / 4)
    assert window_accuracy(scores, attended=2) == pytest.approx(third / 4)


@given(
    n_stimuli=st.integers(2, 5),
    n_windows=st.integers(1, 40),
    constant=st.floats(-1e300, 1e300) | st.just(-np.inf) | st.just(np.inf),
    data=st.data(),
)
def test_what_says_nothing_is_right_once_in_n_stimuli(n_stimuli, n_windows, constant, data):
    scores = np.full((n_windows, n_stimuli), constant)
    attended = data.draw(st.integers(0, n_stimuli - 1))
    assert window_accuracy(scores, attended) == pytest.approx(1 / n_stimuli, rel=1e-15)


@given(
    scores=st.lists(
        st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 1e-9, 1.0]), min_size=3, max_size=3),
        min_size=1,
        max_size=20,
    ),
    order=st.permutations(range(3)),
)
def test_the_order_of_the_stimuli_does_not_matter(scores, order):
    shares = decision_shares(scores)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(decision_shares(np.array(scores)[:, order]), shares[:, order])


def test_scores_that_differ_by_rounding_are_equal_and_small_scores_are_not():
    x = np.log(np.array([[1 / 3, 1 / 3, 1 / 3]]))
    x[0, 1] = np.nextafter(x[0, 1], 0)
    np.testing.assert_array_equal(decision_shares(x), [[1 / 3] * 3])
    np.testing.assert_array_equal(decision_shares([[1e-300, 2e-300]]), [[0, 1]])
    np.testing.assert_array_equal(decision_shares([[1e6, 1e6 + 1e-7]]), [[0, 1]])


def test_scores_that_cannot_be_decided_are_refused():
    for bad, message in (
        (np.empty((0, 2)), "at least one window"),
        ([[1.0]], "at least 2 stimuli"),
        ([1.0, 2.0], "must have shape"),
        ([[0.1, 0.2], [np.nan, 0.1]], "scores: NaN in 1 of 4 scores"),
    ):
        with pytest.raises(ValueError, match=message):
            window_accuracy(bad)
    with pytest.raises(ValueError, match="attended=3 is not an index into 3"):
        window_accuracy([[0.1, 0.2, 0.3]], attended=3)
    assert decision_shares(np.empty((0, 2))).shape == (0, 2)


@given(
    n_times=st.integers(10, 200),
    n_features=st.integers(0, 2),
    window=st.integers(3, 40),  # correlations of 2 samples are 1 and -1, and may cancel
    hop=st.integers(1, 50) | st.none(),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
    seed=st.integers(0, 2**16),
)
def test_a_window_can_be_decided_where_a_stimulus_varies(
    n_times, n_features, window, hop, scale, seed
):
    rng = np.random.default_rng(seed)
    stimuli = rng.random((2, n_times, max(n_features, 1)))
    for stimulus in stimuli:
        start, stop = np.sort(rng.integers(0, n_times, 2))
        stimulus[start:stop] = rng.integers(2)
    stimuli = scale * (stimuli if n_features else stimuli[..., 0])
    seconds = None if hop is None else hop / 10
    found = decidable_windows(stimuli, 10, window / 10, seconds)
    starts = range(0, n_times - window + 1, hop or window)
    flat = stimuli.reshape(2, n_times, -1)
    expected = [np.any(np.ptp(flat[:, s : s + window], axis=1) > 0) for s in starts]
    np.testing.assert_array_equal(found, expected)
    if window <= n_times:
        reconstruction = rng.normal(size=flat.shape[1:])
        scores = window_scores(reconstruction, flat, 10, window / 10, seconds)
        np.testing.assert_array_equal(np.any(scores != 0, axis=1), found)


def test_what_a_filter_leaves_of_silence_is_silent(rng):
    stimuli = rng.normal(size=(2, 640))
    stimuli[:, 320:] = 1e-9 * rng.normal(size=(2, 320))
    np.testing.assert_array_equal(decidable_windows(stimuli, 64, 5), [True, False])
    with pytest.raises(ValueError, match=r"got \(640,\)"):
        decidable_windows(stimuli[0], 64, 5)
    assert sounding(stimuli, np.array([], int), 4).shape == (0,)


@pytest.mark.parametrize("method", ["wilson", "exact"])
def test_intervals_of_fractional_counts_hold_those_of_their_neighbours(method):
    for k, n in ((0.5, 10), (7.25, 20), (19.5, 20)):
        low, high = accuracy_interval(k, n, method)
        assert low == accuracy_interval(np.floor(k), n, method)[0]
        assert high == accuracy_interval(np.ceil(k), n, method)[1]
        assert low < k / n < high


def test_counts_are_whole_but_for_rounding():
    assert whole_counts(sum([1 / 3] * 6)) == (2, 2)
    assert whole_counts(2.1) == (2, 3)
    assert [count_text(k) for k in (1200, 1e7, 10.5, 7 / 3)] == ["1200", "10000000", "10.5", "2.33"]
