import numpy as np
import pytest

from cocktailparty.metrics import ShiftTest, circular_shift_null


def test_p_value_counts_shifts_that_do_as_well():
    assert ShiftTest(2.0, np.array([1.0, 2.0, 3.0])).p_value == 3 / 4
    assert ShiftTest(4.0, np.array([1.0, 2.0, 3.0])).p_value == 1 / 4


@pytest.mark.parametrize(
    ("observed", "null"), [(np.nan, [0.1, 0.2]), (0.3, [0.1, np.nan]), (np.nan, [np.nan])]
)
def test_nan_is_not_above_the_shifts(observed, null):
    with pytest.raises(ValueError, match=r"NaN for .* shifts"):
        ShiftTest(observed, np.array(null))


def test_stimuli_are_shifted_each_by_its_own_amount(rng):
    stimuli = [np.arange(50.0), np.arange(80.0)[:, None]]
    seen = []
    circular_shift_null(
        lambda s: seen.append(s) or 0.0, stimuli, n_shifts=200, min_shift=10, random_state=0
    )
    np.testing.assert_array_equal(seen[0][0], stimuli[0])
    shifts = np.array([[int(s.ravel()[0]) for s in shifted] for shifted in seen[1:]])
    for k, n in enumerate((50, 80)):
        for shift, shifted in zip(shifts[:, k], seen[1:], strict=True):
            np.testing.assert_array_equal(shifted[k], np.roll(stimuli[k], -shift, axis=0))
        assert shifts[:, k].min() == 10
        assert shifts[:, k].max() == n - 10
    assert np.corrcoef(shifts.T)[0, 1] < 0.3


def test_a_real_relation_is_found_and_a_seed_repeats_it(rng):
    stimulus = rng.normal(size=400)
    response = stimulus + 2 * rng.normal(size=400)

    def score(stimuli):
        return np.corrcoef(stimuli[0], response)[0, 1]

    test = circular_shift_null(score, [stimulus], n_shifts=199, min_shift=5, random_state=1)
    assert test.p_value == 1 / 200
    again = circular_shift_null(score, [stimulus], n_shifts=199, min_shift=5, random_state=1)
    np.testing.assert_array_equal(test.null, again.null)


def test_bad_requests_are_refused():
    for arguments, message in (
        (([],), "no stimuli to shift"),
        (([np.ones(19)],), r"stimuli\[0\] has 19 samples, too short"),
    ):
        with pytest.raises(ValueError, match=message):
            circular_shift_null(lambda s: 0.0, *arguments, min_shift=10)
    with pytest.raises(ValueError, match="n_shifts=0"):
        circular_shift_null(lambda s: 0.0, [np.ones(9)], n_shifts=0)
