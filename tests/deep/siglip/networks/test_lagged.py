import equinox as eqx
import jax
import numpy as np

from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.task import ContrastTask, views_of
from tests.deep.siglip.test_task import batch


def lagged(**options):
    make = eqx.nn.make_with_state(LaggedNetwork)
    return make(4, 3, 2, 5, **options, key=jax.random.key(0))


def views(model, state, data):
    return eqx.filter_jit(views_of)(eqx.nn.inference_mode(model), state, data)[0]


def test_the_network_starts_as_its_linear_models():
    model, state = lagged()
    data = batch()
    found = views(model, state, data)
    linear = data["linear"][:, :40]
    np.testing.assert_allclose(found.reconstruction, linear[..., 0], atol=1e-6)
    # Embeddings are predictions and features themselves, the envelope weighing most.
    np.testing.assert_allclose(found.eeg[..., 0], linear[..., 0], atol=1e-6)
    np.testing.assert_allclose(found.sounds[..., 0], data["features"][..., 0], atol=1e-6)
    ratio = found.sounds[..., 1:] / data["features"][..., 1:]
    np.testing.assert_allclose(ratio, np.sqrt(0.3 / 2), rtol=1e-4)


def test_only_the_eeg_within_the_lags_takes_part():
    model, state = lagged(eeg_gain=1.0)
    weight = jax.random.normal(jax.random.key(1), model.temporal.weight.shape)
    model = eqx.tree_at(lambda m: m.temporal.weight, model, weight)
    data = batch()
    before = views(model, state, data)
    changed = data | {"eeg": data["eeg"].at[:, 20].add(5.0)}
    after = views(model, state, changed)
    moved = np.abs(after.reconstruction - before.reconstruction).max(0) > 1e-4
    # Moments from four samples before the change see it within their five lags.
    assert np.flatnonzero(moved).tolist() == [16, 17, 18, 19, 20]
    assert np.array_equal(after.sounds, before.sounds)


def test_gradients_reach_both_encoders_from_the_start():
    model, state = lagged(eeg_gain=1.0, dropout=0.0, average=0.0)
    task = ContrastTask(1.0, 4.0, True, 20)

    @eqx.filter_jit
    def gradient(model):
        return eqx.filter_grad(lambda m: task(m, state, batch(), jax.random.key(0))[0])(model)

    found = gradient(model)
    for name in ("mix_eeg", "mix_sound", "readout"):
        assert np.abs(getattr(found, name)).max() > 0
    assert np.abs(found.temporal.weight).max() > 0
    assert np.abs(found.sound_out.weight).max() > 0


def test_channels_are_silenced_in_training_alone():
    model, state = lagged(eeg_gain=1.0, channel_dropout=0.9, dropout=0.0, average=0.0)
    weight = jax.random.normal(jax.random.key(1), model.temporal.weight.shape)
    model = eqx.tree_at(lambda m: m.temporal.weight, model, weight)
    data = batch()
    drawn = [
        eqx.filter_jit(views_of)(model, state, data, jax.random.key(seed))[0] for seed in (0, 1)
    ]
    assert np.abs(drawn[0].eeg - drawn[1].eeg).max() > 1e-3
    quiet = eqx.nn.inference_mode(model)
    assert np.array_equal(views(quiet, state, data).eeg, views(quiet, state, data).eeg)
