import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.separation.grouping import attend_to_groups, group_components, similarities

N_FRAMES, N_FREQS = 1500, 256


def scene(rng, sizes, *, share=0.7, panned=False):
    """Components of sources: each has an envelope and a timbre that its components share in part.

    Returns loudness, spectra, positions and the true source of each component.
    """
    truth = np.repeat(np.arange(len(sizes)), sizes)
    envelopes = rng.random((N_FRAMES, len(sizes))) ** 4
    own = rng.random((N_FRAMES, len(truth))) ** 4
    loudness = share * envelopes[:, truth] + (1 - share) * own
    centres = np.geomspace(4, N_FREQS / 2, len(sizes))[truth] * rng.uniform(0.9, 1.1, len(truth))
    bins = np.arange(1, N_FREQS + 1)
    spectra = np.exp(-(np.log2(bins / centres[:, None]) ** 2)) + 1e-3 * rng.random(
        (len(truth), N_FREQS)
    )
    left = np.linspace(0.1, 0.9, len(sizes))[truth] if panned else np.full(len(truth), 0.5)
    return loudness, spectra, np.stack([left, 1 - left], axis=1), truth


def same(found, truth):
    """Whether two groupings are the same but for the names of the groups."""
    return np.array_equal(found[:, None] == found, truth[:, None] == truth)


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    seed=st.integers(0, 999),
)
def test_known_groups_are_found_in_any_order(sizes, seed):
    rng = np.random.default_rng(seed)
    loudness, spectra, _, truth = scene(rng, sizes)
    order = rng.permutation(len(truth))
    found = group_components(loudness[:, order], spectra[order], None, len(sizes))
    assert same(found, truth[order])
    assert found[0] == 0
    assert set(found) == set(range(len(sizes)))


def test_each_thing_shared_is_enough_where_nothing_else_tells(rng):
    loudness, spectra, positions, truth = scene(rng, [4, 4], panned=True)
    alone = rng.random(loudness.shape) ** 4
    flat = rng.random(spectra.shape) + 1
    assert same(group_components(loudness, flat, None, 2), truth)  # activations
    assert same(group_components(alone, spectra, None, 2), truth)  # spectra
    assert same(group_components(alone, flat, positions, 2), truth)  # stereo position
    assert not same(group_components(alone, flat, None, 2), truth)


def test_onsets_group_what_decays_differently(rng):
    strokes = rng.random((2, N_FRAMES)) < 0.02
    decays = np.exp(-np.arange(120)[:, None] / np.array([2.0, 40.0, 2.0, 40.0]))
    truth = np.array([0, 0, 1, 1])
    loudness = np.stack(
        [np.convolve(strokes[s], decays[:, k])[:N_FRAMES] for k, s in enumerate(truth)], axis=1
    )
    spectra = rng.random((4, N_FREQS)) + 1
    assert same(group_components(loudness, spectra, None, 2), truth)


def test_similarities_are_symmetric_bounded_and_blind_to_loudness(rng):
    loudness, spectra, positions, _ = scene(rng, [3, 2], panned=True)
    found = similarities(loudness, spectra, positions)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-12
    gains = rng.uniform(0.01, 100, 5)
    again = similarities(loudness * gains, spectra * gains[:, None] * 7, positions)
    np.testing.assert_allclose(again, found, atol=1e-9)
    wide = similarities(loudness, spectra, np.tile([0.5, 0.5], (5, 1)))
    np.testing.assert_allclose(wide, similarities(loudness, spectra), atol=1e-12)


def test_silent_components_and_as_many_groups_as_components(rng):
    loudness, spectra, positions, _ = scene(rng, [2, 2])
    loudness[:, 1] = 0
    spectra[2] = 0
    found = group_components(loudness, spectra, positions, 2)
    assert set(found) == {0, 1}
    assert list(group_components(loudness, spectra, None, 4)) == [0, 1, 2, 3]
    assert list(group_components(loudness, spectra, None, 6)) == [0, 1, 2, 3]


@pytest.mark.parametrize("target", [0, 1, 2])
def test_the_group_that_the_guide_follows_is_chosen(rng, target):
    loudness, spectra, _, truth = scene(rng, [7, 9, 8])
    groups = group_components(loudness, spectra, None, 3)
    guide = loudness[:, truth == target].sum(axis=1)
    guide = guide / guide.std() + 3 * rng.normal(size=N_FRAMES)
    found = attend_to_groups(guide, loudness, np.eye(24), groups)
    assert list(found.chosen) == list(np.flatnonzero(truth == target))
    assert found.weights.shape == found.probabilities.shape == (24,)
    nothing = attend_to_groups(np.zeros(N_FRAMES), loudness, np.eye(24), groups)
    assert not len(nothing.chosen)
    np.testing.assert_allclose(nothing.weights, nothing.weights[0])
