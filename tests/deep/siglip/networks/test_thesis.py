from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.siglip.networks.thesis import ThesisNetwork
from deep.training.trees import n_parameters

# Two blocks, of an even and an odd kernel.
SMALL = {"n_embedding": 4, "n_reconstructor": 6, "kernels": [4, 3], "eeg_dropout": 0.5}


@eqx.filter_jit
def views(model, eeg, stimuli, subject=0, key=None):
    return model(eeg, stimuli, jnp.int32(subject), state=None, key=key)[0]


@cache
def network(**options):
    make = eqx.nn.make_with_state(ThesisNetwork)
    return make(5, 3, 2, key=jax.random.key(0), **SMALL | options)


def window(n_times=30, n_channels=5, n_bands=3, n_stimuli=2):
    rng = np.random.default_rng(0)
    return (
        jnp.asarray(rng.normal(size=(n_times, n_channels)), jnp.float32),
        jnp.asarray(rng.normal(size=(n_stimuli, n_times, n_bands)), jnp.float32),
    )


def test_every_part_has_the_parameters_of_the_thesis():
    model = ThesisNetwork(64, 33, 32, key=jax.random.key(0))
    assert n_parameters((model.subjects, model.eeg_encoder)) == 143_432
    assert n_parameters(model.sound_encoder) == 7_520
    assert n_parameters(model.reconstructor) == 108_321
    assert n_parameters(model) == 259_275
    assert float(jnp.exp(model.log_temperature)) == pytest.approx(10, rel=1e-6)
    assert float(model.bias) == -10
    assert [block.convolution.weight.shape[0] for block in model.reconstructor.blocks] == [
        40, 20, 30,
    ]  # fmt: skip


@pytest.mark.parametrize(("n_stimuli", "n_times"), [(1, 30), (3, 41)])
def test_any_number_of_stimuli_and_any_length(n_stimuli, n_times):
    model = eqx.nn.inference_mode(network()[0])
    found = views(model, *window(n_times, n_stimuli=n_stimuli), subject=-1)
    assert found.eeg.shape == (n_times, 4)
    assert found.sounds.shape == (n_stimuli, n_times, 4)
    assert found.reconstruction.shape == (n_times,)


def test_stimuli_are_embedded_alike_and_do_not_reach_the_reconstruction():
    model = eqx.nn.inference_mode(network()[0])
    eeg, stimuli = window()
    found, swapped = views(model, eeg, stimuli), views(model, eeg, stimuli[::-1])
    np.testing.assert_allclose(swapped.sounds, found.sounds[::-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(swapped.reconstruction, found.reconstruction)


def test_listeners_differ_and_dropout_is_drawn_in_training_alone():
    model = network()[0]
    quiet, inputs = eqx.nn.inference_mode(model), window()
    one, other = (views(quiet, *inputs, jnp.int32(subject)).eeg for subject in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    drawn = [views(model, *inputs, key=jax.random.key(seed)).eeg for seed in (0, 1)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_activations_are_applied_when_asked_for():
    """Without them the encoder of the EEG is linear up to its norms and attention."""
    plain, active = network()[0], network(activate=True)[0]
    assert n_parameters(plain) == n_parameters(active)
    outputs = [views(eqx.nn.inference_mode(model), *window()).eeg for model in (plain, active)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
