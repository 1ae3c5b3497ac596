"""The network of the thesis against its twin in PyTorch, with the same weights."""

import importlib.util
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from deep.siglip.networks.thesis import ThesisNetwork
from deep.siglip.task import ContrastTask, views_of

N_CHANNELS, N_BANDS, N_SUBJECTS, N_TIMES = 6, 3, 4, 48


@pytest.fixture(scope="module")
def twin():
    pytest.importorskip("torch")
    path = Path(__file__).parents[2] / "benchmarks" / "speed" / "siglip_torch.py"
    spec = importlib.util.spec_from_file_location("siglip_torch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unit(x):
    """Norm over time of 1, which the task would give them, too."""
    return (x / np.linalg.norm(x, axis=-2, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def problem():
    """Network without dropout, state, and a batch with competing sounds."""
    network, state = eqx.nn.make_with_state(ThesisNetwork)(
        N_CHANNELS, N_BANDS, N_SUBJECTS, kernels=(4, 5), n_reconstructor=12,
        eeg_dropout=0.0, sound_dropout=0.0, reconstructor_dropout=0.0, key=jax.random.key(0),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    stimuli = unit(np.abs(rng.normal(size=(5, 2, N_TIMES, N_BANDS))))
    batch = {
        "eeg": unit(rng.normal(size=(5, N_TIMES, N_CHANNELS))),
        "stimuli": stimuli,
        "envelopes": stimuli[..., -1],
        "subject": np.array([0, 3, 1, 1, 2]),
    }
    return network, state, batch


def test_outputs_loss_and_gradients_are_those_of_the_twin(twin, problem):
    import torch

    network, state, batch = problem
    model = twin.SigLIP(
        N_SUBJECTS, N_CHANNELS, N_BANDS, width=12, sizes=(4, 5), eeg_dropout=0.0,
        envelope_dropout=0.0, reconstruction_dropout=0.0,
    )  # fmt: skip
    twin.copy_weights(network, model)
    inputs = [
        torch.tensor(np.swapaxes(batch["eeg"], 1, 2).copy()),
        torch.tensor(np.swapaxes(batch["stimuli"], 2, 3).copy()),
        torch.tensor(batch["subject"]),
    ]
    task = ContrastTask(1.0, 1.0, mask_same=False, n_window=N_TIMES)

    @eqx.filter_jit
    def compute(network):
        (loss, _), slopes = eqx.filter_value_and_grad(task, has_aux=True)(
            network, state, batch, jax.random.key(0)
        )
        return loss, slopes, views_of(network, state, batch, jax.random.key(0))[0]

    loss, slopes, views = compute(network)
    eeg, sounds, reconstruction = (part.detach().numpy() for part in model(*inputs))
    for ours, theirs in (
        (views.eeg, np.swapaxes(eeg, -1, -2)),
        (views.sounds, np.swapaxes(sounds, -1, -2)),
        (views.reconstruction, reconstruction),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    expected = twin.loss(model, *inputs)
    expected.backward()
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-5)
    pairs = twin.matched(slopes, model, lambda parameter: parameter.grad.numpy())
    assert len(pairs) == len(list(model.parameters())) == len(jax.tree.leaves(slopes))
    for ours, theirs in pairs:
        # Constants before an instance norm have no gradient but that of rounding.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
