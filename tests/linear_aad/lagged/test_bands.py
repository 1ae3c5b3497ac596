import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_aad.lagged.bands import candidates, directions

ALPHAS = [1e-2, 1.0, 1e2, 1e4]


def test_a_grid_holds_every_combination_once():
    found = candidates(ALPHAS, 3, "grid")
    assert found.shape == (64, 3)
    assert len({tuple(row) for row in found}) == 64
    assert set(found.ravel()) == set(ALPHAS)


def test_random_directions_spread_around_every_alpha():
    found = candidates(ALPHAS, 3, 50, random_state=0)
    assert found.shape == (200, 3)
    np.testing.assert_allclose(np.prod(found, axis=1) ** (1 / 3), ALPHAS * 50)
    np.testing.assert_allclose(found[:4], np.tile(np.array(ALPHAS)[:, None], 3))
    logs = np.log(found[::4])
    spread = logs.max(axis=1) - logs.min(axis=1)
    assert spread.max() <= np.log(1e6)
    assert spread.max() > 0.8 * np.log(1e6)
    assert len(directions(found)) == 50
    np.testing.assert_array_equal(found, candidates(ALPHAS, 3, 50, random_state=0))
    assert not np.array_equal(found, candidates(ALPHAS, 3, 50, random_state=1))


@given(
    exponents=st.lists(st.integers(-4, 6), min_size=1, max_size=5, unique=True),
    n_bands=st.integers(1, 3),
    search=st.sampled_from(["grid", 1, 4]),
)
def test_directions_hold_every_candidate_once(exponents, n_bands, search):
    alphas = [10.0**k for k in exponents]
    if len(alphas) == 1 and search == 4:
        search = 1
    found = candidates(alphas, n_bands, search, random_state=0)
    groups = directions(found)
    assert sorted(i for group in groups for i in group.candidates) == list(range(len(found)))
    for group in groups:
        # Penalty alpha on inputs times f is penalty alpha / f^2 on the weights of the inputs.
        penalties = np.array(group.alphas)[:, None] / group.factors**2
        np.testing.assert_allclose(penalties, found[group.candidates], rtol=1e-8)


def test_a_grid_of_powers_shares_its_ratios():
    assert len(directions(candidates([1.0, 10.0, 100.0], 2, "grid"))) == 5
    assert len(directions(candidates(ALPHAS, 1, "grid"))) == 1
    assert len(directions(np.array([[0.0], [1.0]]))) == 1  # no penalty at all, without bands


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], 2, "grid"), r"penalties of bands must be positive, got alpha=\[0.0, 1.0\]"),
        ((ALPHAS, 7, "grid"), r"has 4\^7 candidates, more than 10000: set band_search"),
        ((ALPHAS, 2, "halving"), "'grid' or a positive number of directions, got 'halving'"),
        ((ALPHAS, 2, 0), "positive number of directions, got 0"),
        ((ALPHAS, 2, True), "positive number of directions, got True"),
        (([1.0], 2, 3), "pass several alphas"),
    ],
)
def test_impossible_searches_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        candidates(*arguments)
