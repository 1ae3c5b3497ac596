import importlib.util

import numpy as np
import pytest
from scipy import stats

from cocktailparty import statistics
from cocktailparty.statistics import (
    holm,
    mean_interval,
    sign_flip_test,
    subject_test,
    wilcoxon_test,
)


@pytest.mark.parametrize("n", [2, 6, 9])
def test_sign_flips_equal_those_of_scipy(rng, n):
    differences = rng.normal(0.5, 1, n)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    np.testing.assert_allclose(sign_flip_test(differences), theirs.pvalue, rtol=1e-12)


def test_one_sided_tests_equal_those_of_scipy(rng):
    differences = rng.normal(0.3, 1, 9)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True,
        alternative="greater",
    )  # fmt: skip
    found = sign_flip_test(differences, alternative="greater")
    np.testing.assert_allclose(found, theirs.pvalue, rtol=1e-12)
    ranks = stats.wilcoxon(differences, alternative="greater", method="exact").pvalue
    np.testing.assert_allclose(wilcoxon_test(differences, alternative="greater"), ranks)
    with pytest.raises(ValueError, match="alternative must be one of"):
        sign_flip_test(differences, alternative="less")


def test_no_effect_of_fewer_than_six_is_significant():
    p = [float(sign_flip_test(np.arange(1.0, n + 1))) for n in range(1, 9)]
    assert p == [2 / 2**n for n in range(1, 9)]
    assert [x <= statistics.ALPHA for x in p].index(True) + 1 == statistics.MIN_SUBJECTS
    assert all(wilcoxon_test(np.ones(n)) > statistics.ALPHA for n in range(1, 6))


def test_all_signs_are_tried_up_to_16_subjects_and_as_many_above(rng, monkeypatch):
    differences = np.arange(1.0, 17.0)
    assert float(sign_flip_test(differences)) == 2 / 2**16
    more = rng.normal(0.4, 1, 17)
    p = [float(sign_flip_test(more, random_state=seed)) for seed in (0, 0, 1)]
    assert p[0] == p[1] != p[2]
    monkeypatch.setattr(statistics, "N_FLIPS", 2**17)  # of 17, now all
    exact = float(sign_flip_test(more))
    np.testing.assert_allclose(p, exact, atol=5 * np.sqrt(exact / 2**16))


def test_several_tests_at_once_are_the_same_as_one_by_one(rng):
    differences = rng.normal(0.3, 1, (7, 2, 3))
    p = sign_flip_test(differences)
    assert p.shape == (2, 3)
    assert p[1, 2] == sign_flip_test(differences[:, 1, 2])


def test_signed_ranks_equal_those_of_scipy(rng):
    differences = rng.normal(0.5, 1, 11)
    exact = stats.wilcoxon(differences, method="exact").pvalue
    np.testing.assert_allclose(wilcoxon_test(differences), exact, rtol=1e-12)
    many = rng.normal(0.2, 1, 30)
    assert wilcoxon_test(many) == stats.wilcoxon(many).pvalue
    tied = np.round(differences)
    kept = tied[tied != 0]
    ranks = stats.PermutationMethod(n_resamples=np.inf)
    theirs = stats.wilcoxon(kept, method=ranks).pvalue
    np.testing.assert_allclose(wilcoxon_test(tied), theirs, rtol=1e-12)


def test_interval_equals_that_of_scipy(rng):
    values = rng.normal(55, 4, 9)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    np.testing.assert_allclose(mean_interval(values, 0.9), theirs, rtol=1e-12)
    assert np.isnan(mean_interval([3.0])).all()


@pytest.mark.skipif(importlib.util.find_spec("statsmodels") is None, reason="needs statsmodels")
def test_holm_equals_statsmodels(rng):
    from statsmodels.stats.multitest import multipletests

    p = rng.random(12) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


def test_holm_leaves_out_what_was_not_tested():
    assert holm([]).tolist() == []
    np.testing.assert_array_equal(holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])


def test_all_of_one_group_stand_together():
    test = subject_test([2.0, 4.0, 3.0, 5.0, 6.0, 4.0])
    assert test.n_subjects == 6
    assert (test.low + test.high) / 2 == pytest.approx(test.effect) == 4.0
    assert test.p == test.p_wilcoxon == 2 / 64
    nothing = subject_test(np.zeros(6))
    assert nothing.p == nothing.p_wilcoxon == 1


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (sign_flip_test, ([],), "a number for each subject, got shape"),
        (sign_flip_test, (3.0,), "got shape"),
        (wilcoxon_test, ([[1.0, 2.0]],), "got shape"),
        (subject_test, ([1.0, np.nan],), "1 of the 2 numbers of the subjects are not finite"),
        (mean_interval, ([1.0, 2.0], 95), "level must be between 0 and 1, got 95"),
        (holm, ([0.5, 1.2],), "from 0 to 1"),
        (holm, ([[0.5]],), "along one axis"),
    ],
)
def test_bad_input_is_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_false_alarms_and_coverage_are_nominal(rng):
    """The long version, with power, is benchmarks/accuracy/group_tests.py."""
    differences = rng.normal(0, 5, (13, 1000))
    alarms = (sign_flip_test(differences) <= 0.05).mean()
    covered = np.mean([low <= 0 <= high for low, high in map(mean_interval, differences.T)])
    assert 0.03 < alarms < 0.07
    assert 0.93 < covered < 0.97
