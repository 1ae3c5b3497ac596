import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linear_aad.lagged.moments import LaggedMoments, lag_matrix
from linear_aad.lagged.penalties import Penalty
from linear_aad.relabelling import first_labels, relabel, segment_models, segment_tests

LAGS = np.arange(3)
ALPHA = 5.0


def listener(seed, n_segments=6, n_features=2):
    """Return EEG that answers to one of two or three stimuli, and which."""
    rng = np.random.default_rng(seed)
    gains = rng.normal(size=(n_features, 4))
    eeg, stimuli, truth = [], [], []
    for i in range(n_segments):
        s = rng.normal(size=(2 + i % 2, 60 + 5 * i, n_features)) + 1
        truth.append(rng.integers(len(s)))
        answer = np.roll(s[truth[-1]], 1, axis=0) @ gains
        eeg.append(answer + rng.normal(scale=1.5, size=answer.shape) + 3)
        stimuli.append(s)
    return eeg, stimuli, np.array(truth)


def prepared(eeg, stimuli):
    segments = [
        LaggedMoments.of(x, s.transpose(1, 0, 2).reshape(len(x), -1), LAGS)
        for x, s in zip(eeg, stimuli, strict=True)
    ]
    whole = LaggedMoments.sum(LaggedMoments.of(x, x[:, :1], LAGS) for x in eeg).dense()
    models = segment_models(whole, segments, ALPHA, Penalty(n_lags=3), 2)
    return models, segment_tests(segments, 2), whole.centred()[0]


def by_definition(eeg, stimuli, labels, left_out):
    """Scores of the stimuli of a segment by the model of all others, and of what reached it."""
    lagged = [lag_matrix(x, LAGS) for x in eeg]
    mean = np.concatenate(lagged).mean(axis=0)
    xx = sum((x - mean).T @ (x - mean) for x in lagged)
    xy = [(x - mean).T @ s[k] for x, s, k in zip(lagged, stimuli, labels, strict=True)]
    rest = sum(part for j, part in enumerate(xy) if j != left_out)
    weights = np.linalg.solve(xx + ALPHA * np.eye(len(xx)), rest)
    predicted = lagged[left_out] @ weights
    return [
        [np.corrcoef(predicted[:, f], s[:, f])[0, 1] for f in range(2)] for s in stimuli[left_out]
    ]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_labels_settle_where_models_of_the_others_agree(seed):
    eeg, stimuli, _ = listener(seed)
    models, tests, xx = prepared(eeg, stimuli)
    rng = np.random.default_rng(seed)
    start = np.array([rng.integers(len(s)) for s in stimuli])
    kept = start.copy()
    found = relabel(start, models, tests, np.zeros((2, 12)), xx, 50)
    np.testing.assert_array_equal(start, kept)
    assert found.settled
    assert found.n_passes <= 50
    again = relabel(found.labels, models, tests, np.zeros((2, 12)), xx, 50)
    assert again.n_passes == 1
    np.testing.assert_array_equal(again.labels, found.labels)
    assert again.objective == pytest.approx(found.objective)


def test_scores_are_correlations_up_to_a_factor():
    eeg, stimuli, truth = listener(0)
    models, tests, _ = prepared(eeg, stimuli)
    for i in range(len(eeg)):
        weights = sum(m[k] for j, (m, k) in enumerate(zip(models, truth, strict=True)) if j != i)
        r = np.array(by_definition(eeg, stimuli, truth, i))
        scores = np.einsum("sfr,fr->sf", tests[i], weights)
        np.testing.assert_allclose(scores / scores[0], r / r[0], rtol=1e-8)


def test_the_truth_is_found_from_random_labels():
    eeg, stimuli, truth = listener(1, n_segments=20)
    models, tests, xx = prepared(eeg, stimuli)
    rng = np.random.default_rng(0)
    starts = [np.array([rng.integers(len(s)) for s in stimuli]) for _ in range(10)]
    runs = [relabel(start, models, tests, np.zeros((2, 12)), xx, 50) for start in starts]
    best = max(runs, key=lambda run: run.objective)
    np.testing.assert_array_equal(best.labels, truth)
    assert min(run.objective for run in runs) <= best.objective
    stopped = relabel(1 - np.minimum(truth, 1), models, tests, np.zeros((2, 12)), xx, 1)
    assert not stopped.settled


def test_a_given_model_labels_by_itself_and_may_outweigh_all():
    eeg, stimuli, truth = listener(2)
    models, tests, xx = prepared(eeg, stimuli)
    given = sum(m[k] for m, k in zip(models, truth, strict=True))
    np.testing.assert_array_equal(first_labels(tests, given, xx), truth)
    np.testing.assert_array_equal(first_labels(tests, 1e3 * given, xx), truth)
    fixed = relabel(np.zeros(6, dtype=int), models, tests, 1e6 * given, xx, 50)
    np.testing.assert_array_equal(fixed.labels, truth)
