from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.decoding.markov import fixed_lag_smoother, forward_filter, transition_matrix


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 6), st.integers(0, 10**6))
def test_filter_and_smoother_are_those_of_all_paths(n_states, n_steps, lag, seed):
    rng = np.random.default_rng(seed)
    evidence = rng.normal(scale=3, size=(n_steps, n_states))
    transition = transition_matrix(n_states, 1.0, rng.uniform(0.5, 20))
    expected = np.zeros((2, n_steps, n_states))
    for i in range(n_steps):
        for row, stop in ((0, i + 1), (1, min(i + lag + 1, n_steps))):
            for path in product(range(n_states), repeat=stop):
                weight = np.exp(sum(evidence[t, k] for t, k in enumerate(path))) / n_states
                for a, b in pairwise(path):
                    weight *= transition[a, b]
                expected[row, i, path[i]] += weight
    expected /= expected.sum(axis=2, keepdims=True)
    filtered = forward_filter(evidence, transition)
    np.testing.assert_allclose(np.exp(filtered), expected[0], atol=1e-12)
    smoothed = fixed_lag_smoother(filtered, evidence, transition, lag)
    np.testing.assert_allclose(np.exp(smoothed), expected[1], atol=1e-12)


def test_evidence_may_be_overwhelming():
    evidence = np.array([[0.0, 1e4], [0.0, 1e4], [3e4, 0.0]])
    posterior = np.exp(forward_filter(evidence, transition_matrix(2, 1.0, np.inf)))
    np.testing.assert_allclose(posterior, [[0, 1], [0, 1], [1, 0]], atol=1e-12)


@pytest.mark.parametrize("n_states", [2, 4])
def test_the_chain_leaves_after_the_dwell_time(n_states):
    transition = transition_matrix(n_states, 1e-6, 7.0)
    np.testing.assert_allclose(transition.sum(axis=1), 1)
    np.testing.assert_allclose((1 - transition[0, 0]) / 1e-6, 1 / 7, rtol=1e-5)
    # Two steps are one of twice the length.
    once = transition_matrix(n_states, 3.0, 7.0)
    np.testing.assert_allclose(once @ once, transition_matrix(n_states, 6.0, 7.0))


@pytest.mark.parametrize("lag", [0, 4])
def test_probabilities_of_the_models_own_data_are_calibrated(lag):
    rng = np.random.default_rng(0)
    n_states, n_steps, m, noise = 3, 12_000, 0.8, 1.3
    transition = transition_matrix(n_states, 1.0, 15.0)
    states = [0]
    for u in rng.random(n_steps - 1):
        states.append(int(np.searchsorted(np.cumsum(transition[states[-1]]), u)))
    scores = rng.normal(scale=noise, size=(n_steps, n_states))
    scores[np.arange(n_steps), states] += m
    evidence = 2 * m / (2 * noise**2) * scores
    filtered = forward_filter(evidence, transition)
    posterior = np.exp(fixed_lag_smoother(filtered, evidence, transition, lag)).ravel()
    truth = np.eye(n_states)[states].ravel()
    bins = np.digitize(posterior, np.linspace(0, 1, 11)[1:-1])
    for b in range(10):
        np.testing.assert_allclose(truth[bins == b].mean(), posterior[bins == b].mean(), atol=0.04)


def test_chains_side_by_side_are_chains_by_themselves():
    rng = np.random.default_rng(0)
    evidence, transition = rng.normal(size=(7, 4, 3)), transition_matrix(3, 1.0, 5.0)
    filtered = forward_filter(evidence, transition)
    smoothed = fixed_lag_smoother(filtered, evidence, transition, 2)
    for k in range(4):
        alone = forward_filter(evidence[:, k], transition)
        np.testing.assert_allclose(filtered[:, k], alone)
        alone = fixed_lag_smoother(alone, evidence[:, k], transition, 2)
        np.testing.assert_allclose(smoothed[:, k], alone)
