import numpy as np

from cocktailparty.separation.artefacts import without_artefacts


def test_artefacts_are_cut_down_and_named(rng):
    clean = rng.normal(size=3840)
    guide = clean.copy()
    for start, level in ((640, 200), (680, -50), (2000, 30)):
        guide[start : start + 8] += level
    before = guide.copy()
    found, artefacts = without_artefacts(guide, 64)
    np.testing.assert_array_equal(guide, before)
    assert [round(start, 1) for start, _ in artefacts] == [10.0, 10.6, 31.2]
    assert np.abs(found).max() < 8
    quiet = np.abs(guide) < 5
    np.testing.assert_array_equal(found[quiet], guide[quiet])


def test_rare_loud_events_and_flat_guides_are_left(rng):
    clicks = (rng.random(2000) < 0.08) * rng.random(2000)
    for guide in (clicks, np.ones(100), (np.arange(2000) % 100 == 0) * 1.0, rng.random(3)):
        found, artefacts = without_artefacts(guide, 64)
        np.testing.assert_array_equal(found, guide)
        assert not artefacts
