import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.metrics import window_scores
from deep.siglip.scores import averaged, crossfaded, segment_starts, similarities, window_starts


@given(st.integers(4, 60), st.integers(1, 60), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_segments_cover_a_trial(n_times, n_segment, step):
    n_segment, step = min(n_segment, n_times), min(step, n_segment)
    starts = segment_starts(n_times, n_segment, step)
    covered = np.zeros(n_times, bool)
    for start in starts:
        assert 0 <= start <= n_times - n_segment
        covered[start : start + n_segment] = True
    assert covered.all()
    signal = np.random.default_rng(0).normal(size=n_times)
    segments = np.stack([signal[s : s + n_segment] for s in starts])
    np.testing.assert_allclose(crossfaded(segments, starts, n_times), signal, atol=1e-9)


@pytest.mark.parametrize("hop", [1.0, 0.5])
def test_one_feature_gives_the_correlations_of_the_linear_decoders(hop, rng):
    eeg, sounds = rng.normal(size=640), rng.normal(size=(3, 640))
    expected = window_scores(eeg, sounds, 64, 1.0, hop)
    starts = window_starts(640, 64, round(64 * hop))
    found = similarities(eeg[:, None], sounds[..., None], 64, starts)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_silence_has_no_similarity(rng):
    scores = similarities(np.zeros((10, 2)), rng.normal(size=(2, 10, 2)), 5, [0, 5])
    assert not scores.any()


def test_scores_of_segments_are_averaged():
    found = averaged(np.array([[0.0, 2.0], [1.0, 4.0], [5.0, 6.0]]), np.array([0, 0, 1]), 2)
    assert found.tolist() == [[0.5, 3.0], [5.0, 6.0]]
