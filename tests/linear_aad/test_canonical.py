import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from linear_aad.canonical import canonical_filters, combination


@settings(max_examples=30)
@given(seed=st.integers(0, 999), n_x=st.integers(2, 6), n_y=st.integers(2, 6))
def test_regularised_filters_maximise_the_penalised_correlation(seed, n_x, n_y):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(50, n_x + n_y)) @ rng.normal(size=(n_x + n_y,) * 2)
    c = np.cov(z.T)
    xx, yy, xy = c[:n_x, :n_x], c[n_x:, n_x:], c[:n_x, n_x:]
    a, b, r = canonical_filters(xx, yy, xy, n_components=2, alpha=0.3, alpha_y=0.1)
    outputs = z[:, :n_x] @ a, z[:, n_x:] @ b
    for output in outputs:
        np.testing.assert_allclose(output.var(axis=0, ddof=1), 1)
    np.testing.assert_allclose(
        r, [np.corrcoef(*pair)[0, 1] for pair in zip(*(o.T for o in outputs), strict=True)]
    )
    px = xx + 0.3 * np.trace(xx) / n_x * np.eye(n_x)
    py = yy + 0.1 * np.trace(yy) / n_y * np.eye(n_y)
    # Stationary where the EEG filter is the ridge solution for the output of the other one.
    for k in range(2):
        solution = np.linalg.solve(px, xy @ b[:, k])
        np.testing.assert_allclose(
            solution / np.linalg.norm(solution), a[:, k] / np.linalg.norm(a[:, k]), atol=1e-6
        )
        back = np.linalg.solve(py, xy.T @ a[:, k])
        np.testing.assert_allclose(
            back / np.linalg.norm(back), b[:, k] / np.linalg.norm(b[:, k]), atol=1e-6
        )


def test_the_combination_is_the_discriminant_of_differences(rng):
    differences = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3)) + [0.5, 0.2, 0.1]
    lda, dprime = combination(differences, "lda")
    # The discriminant of both orders of each pair, whose boundary passes through zero.
    centred = differences - differences.mean(axis=0)
    x = np.vstack([differences, -differences])
    oracle = LinearDiscriminantAnalysis().fit(x, np.repeat([1, 0], 40)).coef_[0]
    np.testing.assert_allclose(lda, oracle / np.abs(oracle).sum())
    scores = differences @ lda
    assert dprime == pytest.approx(scores.mean() / scores.std(ddof=1))
    weights, less = combination(differences, "dprime")
    expected = differences.mean(axis=0) / centred.var(axis=0)
    np.testing.assert_allclose(weights, expected / np.abs(expected).sum())
    assert less < dprime


def test_dependent_signals_are_refused_without_a_ridge():
    dependent, xy = np.ones((2, 2)), np.full((2, 2), 0.1)
    with pytest.raises(ValueError, match="EEG is linearly dependent at alpha=0"):
        canonical_filters(dependent, np.eye(2), xy, 1)
    with pytest.raises(ValueError, match="stimulus is linearly dependent at alpha_stimulus=0"):
        canonical_filters(np.eye(2), dependent, xy, 1, alpha=0.1)
