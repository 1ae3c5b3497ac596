import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.siglip_network import ThesisNetwork
from deep.trees import n_parameters

SMALL = {"n_embedding": 4, "n_reconstructor": 6, "kernels": [4, 3]}


def network(n_channels=5, n_bands=3, n_subjects=2, seed=0, **options):
    make = eqx.nn.make_with_state(ThesisNetwork)
    return make(n_channels, n_bands, n_subjects, key=jax.random.key(seed), **SMALL | options)


def window(n_times=30, n_channels=5, n_bands=3, n_stimuli=2):
    rng = np.random.default_rng(0)
    return (
        jnp.asarray(rng.normal(size=(n_times, n_channels)), jnp.float32),
        jnp.asarray(rng.normal(size=(n_stimuli, n_times, n_bands)), jnp.float32),
    )


def test_every_part_has_the_parameters_of_the_thesis():
    def make():
        return ThesisNetwork(64, 33, 32, key=jax.random.key(0))

    model = eqx.filter_jit(make)()
    assert n_parameters((model.subjects, model.eeg_encoder)) == 143_432
    assert n_parameters(model.sound_encoder) == 7_520
    assert n_parameters(model.reconstructor) == 108_321
    assert n_parameters(model) == 259_275
    assert float(jnp.exp(model.log_temperature)) == pytest.approx(10, rel=1e-6)
    assert float(model.bias) == -10
    assert [block.convolution.weight.shape[0] for block in model.reconstructor.blocks] == [
        40, 20, 30,
    ]  # fmt: skip


@pytest.mark.parametrize("n_stimuli", [1, 2, 3])
def test_any_number_of_stimuli_and_any_length(n_stimuli):
    model, state = network()
    model = eqx.nn.inference_mode(model)
    for n_times in (30, 41):
        eeg, stimuli = window(n_times, n_stimuli=n_stimuli)
        views, _ = model(eeg, stimuli, jnp.int32(-1), state=state)
        assert views.eeg.shape == (n_times, 4)
        assert views.sounds.shape == (n_stimuli, n_times, 4)
        assert views.reconstruction.shape == (n_times,)


def test_stimuli_are_embedded_alike_and_do_not_reach_the_reconstruction():
    model, state = network()
    model = eqx.nn.inference_mode(model)
    eeg, stimuli = window()
    views, _ = model(eeg, stimuli, jnp.int32(0), state=state)
    swapped, _ = model(eeg, stimuli[::-1], jnp.int32(0), state=state)
    np.testing.assert_allclose(swapped.sounds, views.sounds[::-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(swapped.reconstruction, views.reconstruction)


def test_listeners_differ_and_dropout_is_drawn_in_training_alone():
    model, state = network(eeg_dropout=0.5)
    eeg, stimuli = window()
    quiet = eqx.nn.inference_mode(model)
    one, other = (quiet(eeg, stimuli, jnp.int32(subject), state=state)[0].eeg for subject in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    drawn = [
        model(eeg, stimuli, jnp.int32(0), state=state, key=jax.random.key(seed))[0].eeg
        for seed in (0, 1)
    ]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_activations_are_applied_when_asked_for():
    """Without them the encoder of the EEG is linear up to its norms and attention."""
    eeg, stimuli = window()
    plain, state = network()
    active, _ = network(activate=True)
    assert n_parameters(plain) == n_parameters(active)
    outputs = [
        eqx.nn.inference_mode(model)(eeg, stimuli, jnp.int32(0), state=state)[0].eeg
        for model in (plain, active)
    ]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
