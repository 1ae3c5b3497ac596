"""Results that the folds of one command share."""

import weakref

import numpy as np
import pandas as pd
import pytest

from cocktailparty import reuse
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation import compare
from cocktailparty.model_selection import Split
from linear_aad import AttentionDecoder, BackwardTRF
from linear_aad.lagged.moments import LaggedMoments


def counted(made, value=0):
    made.append(value)
    return value


def test_nothing_is_kept_outside():
    made, x = [], np.arange(3.0)
    for _ in range(2):
        reuse.reused([x], "a", 8, lambda: counted(made))
    with reuse.reusing():
        reuse.reused([x], "a", 8, lambda: counted(made))
    assert len(made) == 3


@pytest.mark.parametrize(
    "other",
    [
        (lambda x: x[1:], "a"),
        (lambda x: x[:-1], "a"),
        (lambda x: x[::2], "a"),
        (lambda x: x.copy(), "a"),
        (lambda x: x.view(np.int64), "a"),
        (lambda x: x, "b"),
    ],
)
def test_other_memory_and_other_settings_are_computed(other):
    made, x = [], np.arange(6.0)
    part, settings = other
    with reuse.reusing():
        reuse.reused([x], "a", 8, lambda: counted(made))
        reuse.reused([part(x)], settings, 8, lambda: counted(made))
        assert len(made) == 2
        reuse.reused([x[:]], "a", 8, lambda: counted(made))
    assert len(made) == 2


def test_every_second_value_is_other_memory_than_the_first_ones():
    made, x = [], np.arange(6.0)
    with reuse.reusing():
        for part in (x[:3], x[::2]):
            reuse.reused([part], "a", 8, lambda: counted(made))
    assert len(made) == 2


def test_memory_that_was_freed_is_not_mistaken_for_what_lies_there_now():
    with reuse.reusing():
        for value in range(50):
            x = np.full(1000, float(value))
            assert reuse.reused([x], "first", 8, lambda x=x: x[0]) == value
            del x


def test_arrays_that_nobody_else_holds_are_not_kept_alive():
    class Sum(float):
        """A result that can be watched."""

    with reuse.reusing():
        x = np.arange(4.0)
        seen = weakref.ref(x)
        result = reuse.reused([x[1:]], "sum", 8, Sum)
        watched = weakref.ref(result)
        del x, result
        assert seen() is None
        assert watched() is None


def test_what_was_freed_makes_room(monkeypatch):
    monkeypatch.setattr(reuse, "KEPT_BYTES", 8)
    made = []
    with reuse.reusing():
        for _ in range(3):
            x = np.arange(3.0)
            for _ in range(2):
                reuse.reused([x], "a", 8, lambda: counted(made))
            del x
    assert len(made) == 3


def test_what_exceeds_the_limit_is_computed_every_time(monkeypatch):
    monkeypatch.setattr(reuse, "KEPT_BYTES", 10)
    made, x = [], np.arange(3.0)
    with reuse.reusing():
        for settings in ("a", "b", "a", "b"):
            reuse.reused([x], settings, 8, lambda s=settings: counted(made, s))
    assert made == ["a", "b", "b"]


def test_blocks_inside_share_with_the_outermost():
    made, x = [], np.arange(3.0)
    with reuse.reusing():
        with reuse.reusing():
            reuse.reused([x], "a", 8, lambda: counted(made))
        reuse.reused([x], "a", 8, lambda: counted(made))
    assert len(made) == 1


def test_a_comparison_sums_over_each_trial_once(monkeypatch):
    trials = simulate_two_talkers(n_trials=6, n_channels=4, duration=10, random_state=0).trials
    sums, of = [], LaggedMoments.of.__func__

    def counting(cls, *arguments):
        sums.append(arguments)
        return of(cls, *arguments)

    monkeypatch.setattr(LaggedMoments, "of", classmethod(counting))
    ridge = AttentionDecoder(BackwardTRF(tmax=0.1, alpha=[1e-3, 1e-1], alpha_convention="relative"))
    unlike = AttentionDecoder(BackwardTRF(tmax=0.1, alpha=[1.0], remove_mean=False))
    split = Split("trial", n_splits=3, windows=[5])
    together = compare({"ridge": ridge, "other": unlike}, trials, split)
    assert len(sums) == 2 * len(trials)  # with and without the means
    monkeypatch.setattr(reuse, "KEPT_BYTES", 0)
    apart = compare({"ridge": ridge, "other": unlike}, trials, split)
    assert len(sums) > 4 * len(trials)
    pd.testing.assert_frame_equal(together, apart, check_exact=True)
