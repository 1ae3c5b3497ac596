import numpy as np
import pytest

from cocktailparty.features.levels import EnvelopeFeatures, broadband


def stimuli(n_stimuli=1, n_bands=1, seed=0):
    return np.random.default_rng(seed).gamma(2.0, size=(n_stimuli, 500, n_bands))


@pytest.mark.parametrize("n_bands", [1, 3])
def test_features_are_standardised_in_training(n_bands):
    x = stimuli(n_bands=n_bands)
    features = EnvelopeFeatures.of([x], 64.0, None)
    made = features(x)
    assert made.dtype == np.float32
    assert made.shape == (1, 500, 8 + (n_bands if n_bands > 1 else 0))
    np.testing.assert_allclose(made.mean((0, 1)), 0, atol=1e-4)
    np.testing.assert_allclose(made.std((0, 1)), 1, atol=1e-4)
    envelope = broadband(x, None)[0]
    assert np.corrcoef(made[0, :, 0], envelope)[0, 1] == pytest.approx(1, abs=1e-6)


def test_hinges_and_logarithm_and_onsets():
    x = stimuli()
    features = EnvelopeFeatures.of([x], 64.0, None)
    raw = features(x)[0] * features.scale + features.mean
    envelope = x[0, :, 0]
    np.testing.assert_allclose(raw[:, 0], envelope, atol=1e-4)
    for k, knee in enumerate(features.knees):
        np.testing.assert_allclose(raw[:, 1 + k], np.maximum(envelope - knee, 0), atol=1e-4)
    np.testing.assert_allclose(raw[1:, 6], np.maximum(np.diff(envelope), 0), atol=1e-4)
    # A step in loudness is an onset once.
    step = np.ones((1, 50, 1))
    step[:, 25:] = 2
    onset = features(step)[0, :, -1]
    assert onset.argmax() == 25
    assert np.ptp(np.delete(onset, 25)) == 0


def test_features_are_causal_but_for_their_scale():
    x = stimuli()
    features = EnvelopeFeatures.of([x], 64.0, None)
    changed = x.copy()
    changed[:, 300:] *= 3
    np.testing.assert_array_equal(features(x)[:, :300], features(changed)[:, :300])


def test_filtered_envelopes_give_finite_features():
    filtered = stimuli() - 2
    features = EnvelopeFeatures.of([filtered], 64.0, None)
    assert np.isfinite(features(filtered - 5)).all()


def test_a_band_can_be_the_envelope():
    x = stimuli(2, 3)
    np.testing.assert_allclose(broadband(x, 2), x[:, :, 2], rtol=1e-6)
    np.testing.assert_allclose(broadband(x, None), x.mean(2), rtol=1e-6)
