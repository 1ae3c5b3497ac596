import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.networks.thesis import ThesisNetwork
from deep.siglip.scores import similarities
from deep.siglip.task import ContrastTask, views_of, window_similarity, window_views

N_TIMES = 40


def batch(n=6, n_times=N_TIMES, n_lags=5, n_channels=4, n_features=3):
    rng = np.random.default_rng(0)
    made = {
        "eeg": rng.normal(size=(n, n_times + n_lags - 1, n_channels)),
        "linear": rng.normal(size=(n, n_times + n_lags - 1, n_features)),
        "features": rng.normal(size=(n, 2, n_times, n_features)),
    }
    made = {name: jnp.asarray(x, jnp.float32) for name, x in made.items()}
    made["envelopes"] = made["features"][..., 0]
    made["subject"] = jnp.arange(n) % 3 - 1
    made["sound"], made["start"] = jnp.array([0, 0, 0, 1, 1, 2]), jnp.array([0, 10, 90, 0, 0, 0])
    return made


@pytest.fixture(scope="module")
def network():
    model, state = eqx.nn.make_with_state(LaggedNetwork)(4, 3, 2, 5, key=jax.random.key(0))
    return eqx.nn.inference_mode(model), state


def unit(x):
    """Mean taken off each feature, and a norm of 1 over times and features."""
    x = np.asarray(x, float)
    x = x - x.mean(-2, keepdims=True)
    return x / np.sqrt(np.square(x).sum((-2, -1), keepdims=True))


def test_windows_that_share_sound_are_no_negatives():
    """Of six windows, 0 and 1 overlap in one sound, 3 and 4 are the same window of another."""
    task = ContrastTask(1.0, 0.0, True, 20)
    same = np.asarray(task.same_sound(batch())) & ~np.eye(6, dtype=bool)
    assert np.argwhere(same).tolist() == [[0, 1], [1, 0], [3, 4], [4, 3]]


@pytest.mark.parametrize("mask_same", [True, False])
def test_loss_and_metrics_are_those_of_the_formula(network, mask_same):
    model, state = network
    data = batch()
    task = ContrastTask(2.0, 4.0, mask_same, 20)
    loss, (_, metrics) = eqx.filter_jit(task)(model, state, data, jax.random.key(0))
    views = eqx.filter_jit(window_views)(model, state, data)
    pairs = np.einsum("itf,jktf->ijk", unit(views.eeg), unit(views.sounds))
    own, others = pairs[:, :, 0], np.diagonal(pairs[:, :, 1])
    left_out = {(0, 1), (1, 0), (3, 4), (4, 3)} if mask_same else set()
    temperature, bias = float(jnp.exp(model.log_temperature)), float(model.bias)

    def cost(similarity, sign):
        return np.log1p(np.exp(-sign * (temperature * similarity + bias)))

    contrast = sum(
        cost(own[i, j], 1 if i == j else -1)
        for i in range(6) for j in range(6) if (i, j) not in left_out
    )  # fmt: skip
    contrast = (contrast + 4 * cost(others, -1).sum()) / 6
    r = np.array(
        [
            [np.corrcoef(x, y)[0, 1] for y in envelopes]
            for x, envelopes in zip(views.reconstruction, data["envelopes"], strict=True)
        ]
    )
    expected = {
        "contrast": contrast,
        "r": r[:, 0].mean(),
        "accuracy": (np.diagonal(own) > others).mean(),
        "r_accuracy": (r[:, 0] > r[:, 1]).mean(),
    }
    assert {name: float(x) for name, x in metrics.items()} == pytest.approx(expected, abs=1e-5)
    assert float(loss) == pytest.approx(2 * contrast - r[:, 0].mean(), rel=1e-5)


def test_without_contrast_the_correlation_alone_is_trained(network):
    loss, (_, metrics) = eqx.filter_jit(ContrastTask(0.0, 4.0, True, 20))(
        *network, batch(), jax.random.key(0)
    )
    assert float(loss) == pytest.approx(-float(metrics["r"]))


def test_whole_windows_are_scored_as_trials_are(network):
    """By the functions that score windows cut from the embeddings of a trial."""
    data = batch()
    views = eqx.filter_jit(window_views)(*network, data)
    similarity, r = eqx.filter_jit(window_similarity)(*network, data)
    for i in range(6):
        eeg, sounds, reconstruction = (np.asarray(part[i]) for part in views)
        envelopes = np.asarray(data["envelopes"][i])[..., None]
        expected = similarities(eeg, sounds, N_TIMES, [0])[0]
        np.testing.assert_allclose(similarity[i], expected, atol=1e-5)
        expected = similarities(reconstruction[:, None], envelopes, N_TIMES, [0])[0]
        np.testing.assert_allclose(r[i], expected, atol=1e-5)


def test_channels_and_bands_of_unit_windows_have_unit_norm():
    """Whatever the scale of each, and silence stays silence."""
    make = eqx.nn.make_with_state(ThesisNetwork)
    model, state = make(
        3, 2, 2, n_embedding=2, n_reconstructor=2, kernels=(3,), n_heads=1, key=jax.random.key(0)
    )
    model = eqx.nn.inference_mode(model)
    rng = np.random.default_rng(0)
    data = {
        "eeg": jnp.asarray(rng.normal(size=(2, 20, 3)), jnp.float32).at[:, :, 2].set(0.0),
        "stimuli": jnp.asarray(rng.random((2, 2, 20, 2)), jnp.float32),
        "subject": jnp.array([0, -1]),
    }
    gains = jnp.array([1e-6, 1e3, 1.0])
    louder = data | {"eeg": gains * data["eeg"], "stimuli": gains[:2] * data["stimuli"]}
    compute = eqx.filter_jit(views_of)
    found, scaled = compute(model, state, data)[0], compute(model, state, louder)[0]
    for ours, theirs in zip(found, scaled, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    by_hand = data | {
        name: data[name] / np.maximum(np.linalg.norm(data[name], axis=-2, keepdims=True), 1e-15)
        for name in ("eeg", "stimuli")
    }
    outputs = eqx.filter_jit(jax.vmap(lambda e, s, k: model(e, s, k, state=state)[0]))(
        by_hand["eeg"], by_hand["stimuli"], by_hand["subject"]
    )
    np.testing.assert_allclose(found.eeg, outputs.eeg, rtol=1e-3, atol=1e-4)
