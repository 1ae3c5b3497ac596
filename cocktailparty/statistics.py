"""Tests over subjects: sign flips, signed ranks, t intervals and Holm's correction.

Whether a decoder works for people, and not only for the trials at hand, is asked with the subject
as the unit: each contributes one number, such as its accuracy above chance, or the difference of
two decoders. `cocktailparty.evaluation.group_tests` applies these tests to a comparison.
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "ALPHA",
    "MIN_SUBJECTS",
    "N_FLIPS",
    "SubjectTest",
    "holm",
    "mean_interval",
    "sign_flip_test",
    "subject_test",
    "wilcoxon_test",
]

#: Level of the tests.
ALPHA = 0.05
#: Assignments of signs that are tried: all up to 16 subjects, as many random ones for more.
N_FLIPS = 2**16
#: Fewest subjects with whom a two-sided test can reach 5 %: its p is at least 2 / 2 ** n.
MIN_SUBJECTS = 6

_ALTERNATIVES = ("two-sided", "greater")


class SubjectTest(NamedTuple):
    """Mean of one number a subject, and tests against zero.

    Attributes
    ----------
    n_subjects : int
        Number of subjects.
    effect : float
        Mean over subjects, in the unit of the numbers.
    low, high : float
        Bounds of its 95 % interval by Student's t; NaN for one subject.
    p : float
        p of the sign flips.
    p_wilcoxon : float
        p of the signed ranks.
    """

    n_subjects: int
    effect: float
    low: float
    high: float
    p: float
    p_wilcoxon: float


def subject_test(
    differences: Any, *, alternative: str = "two-sided", random_state: Any = 0
) -> SubjectTest:
    """Test whether the mean of one number a subject differs from zero.

    Parameters
    ----------
    differences : array-like of shape (n_subjects,)
        A number for each subject: accuracy minus chance, or one decoder minus another.
    alternative : {"two-sided", "greater"}
        Whether p is that of a mean as far from zero, or as high.
    random_state : {None, int, Generator}
        Seed of the sign flips, where not all are tried.

    Returns
    -------
    test : SubjectTest
        Effect, interval and p values. With fewer than `MIN_SUBJECTS` none can be significant.

    Raises
    ------
    ValueError
        If there is no subject, or a number is not finite.

    Examples
    --------
    >>> test = subject_test([6.0, 2.5, 4.0, 7.5, 1.0, 3.0])
    >>> test.effect, test.p, round(test.low, 2), round(test.high, 2)
    (4.0, 0.03125, 1.49, 6.51)
    """
    values = _numbers(differences)
    low, high = mean_interval(values)
    p = float(sign_flip_test(values, alternative=alternative, random_state=random_state))
    p_wilcoxon = wilcoxon_test(values, alternative=alternative)
    return SubjectTest(len(values), float(values.mean()), low, high, p, p_wilcoxon)


def sign_flip_test(
    differences: Any, *, alternative: str = "two-sided", random_state: Any = 0
) -> np.ndarray:
    """Test a mean under changed signs, which no effect leaves as probable as they are.

    Nothing is assumed but that the numbers are symmetric around zero without an effect, as
    differences of two exchangeable conditions are.

    Parameters
    ----------
    differences : array-like of shape (n_subjects, ...)
        A number for each subject; several tests stand along further axes.
    alternative : {"two-sided", "greater"}
        Whether p is that of a mean as far from zero, or as high.
    random_state : {None, int, Generator}
        Seed of the signs where they are drawn: `N_FLIPS` of them for more than 16 subjects.

    Returns
    -------
    p : ndarray of shape (...)
        Share of the assignments whose mean is as far from zero as the observed one, which belongs
        to them: never below 2 / 2 ** n_subjects, or half of it for "greater".

    Raises
    ------
    ValueError
        If there is no subject, a number is not finite, or the alternative is unknown.

    References
    ----------
    Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology, 9(1), 39.
    https://doi.org/10.2202/1544-6115.1585

    Examples
    --------
    >>> float(sign_flip_test([1.0, 2.0, 3.0, 4.0]))
    0.125
    """
    values = _numbers(differences, several=True)
    _checked(alternative)
    columns = values.reshape(len(values), -1)
    observed = columns.sum(axis=0)
    rounding = 1e-9 * np.abs(columns).sum(axis=0)
    as_extreme, n = np.zeros(columns.shape[1]), 0
    for signs in _signs(len(values), random_state):
        sums = signs @ columns
        if alternative == "greater":  # each assignment, and the one with all other signs
            as_extreme += (sums >= observed - rounding).sum(axis=0)
            as_extreme += (-sums >= observed - rounding).sum(axis=0)
            n += 2 * len(signs)
        else:
            as_extreme += (np.abs(sums) >= np.abs(observed) - rounding).sum(axis=0)
            n += len(signs)
    return np.asarray((as_extreme / n).reshape(values.shape[1:]))


def wilcoxon_test(differences: Any, *, alternative: str = "two-sided") -> float:
    """Test a mean by Wilcoxon's signed ranks.

    Exact up to 16 subjects, also where numbers tie, by the same sign flips of the ranks; for more,
    `scipy.stats.wilcoxon`. Zeros are left out.

    Parameters
    ----------
    differences : array-like of shape (n_subjects,)
        A number for each subject.
    alternative : {"two-sided", "greater"}
        As for `sign_flip_test`.

    Returns
    -------
    p : float
        1 if all numbers are zero.

    Raises
    ------
    ValueError
        If there is no subject, or a number is not finite.

    References
    ----------
    Wilcoxon, F. (1945). Individual comparisons by ranking methods. Biometrics Bulletin, 1(6),
    80-83. https://doi.org/10.2307/3001968

    Examples
    --------
    >>> wilcoxon_test([6.0, 2.5, -1.0, 7.5, 2.5, 3.0])
    0.0625
    """
    from scipy.stats import rankdata, wilcoxon

    values = _numbers(differences)
    values = values[values != 0]
    if not len(values):
        return 1.0
    if 2 ** len(values) > N_FLIPS:
        checked: Any = _checked(alternative)
        return float(wilcoxon(values, alternative=checked).pvalue)
    ranks = np.sign(values) * rankdata(np.abs(values))
    return float(sign_flip_test(ranks, alternative=alternative))


def mean_interval(values: Any, level: float = 0.95) -> tuple[float, float]:
    """Interval of a mean over subjects by Student's t.

    Parameters
    ----------
    values : array-like of shape (n_subjects,)
        A number for each subject.
    level : float
        Probability that the interval covers the mean of the population.

    Returns
    -------
    low, high : float
        NaN for a single subject.

    Raises
    ------
    ValueError
        If there is no subject, a number is not finite, or the level is not between 0 and 1.

    Examples
    --------
    >>> low, high = mean_interval([52.0, 58.0, 61.0, 55.0])
    >>> round(low, 1), round(high, 1)
    (50.3, 62.7)
    """
    from scipy.stats import t

    numbers = _numbers(values)
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    n = len(numbers)
    if n < 2:
        return float("nan"), float("nan")
    half = float(t.ppf((1 + level) / 2, n - 1)) * float(numbers.std(ddof=1)) / np.sqrt(n)
    mean = float(numbers.mean())
    return float(mean - half), float(mean + half)


def holm(p: Any) -> np.ndarray:
    """Correct p values for their number by Holm's step-down method.

    Parameters
    ----------
    p : array-like of shape (n_tests,)
        Values of p; NaN stands for what was not tested, and is not counted.

    Returns
    -------
    corrected : ndarray of shape (n_tests,)
        Corrected values in the same order, 1 at most.

    Raises
    ------
    ValueError
        If a value is not between 0 and 1, or `p` has more than one axis.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics, 6(2), 65-70. https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    if values.ndim != 1 or not np.all(np.isnan(values) | ((values >= 0) & (values <= 1))):
        raise ValueError(f"p must be values from 0 to 1 along one axis, got {p!r}")
    order = np.argsort(values)[: int(np.sum(~np.isnan(values)))]
    corrected = np.full(len(values), np.nan)
    steps = np.arange(len(order), 0, -1) * values[order]
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def _signs(n: int, random_state: Any) -> Any:
    """Blocks of signs (n_flips, n_subjects); all at once change nothing, so half of them tell."""
    if 2**n <= N_FLIPS:
        numbers = np.arange(2 ** (n - 1))[:, None]
        yield 1.0 - 2.0 * ((numbers >> np.arange(n)) & 1)
        return
    rng = np.random.default_rng(random_state)
    yield np.ones((1, n))  # the signs as they are
    block = 2**12
    for start in range(1, N_FLIPS, block):
        yield 1.0 - 2.0 * rng.integers(2, size=(min(block, N_FLIPS - start), n), dtype=np.int8)


def _checked(alternative: str) -> str:
    if alternative not in _ALTERNATIVES:
        raise ValueError(f"alternative must be one of {_ALTERNATIVES}, got {alternative!r}")
    return alternative


def _numbers(values: Any, *, several: bool = False) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
    if not numbers.ndim or (numbers.ndim > 1 and not several) or not len(numbers):
        raise ValueError(
            f"a test over subjects takes a number for each subject, got shape {numbers.shape}"
        )
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"{int(np.sum(~np.isfinite(numbers)))} of the {numbers.size} numbers of the subjects "
            "are not finite: leave these subjects out"
        )
    return numbers
