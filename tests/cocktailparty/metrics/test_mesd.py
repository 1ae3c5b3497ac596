import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.metrics import mesd


def test_the_authors_demonstration():
    result = mesd([1, 5, 10, 20, 30, 60], [0.53, 0.61, 0.69, 0.76, 0.84, 0.9])
    assert result.mesd == pytest.approx(49.5286, abs=5e-5)
    assert result.n_states == 5
    assert result.window == pytest.approx(9.5045, abs=5e-5)


def markov_chain(p, n_states, comfort=0.65):
    """Mean hitting time by solving the linear system of the walk, started as after a switch."""
    target = int(np.ceil(comfort * (n_states - 1) + 1))
    # Steps until `target`, from each state below it; the walk reflects at state 1.
    system = np.eye(target - 1)
    for i in range(target - 1):
        system[i, max(i - 1, 0)] -= 1 - p
        if i + 1 < target - 1:
            system[i, i + 1] -= p
    hitting = np.linalg.solve(system, np.ones(target - 1))
    odds = p / (1 - p)
    start = odds ** -np.arange(target - 1.0)
    return start @ hitting / start.sum()


@given(p=st.floats(0.52, 0.99), window=st.floats(0.5, 60))
def test_duration_is_the_hitting_time_of_the_walk(p, window):
    result = mesd([window], [p])
    assert result.mesd == pytest.approx(window * markov_chain(p, result.n_states), rel=1e-6)


@given(p=st.floats(0.52, 0.99))
def test_fewer_states_would_not_keep_the_gain_up(p):
    def lowest_share(n):
        odds = p / (1 - p)
        stationary = odds ** np.arange(n)
        above = np.cumsum((stationary / stationary.sum())[::-1])[::-1]
        # the highest level that the gain exceeds or equals with the wanted probability
        return (np.flatnonzero(above >= 0.8 - 1e-12).max()) / (n - 1)

    n_states = mesd([1.0], [p]).n_states
    assert lowest_share(n_states) >= 0.65 - 1e-9
    if n_states > 5:
        assert lowest_share(n_states - 1) < 0.65


def test_order_and_perfect_decoders():
    forward = mesd([1, 10, 30], [0.55, 0.7, 0.8])
    assert forward == mesd([30, 1, 10], [0.8, 0.55, 0.7])
    assert mesd([2.0], [1.0]).mesd == pytest.approx(2 * 3)  # three sure steps to state 4 of 5


@pytest.mark.parametrize("useless", [0.5, 0.45, 0.0])
def test_windows_that_are_no_better_than_chance_are_left_out_before_interpolation(useless):
    """As in the authors' toolbox; the curve from the useless point would give 47.9 s."""
    assert mesd([1, 10], [useless, 0.7]) == mesd([10], [0.7])
    assert mesd([1, 10], [0.5, 0.7]).mesd == pytest.approx(49.976, abs=5e-4)
    kept = mesd([1, 10, 30], [0.6, 0.7, 0.8])
    assert mesd([30, 5, 1, 10], [0.8, useless, 0.6, 0.7]) == kept


def test_bad_curves_are_refused():
    for arguments, message in (
        (([1, 2], [0.4, 0.5]), "no accuracy exceeds 0.5"),
        (([1, 2], [0.4]), "of one length"),
        (([], []), "of one length"),
        (([1, 1], [0.6, 0.7]), "different from each other"),
        (([0, 1], [0.6, 0.7]), "windows must be positive"),
        (([1, 2], [0.6, 1.2]), "accuracies must lie between"),
        (([1, 2], [0.6, np.nan]), "accuracies must lie between"),
    ):
        with pytest.raises(ValueError, match=message):
            mesd(*arguments)
    with pytest.raises(ValueError, match="confidence and comfort"):
        mesd([1], [0.7], comfort=1.0)


def test_an_accuracy_of_one_half_but_for_rounding_is_no_use() -> None:
    """The number of gain levels would grow without end."""
    assert mesd([5, 10], [0.5 + 1e-15, 0.8]) == mesd([10], [0.8])
    with pytest.raises(ValueError, match=r"no accuracy exceeds 0\.5"):
        mesd([5], [0.5 + 1e-12])
    assert np.isfinite(mesd([5], [0.5 + 1e-5]).mesd)
