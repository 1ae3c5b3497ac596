import numpy as np
import pytest

from cocktailparty.separation import attend
from cocktailparty.separation.chance import most_odds, null_shifts


def test_shifts_of_what_repeats_are_whole_periods(rng):
    for period, n in ((61, 488), (32, 3840), (40.5, 4000)):
        beat = (np.arange(n) % period < 4) * 1.0
        for shifts in null_shifts(beat + 0.02 * rng.normal(size=n)):
            off = np.abs(shifts / period - np.round(shifts / period)) * period
            assert off.max() < 1
            assert shifts.min() > period / 2
            assert shifts.max() < n - period / 2
    few, many = null_shifts(rng.normal(size=3000))
    assert (len(few), len(many)) == (199, 999)
    assert few.min() == many.min() == 150
    assert len(null_shifts(rng.normal(size=100))[1]) == 91


def test_odds_are_bounded_by_the_shifts():
    p = np.linspace(0.001, 0.999, 200)
    odds = np.array([most_odds(one) for one in p])
    assert np.all(np.diff(odds) < 0)
    assert most_odds(0.05) == pytest.approx(1)
    # What a confidence of .9 takes.
    assert most_odds(0.017) < 9.3 < most_odds(0.0165)


def loudness_of(kind, rng, n_frames=1280):
    """Loudness of four components of music that repeats, or does not."""
    if kind == "beat":
        bars = rng.random((32, 4)) ** 4
        return np.tile(bars, (n_frames // 32, 1)) * (1 + 0.1 * rng.random((n_frames, 4)))
    return np.repeat(rng.random((n_frames // 8, 4)) ** 4, 8, axis=0)


@pytest.mark.parametrize(
    ("n_guides", "trusted"), [(40, 0.1), pytest.param(400, 0.05, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("kind", ["beat", "free"])
@pytest.mark.parametrize("guide", ["noise", "same tempo", "other song"])
def test_guides_of_something_else_are_hardly_ever_trusted(kind, guide, n_guides, trusted):
    """No more than 5 % get a confidence above .5, and half as many one above .9."""
    confidence = []
    for seed in range(n_guides):
        rng = np.random.default_rng(seed)
        loudness = loudness_of(kind, rng)
        other = {
            "noise": lambda rng: rng.normal(size=1280),
            "same tempo": lambda rng: loudness_of("beat", rng)[:, 0],
            "other song": lambda rng: np.roll(loudness_of("free", rng)[:, 0], rng.integers(8)),
        }[guide](rng)
        found = attend(other, loudness, np.eye(4))
        confidence.append(found.confidence)
        assert not (found.p_value >= 0.05 and (found.confidence > 0.5 or len(found.chosen)))
    assert np.mean(np.array(confidence) > 0.5) <= trusted
    assert np.mean(np.array(confidence) > 0.9) <= trusted / 2


def test_lags_are_searched_at_their_price(rng):
    loudness = rng.random((3000, 4)) ** 6
    late = np.roll(loudness[:, 2], 9) + 0.2 * rng.normal(size=3000)
    blind = attend(late, loudness, np.eye(4))
    found = attend(late, loudness, np.eye(4), lags=np.arange(-5, 20))
    assert blind.confidence < 0.5
    assert found.chosen.tolist() == [2]
    assert found.lag == 9
    assert found.confidence > 0.95
    assert found.correlation > 0.5
    early = attend(np.roll(late, -12), loudness, np.eye(4), lags=np.arange(-5, 20))
    assert early.lag == -3
    p_values = [
        attend(rng.normal(size=600), loudness[:600], np.eye(4), lags=np.arange(12)).p_value
        for _ in range(25)
    ]
    assert np.mean(np.array(p_values) < 0.05) < 0.2
    assert np.median(p_values) > 0.25


def test_a_single_component_is_the_part(rng):
    loudness = rng.random((3000, 5)) ** 6
    loudness[:, 4] = 0
    found = attend(loudness[:, 1] + 0.3 * rng.normal(size=3000), loudness, np.eye(5), single=True)
    assert found.chosen.tolist() == [1]
    np.testing.assert_allclose(found.probabilities.sum(), 1)
    assert found.probabilities[4] == 0
    np.testing.assert_allclose(found.weights, [0, 1, 0, 0, 0], atol=0.02)
