import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mne.decoding import CSP
from scipy.linalg import eigh

from linear_aad.csp import common_spatial_patterns, filter_bank, window_covariances


def covariances(rng, n_classes, n_channels):
    roots = rng.normal(size=(n_classes, n_channels, 2 * n_channels))
    return roots @ roots.swapaxes(1, 2) / (2 * n_channels)


@given(st.integers(2, 4), st.integers(4, 8), st.integers(0, 2**32 - 1))
def test_filters_maximise_the_share_of_power(n_classes, n_channels, seed):
    rng = np.random.default_rng(seed)
    classes = covariances(rng, n_classes, n_channels)
    total = classes.sum(axis=0)
    filters, patterns = common_spatial_patterns(classes, 2)
    for k, own in enumerate(filters.reshape(n_classes, 2, n_channels)):
        largest = np.linalg.eigvals(np.linalg.solve(total, classes[k])).real
        shares = np.einsum("ij,jk,ik->i", own, classes[k], own)
        np.testing.assert_allclose(shares, np.sort(largest)[:-3:-1], rtol=1e-6)
        np.testing.assert_allclose(own @ total @ own.T, np.eye(2), atol=1e-8)
        other = rng.normal(size=(100, n_channels))
        power = [np.einsum("ij,jk,ik->i", other, c, other) for c in (classes[k], total)]
        assert (power[0] / power[1]).max() <= shares[0] + 1e-9
    np.testing.assert_allclose(patterns, filters @ total, atol=1e-12)


def test_two_classes_are_the_two_ends_of_one_spectrum(rng):
    first, second = covariances(rng, 2, 6)
    vectors = eigh(first, first + second)[1].T
    filters, _ = common_spatial_patterns(np.stack([first, second]), 2)
    expected = vectors[[5, 4, 0, 1]]
    signs = np.sign(np.sum(filters * expected, axis=1, keepdims=True))
    np.testing.assert_allclose(filters, signs * expected, atol=1e-8)


def test_same_features_as_mne(rng):
    mixing = rng.normal(size=(6, 6))
    gains = 1 + 0.5 * np.eye(2, 6)
    labels = np.arange(40) % 2
    epochs = np.stack([rng.normal(size=(200, 6)) * gains[k] @ mixing for k in labels])
    epochs -= epochs.mean(axis=1, keepdims=True)  # ours are of band-passed signals
    theirs = CSP(4, reg=None, log=True, cov_est="concat", component_order="alternate")
    expected = theirs.fit_transform(epochs.swapaxes(1, 2), labels)
    each = np.stack([window_covariances(x[None], 200, 200, 0.0)[0, 0] for x in epochs])
    means = np.stack([each[labels == k].mean(axis=0) for k in range(2)])
    filters, patterns = common_spatial_patterns(means, 2)
    features = np.log(np.einsum("fi,wij,fj->wf", filters, each, filters))
    # Theirs alternate between the classes, which of them comes first is left to them.
    r = np.abs(np.corrcoef(features.T, expected.T)[:4, 4:])
    match = r.argmax(axis=1)
    assert sorted(match) == [0, 1, 2, 3]
    assert r[np.arange(4), match].min() > 0.999
    np.testing.assert_allclose(
        np.abs(features - expected[:, match]).std(axis=0), 0, atol=1e-6
    )  # equal up to the scale of a filter
    for pattern, other in zip(patterns, theirs.patterns_[:4][match], strict=True):
        assert abs(np.corrcoef(pattern, other)[0, 1]) > 0.999


@pytest.mark.parametrize("shrinkage", [0.0, 0.2, 1.0])
def test_covariances_of_windows(rng, shrinkage):
    filtered = rng.normal(size=(2, 50, 3))
    found = window_covariances(filtered, samples=20, step=10, shrinkage=shrinkage)
    assert found.shape == (4, 2, 3, 3)
    for w in range(4):
        for b in range(2):
            x = filtered[b, 10 * w : 10 * w + 20]
            c = np.mean([np.outer(row, row) for row in x], axis=0)
            expected = (1 - shrinkage) * c + shrinkage * np.mean(np.diag(c)) * np.eye(3)
            np.testing.assert_allclose(found[w, b], expected)


def test_bands_are_told_apart():
    t = np.arange(1280) / 64
    eeg = np.stack([np.sin(2 * np.pi * 6 * t), 3 * np.sin(2 * np.pi * 20 * t)], axis=1)
    filtered = filter_bank(eeg.astype(np.float32), 64, [(4, 8), (12, 28)])
    assert filtered.dtype == np.float64
    powers = np.var(filtered[:, 128:-128], axis=1)
    np.testing.assert_allclose(powers, [[0.5, 0], [0, 4.5]], atol=0.02)


def test_bad_input_is_named(rng):
    x = rng.normal(size=(500, 4)).astype(np.float32)
    x -= x.mean(axis=1, keepdims=True)
    dependent = np.stack([x.T @ x, x.T @ x]).astype(float)
    with pytest.raises(ValueError, match="linearly dependent in a band, as after an average"):
        common_spatial_patterns(dependent, 1)
    eeg = rng.normal(size=(640, 4))
    eeg[200:500] = 0
    filtered = filter_bank(eeg, 64, [(12, 30)])
    with pytest.raises(ValueError, match=r"flat in 2 window\(s\) of 64 samples, .* sample 256 on"):
        window_covariances(filtered, 64, 64, 0.01)
