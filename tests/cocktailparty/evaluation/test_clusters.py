from itertools import product

import mne
import numpy as np
import pytest
from scipy import ndimage, stats

from cocktailparty.datasets import simulate_eeg
from cocktailparty.evaluation.clusters import cluster_test
from linear_aad import ForwardTRF

LAGS = np.arange(12) / 64
NAMES = ["Fp1", "Fp2", "Fz", "FC1", "FC2", "Cz", "Pz", "Oz"]


def test_t_values_and_clusters_of_single_channels_are_those_of_scipy(rng):
    responses = rng.normal(size=(8, 2, 30)) + np.hanning(30)
    test = cluster_test(responses, np.arange(30) / 64, n_permutations=20, random_state=0)
    np.testing.assert_allclose(test.t, stats.ttest_1samp(responses, 0).statistic)
    assert test.threshold == pytest.approx(stats.t.ppf(0.975, 7))
    found = {mask.tobytes() for mask in test.clusters}
    expected = set()
    for channel, sign in product(range(2), (1, -1)):
        labels, n = ndimage.label(sign * test.t[channel] > test.threshold)
        for k in range(1, n + 1):
            mask = np.zeros((2, 30), dtype=bool)
            mask[channel] = labels == k
            expected.add(mask.tobytes())
    assert len(expected) > 2
    assert found == expected
    assert np.all(np.diff(test.p_values) >= 0)


def test_p_values_are_shares_of_all_sign_flips(rng):
    responses = rng.normal(size=(7, 1, 15)) + 0.5
    test = cluster_test(responses, np.arange(15) / 64, n_permutations=1000)

    def masses(x):
        t = stats.ttest_1samp(x[:, 0], 0).statistic
        found = [0.0]
        for sign in (1, -1):
            labels, n = ndimage.label(sign * t > test.threshold)
            found += [abs(t[labels == k].sum()) for k in range(1, n + 1)]
        return found

    flips = [np.array([1, *f])[:, None, None] for f in product((1, -1), repeat=6)]
    largest = np.array([max(masses(flip * responses)) for flip in flips])
    assert len(test.p_values) >= 1
    for cluster, p in zip(test.clusters, test.p_values, strict=True):
        mass = abs(test.t[cluster].sum())
        assert p == pytest.approx(np.mean(largest >= mass - 1e-9))


def test_the_cluster_lies_where_the_response_is(rng):
    """Ten subjects, responses of fronto-central channels from 60 to 110 ms, estimated from EEG."""
    truth = np.zeros((8, 12))
    truth[2:5, 4:8] = -1e-6
    responses = []
    for _ in range(10):
        stimuli = rng.normal(size=(1, 4000))
        eeg = simulate_eeg(stimuli, 0, 64, truth, channel_names=NAMES, snr=-15, random_state=rng)
        trf = ForwardTRF(0, 11 / 64, 64, alpha=1e-3, alpha_convention="relative")
        responses.append(trf.fit(stimuli[0][:, None], eeg).coef_[0])
    test = cluster_test(responses, LAGS, NAMES, threshold=4.5, n_permutations=500, random_state=0)
    np.testing.assert_array_equal(test.clusters[0], truth != 0)
    assert test.p_values[0] <= 0.005
    assert (test.p_values[1:] > 0.05).all()
    assert test.t[2:5, 4:8].max() < -4.5
    assert test.channel_names == tuple(NAMES)


def test_a_difference_is_found_in_pairs(rng):
    attended = rng.normal(size=(12, 8, 12)) + 3 * rng.normal(size=(12, 1, 1))
    ignored = attended + 0.3 * rng.normal(size=attended.shape)
    attended[:, 2:4, 5:8] += 1.0
    paired = cluster_test(
        attended, LAGS, NAMES, versus=ignored, threshold=4, n_permutations=200, random_state=0
    )
    expected = np.zeros((8, 12), dtype=bool)
    expected[2:4, 5:8] = True
    np.testing.assert_array_equal(paired.clusters[0], expected)
    assert paired.p_values[0] <= 0.01
    same = cluster_test(
        attended - ignored, LAGS, NAMES, threshold=4, n_permutations=200, random_state=0
    )
    np.testing.assert_array_equal(paired.p_values, same.p_values)


def test_neighbours_are_clustered_and_others_are_not(rng):
    names = mne.channels.make_standard_montage("biosemi32").ch_names
    at = [names.index(name) for name in ("Fp1", "Fp2", "Oz")]
    responses = 0.1 * rng.normal(size=(10, 32, 12))
    responses[:, at, 5] += 1
    test = cluster_test(responses, LAGS, names, threshold=9, n_permutations=50, random_state=0)
    assert {tuple(np.flatnonzero(c.any(axis=1))) for c in test.clusters} == {
        tuple(sorted(at[:2])),
        (at[2],),
    }
    alone = cluster_test(responses, LAGS, threshold=9, n_permutations=50, random_state=0)
    assert {tuple(np.flatnonzero(c.any(axis=1))) for c in alone.clusters} == {(k,) for k in at}


@pytest.mark.parametrize("n_tests", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_without_a_response_one_test_in_twenty_finds_one(n_tests, rng):
    positives = 0
    for _ in range(n_tests):
        noise = ndimage.gaussian_filter(rng.normal(size=(8, 6, 10)), (0, 0, 1))
        test = cluster_test(
            noise, LAGS[:10], NAMES[2:], n_permutations=60, random_state=rng.integers(2**31)
        )
        positives += bool((test.p_values <= 0.05).any())
    low, high = stats.binom.interval(0.99, n_tests, 0.05)
    assert low <= positives <= high


def test_no_cluster_at_all_is_a_result(rng):
    test = cluster_test(rng.normal(size=(8, 2, 5)), LAGS[:5], threshold=50, n_permutations=10)
    assert test.clusters.shape == (0, 2, 5)
    assert test.p_values.shape == (0,)


def test_few_subjects_bring_a_warning(rng):
    with pytest.warns(UserWarning, match="with 4 subjects no p value can be smaller than 0.125"):
        cluster_test(rng.normal(size=(4, 1, 12)), LAGS, n_permutations=10)


BAD = {
    "two axes": ({"responses": np.ones((8, 12))}, r"responses have shape \(8, 12\), expected"),
    "NaN": ({"responses": np.full((8, 8, 12), np.nan)}, "responses has 768 NaN"),
    "lags": ({"lags": LAGS[:-1]}, "lags have shape"),
    "names": ({"channel_names": NAMES[:-1]}, "7 channel_names for 8 channels"),
    "unknown names": (
        {"channel_names": [*NAMES[:-1], "EXG1"]},
        r"EXG1.* have no place on the head",
    ),
    "other subjects": ({"versus": np.ones((7, 8, 12))}, "pass the same subjects"),
    "one subject": ({"responses": np.ones((1, 8, 12))}, "at least 2 of them, got 1"),
    "silent channel": ({"responses": np.ones((8, 8, 12))}, "96 value.s. are the same in all"),
    "no flips": ({"n_permutations": 0}, "n_permutations must be at least 1, got 0"),
    "threshold": ({"threshold": -2.0}, "threshold must be a positive t value, got -2.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(rng, case):
    changed, message = BAD[case]
    good = {"responses": rng.normal(size=(8, 8, 12)), "lags": LAGS, "channel_names": NAMES}
    with pytest.raises(ValueError, match=message):
        cluster_test(**{**good, **changed})


def test_inputs_are_not_touched(rng):
    responses = rng.normal(size=(8, 2, 12))
    before = responses.copy()
    cluster_test(responses, LAGS, versus=responses[::-1].copy() + 1, n_permutations=10)
    np.testing.assert_array_equal(responses, before)
