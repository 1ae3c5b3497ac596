import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from cocktailparty.metrics import (
    chance_level,
    itr,
    window_accuracy,
    window_scores,
    window_sweep,
)


@settings(max_examples=60)
@given(
    n_times=st.integers(8, 300),
    n_stimuli=st.integers(1, 4),
    n_features=st.integers(0, 3),
    window=st.integers(3, 50),
    hop=st.integers(1, 60) | st.none(),
    dtype=st.sampled_from([np.float32, np.float64]),
    offset=st.sampled_from([0.0, 1e3]),
    seed=st.integers(0, 2**16),
)
def test_scores_are_pearson_correlations(
    n_times, n_stimuli, n_features, window, hop, dtype, offset, seed
):
    rng = np.random.default_rng(seed)
    tail = (n_features,) if n_features else ()
    p = (rng.normal(size=(n_times, *tail)) + offset).astype(dtype)
    s = (rng.normal(size=(n_stimuli, n_times, *tail)) * 1e-5).astype(dtype)
    window = min(window, n_times)
    scores = window_scores(p, s, 10.0, window / 10, None if hop is None else hop / 10)
    starts = range(0, n_times - window + 1, hop or window)
    assert scores.shape == (len(starts), n_stimuli)
    p, s = p.reshape(n_times, -1).astype(float), s.reshape(n_stimuli, n_times, -1).astype(float)
    for row, start in zip(scores, starts, strict=True):
        cut = slice(start, start + window)
        for r, stimulus in zip(row, s, strict=True):
            expected = np.mean(
                [np.corrcoef(a, b)[0, 1] for a, b in zip(p[cut].T, stimulus[cut].T, strict=True)]
            )
            assert r == pytest.approx(expected, abs=1e-8)


def test_the_sweep_gives_what_single_windows_give(rng):
    p, s = rng.normal(size=1000), rng.normal(size=(2, 1000))
    sweep = window_sweep(p, s, 64, [1, 2.5, 15, 16])
    for window in (1, 2.5, 15):
        single = window_scores(p, s, 64, window)
        np.testing.assert_allclose(sweep[window], single, atol=1e-12)
    assert sweep[16].shape == (0, 2)


def test_silence_scores_zero_and_perfect_copies_one(rng):
    s = rng.normal(size=(2, 100))
    s[1, 50:] = 3.0
    scores = window_scores(s[0], s, 10, 5)
    np.testing.assert_allclose(scores[:, 0], 1)
    assert scores[1, 1] == 0
    assert abs(scores[0, 1]) > 0
    np.testing.assert_array_equal(window_scores(np.ones(100), s, 10, 5), 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_varies_by_rounding_alone_is_silent(rng, dtype):
    s = rng.normal(size=(2, 200))
    flat = np.full(200, 0.3, dtype)
    flat[rng.random(200) < 0.2] = np.nextafter(flat[0], dtype(1))
    np.testing.assert_array_equal(window_scores(flat, s, 10, 5), 0)
    faint = (0.3 + 100 * np.finfo(dtype).eps * s[0]).astype(dtype)
    assert np.all(window_scores(faint, s, 10, 5)[:, 0] > 0.9)


def test_any_array_library(rng):
    p, s = rng.normal(size=100), rng.normal(size=(2, 100))
    xp = array_api_strict
    scores = window_scores(xp.asarray(p), xp.asarray(s), 10, 2)
    np.testing.assert_allclose(np.asarray(scores), window_scores(p, s, 10, 2))
    assert window_accuracy(scores) == window_accuracy(np.asarray(scores))


def test_scores_of_bad_input_are_refused(rng):
    p, s = rng.normal(size=100), rng.normal(size=(2, 100))
    for arguments, message in (
        ((p, s, 10, 11), "window=11 s is longer than the reconstruction"),
        ((p, s, 10, 0.1), "window=0.1 s holds fewer than 2"),
        ((p, s, 10, np.nan), "window=nan s holds fewer"),
        ((p, s, 10, 5, 0), "hop=0 s holds fewer than 1"),
        ((p, s, -1, 5), "sfreq must be a positive"),
        ((p[:-1], s, 10, 5), r"reconstruction has shape \(99,\) and stimuli \(2, 100\)"),
        ((p, s[0], 10, 5), r"stimuli \(100,\)"),
        ((p, s[:0], 10, 5), "there are no stimuli"),
        ((p * np.nan, s, 10, 5), "reconstruction holds NaN"),
        ((p, s * np.inf, 10, 5), "stimuli hold NaN or infinite"),
    ):
        with pytest.raises(ValueError, match=message):
            window_scores(*arguments)


@pytest.mark.parametrize(
    ("n", "percent"),
    [(30, 66.7), (60, 61.7), (72, 61.1), (144, 57.6), (432, 54.2), (864, 52.9)],
)
def test_chance_levels_of_the_literature(n, percent):
    assert round(100 * chance_level(n), 1) == percent


@given(n=st.integers(1, 500), n_stimuli=st.integers(2, 5), alpha=st.floats(0.001, 0.5))
def test_guessing_reaches_the_chance_level_rarely_enough(n, n_stimuli, alpha):
    level = chance_level(n, n_stimuli, alpha)
    k = round(level * n)
    assert level == pytest.approx(k / n)
    if level < 1:
        assert binom.sf(k - 1, n, 1 / n_stimuli) <= alpha * (1 + 1e-9)
    # one hit less would be reached too often
    assert binom.sf(k - 2, n, 1 / n_stimuli) > alpha * (1 - 1e-9)


@pytest.mark.parametrize("n_windows", [0, 10.5, float("nan")])
def test_chance_level_refuses_what_is_no_number_of_windows(n_windows):
    with pytest.raises(ValueError, match="n_windows must be a whole number, at least 1, got"):
        chance_level(n_windows)


def test_chance_level_refuses_impossible_counts():
    for arguments, message in (
        ((0,), "n_windows must be a whole number, at least 1"),
        ((10, 1), "n_stimuli must be at least 2"),
        ((10, 2, 0.0), "alpha must lie between"),
    ):
        with pytest.raises(ValueError, match=message):
            chance_level(*arguments)


@pytest.mark.parametrize(
    ("accuracy", "window", "bits"),
    [(0.895, 60, 0.52), (0.832, 30, 0.70), (0.788, 20, 0.77), (0.726, 10, 0.92), (0.666, 5, 0.97)],
)
def test_transfer_rates_of_the_literature(accuracy, window, bits):
    # The published rates are those of the unrounded mean accuracies.
    assert itr(accuracy, window) == pytest.approx(bits, abs=0.012)


def test_transfer_rate_at_the_limits():
    assert itr(0.5, 1) == itr(0.2, 1) == 0
    assert itr(1.0, 1, n_stimuli=4) == 120
    # a uniform guess among four carries nothing, a slightly better one something
    assert itr(0.25, 1, n_stimuli=4) == 0
    assert 0 < itr(0.26, 1, n_stimuli=4) < 0.1
    for arguments, message in (
        ((1.1, 1), "accuracy must lie"),
        ((0.9, 0), "window must be a positive"),
        ((0.9, 1, 1), "n_stimuli must be"),
    ):
        with pytest.raises(ValueError, match=message):
            itr(*arguments)


def test_published_correlations_give_their_published_accuracies(shared_data):
    from cocktailparty.datasets import load_kul_correlations
    from cocktailparty.metrics import mesd

    kul = load_kul_correlations(shared_data("eeg/kul_window_corrs"))
    accuracy = np.array(
        [[window_accuracy(scores[w]) for w in kul.windows] for scores in kul.scores]
    )
    np.testing.assert_array_equal(accuracy, kul.accuracy)
    durations = [mesd(kul.windows, row).mesd for row in accuracy]
    assert round(float(np.median(durations)), 1) == 23.9


def test_published_reconstructions_give_their_published_accuracies(shared_data):
    from cocktailparty.datasets import load_etard_outputs

    outputs = load_etard_outputs(shared_data("eeg/etard_two_talker_outputs"))
    published = {1: 55.2, 2: 57.1, 5: 60.9, 10: 66.6, 20: 70.2, 30: 78.3, 60: 81.9}
    sweeps = [window_sweep(o.reconstruction, o.stimuli, o.sfreq, published) for o in outputs]
    for window, percent in published.items():
        mean = 100 * np.mean([window_accuracy(sweep[window]) for sweep in sweeps])
        assert round(mean, 1) == percent
    whole = np.mean(
        [window_scores(o.reconstruction, o.stimuli, o.sfreq, 573)[0] for o in outputs], axis=0
    )
    np.testing.assert_allclose(whole, [0.081, 0.025], atol=2e-3)
