import equinox as eqx
import jax
import numpy as np
import pytest

from deep.asam.extraction import encode, extract
from deep.asam.network import SelectionNetwork

DEVICE = jax.devices("cpu")[0]
RNG = np.random.default_rng(0)
VOICES = (RNG.normal(size=(5, 4)) / 2).astype(np.float32)
MIXTURE = RNG.normal(size=3000).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    return eqx.nn.make_with_state(SelectionNetwork)(
        n_fft=16, n_channels=4, n_shared=0, n_steered=1, n_voice=4, n_talkers=1, n_cue_channels=4,
        key=jax.random.key(0),
    )  # fmt: skip


def test_blocks_join_without_a_seam(network):
    small, whole = (extract(network, MIXTURE, VOICES[:1], n, DEVICE, True) for n in (400, 3200))
    np.testing.assert_allclose(small.waveforms, whole.waveforms, atol=1e-5)
    np.testing.assert_allclose(small.masks, whole.masks, atol=1e-5)
    assert whole.masks.shape == (1, 375, 9)
    np.testing.assert_allclose(small.presence, whole.presence, rtol=1e-5)
    assert 0 < small.presence[0] < 1


def test_loudness_and_offset_of_the_mixture_do_not_matter(network):
    one = extract(network, MIXTURE, VOICES[:1], 400, DEVICE)
    loud = extract(network, 1000 * MIXTURE + 5, VOICES[:1], 400, DEVICE)
    np.testing.assert_allclose(loud.waveforms, 1000 * one.waveforms, atol=0.05)
    np.testing.assert_allclose(loud.presence, one.presence, rtol=1e-4)


@pytest.mark.parametrize("n", [1, 80, 400, 401])
def test_any_length(network, n):
    found = extract(network, np.r_[MIXTURE[: n - 1], 3].astype(np.float32) + 1, VOICES[:1],
                    400, DEVICE, True) if n > 1 else None  # fmt: skip
    if found is not None:
        assert found.waveforms.shape == (1, n)
        assert found.masks.shape[1] == -(-n // 8)
        assert np.isfinite(found.waveforms).all()


def test_voices_of_a_group_do_not_matter_to_each_other(network):
    found = extract(network, MIXTURE, VOICES, 400, DEVICE, True)
    assert found.waveforms.shape == (5, 3000)
    turned = extract(network, MIXTURE, VOICES[::-1], 400, DEVICE, True)
    for name in ("waveforms", "presence", "masks"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(turned, name)[::-1], rtol=1e-5, atol=1e-6
        )


def test_a_long_cue_counts_by_its_pieces(network):
    cue = RNG.normal(size=250).astype(np.float32)
    whole = encode(network, np.tile(cue, 6), 250, DEVICE)
    np.testing.assert_allclose(whole, encode(network, cue, 250, DEVICE), atol=1e-5)
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-5)
    # A rest of less than a quarter of a piece is left out.
    other = np.r_[cue, np.zeros(50, np.float32)]
    np.testing.assert_allclose(encode(network, other, 250, DEVICE), whole, atol=0.05)
