import equinox as eqx
import jax
import numpy as np
import pytest

from cocktailparty.metrics import window_scores
from deep.data.windows import Recording
from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.networks.thesis import ThesisNetwork
from deep.siglip.outputs import Outputs
from deep.siglip.scores import similarities
from deep.siglip.task import window_similarity, window_views

N_LAGS, N_WINDOW = 5, 64
CPU = jax.devices("cpu")[0]


def drawn(network, *sizes, **options):
    """A network whose last layers do not begin at zero."""
    model, state = eqx.nn.make_with_state(network)(*sizes, **options, key=jax.random.key(0))
    keys = iter(jax.random.split(jax.random.key(1), 100))
    model = jax.tree.map(
        lambda x: x + 0.3 * jax.random.normal(next(keys), x.shape) if eqx.is_array(x) else x, model
    )
    return eqx.nn.inference_mode(model), state


@pytest.fixture(scope="module")
def lagged():
    return drawn(LaggedNetwork, 4, 3, 2, N_LAGS, eeg_gain=1.0)


@pytest.fixture(scope="module")
def thesis():
    options = {"n_embedding": 2, "n_reconstructor": 2, "kernels": (3,), "n_heads": 1}
    return drawn(ThesisNetwork, 4, 3, 2, **options)


def recording(n_times, n_stimuli=2):
    rng = np.random.default_rng(n_times)

    def noise(*shape):
        return rng.normal(size=shape).astype(np.float32)

    signals = {"eeg": noise(n_times, 4), "linear": noise(n_times, 3)}
    features = noise(n_stimuli, n_times, 3)
    sounds = {"features": features, "stimuli": features, "envelopes": features[..., 0]}
    return Recording(signals, sounds, n_times, subject=1)


def outputs(network, contrast=True):
    n_after = 0 if network[0].unit_windows else N_LAGS - 1
    return Outputs(*network, n_after, N_WINDOW, contrast, CPU)


def at_once(network, one, start=0, n=None, compute=window_views):
    """Outputs for one window, which may be the whole recording, in a single batch."""
    model, state = network
    stop = one.n_times if n is None else start + n
    after = 0 if model.unit_windows else N_LAGS - 1
    batch = {
        name: np.pad(x, ((0, after), (0, 0)))[start : stop + after]
        for name, x in one.signals.items()
    }
    batch |= {name: x[:, start:stop] for name, x in one.sounds.items()}
    batch = {name: x[None] for name, x in batch.items()} | {"subject": np.array([one.subject])}
    return jax.tree.map(lambda x: np.asarray(x[0]), eqx.filter_jit(compute)(model, state, batch))


@pytest.mark.parametrize("n_times", [100, 480, 1100])
def test_pieces_of_a_trial_are_put_together_without_a_seam(lagged, n_times):
    """Shorter than a piece, as long as the middle of one, and in three pieces."""
    one = recording(n_times)
    whole = at_once(lagged, one)
    np.testing.assert_allclose(
        outputs(lagged).reconstruction(one), whole.reconstruction, rtol=1e-4, atol=1e-4
    )
    windows = [(n_times, n_times), (50, 30)]
    found = outputs(lagged).scores(one, windows)
    for (n, hop), scores in zip(windows, found, strict=True):
        starts = range(0, n_times - n + 1, hop)
        expected = similarities(whole.eeg, whole.sounds, n, starts)
        np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_without_contrast_the_reconstruction_is_correlated(lagged):
    one = recording(480)
    (scores,) = outputs(lagged, contrast=False).scores(one, [(64, 32)])
    reconstruction = at_once(lagged, one).reconstruction
    expected = window_scores(reconstruction, one.sounds["envelopes"], 64, 1.0, hop=0.5)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("contrast", [True, False])
def test_a_network_of_windows_averages_the_parts_of_longer_ones(thesis, contrast):
    one = recording(200)
    short, long = outputs(thesis, contrast).scores(one, [(64, 50), (150, 50)])
    assert (len(short), len(long)) == (3, 2)

    def score(start):
        return at_once(thesis, one, start, N_WINDOW, window_similarity)[0 if contrast else 1]

    np.testing.assert_allclose(short, [score(start) for start in (0, 50, 100)], atol=1e-4)
    # 150 samples are covered by windows of 64 from 0, 64 and 86 on.
    expected = [np.mean([score(first + s) for s in (0, 64, 86)], axis=0) for first in (0, 50)]
    np.testing.assert_allclose(long, expected, atol=1e-4)


def test_a_network_of_windows_reconstructs_from_overlapping_ones(thesis):
    one = recording(200)
    found = outputs(thesis).reconstruction(one)
    assert found.shape == (200,)
    parts = {s: at_once(thesis, one, s, N_WINDOW).reconstruction for s in (0, 32, 64, 96, 128, 136)}
    # The first half of the first window has no other; further on, squared sines blend.
    np.testing.assert_allclose(found[:32], parts[0][:32], rtol=1e-3, atol=1e-4)
    fade = np.sin(np.pi * (np.arange(32) + 0.5) / 64) ** 2
    expected = (1 - fade) * parts[0][32:] + fade * parts[32][:32]
    np.testing.assert_allclose(found[32:64], expected, rtol=1e-3, atol=1e-4)


def test_a_trial_shorter_than_a_window_is_one_window(thesis):
    one = recording(40)
    expected = at_once(thesis, one).reconstruction
    np.testing.assert_allclose(outputs(thesis).reconstruction(one), expected, rtol=1e-3, atol=1e-4)
