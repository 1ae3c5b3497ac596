import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.features import istft, stft
from cocktailparty.separation.blocks import (
    block_samples,
    frame_blocks,
    n_frames,
    spectrogram_frames,
    with_neighbours,
)
from cocktailparty.separation.masking import Separated, separate_waveform, spectrogram

SHAPES = {
    "n_samples": st.integers(1, 900),
    "n_fft": st.sampled_from([32, 46, 64]),
    "hop": st.sampled_from([7, 16, 23]),
    "block": st.integers(1, 40),
    "seed": st.integers(0, 99),
}


def grid(n_fft, hop):
    return n_fft, min(hop, n_fft // 2)


@settings(max_examples=60)
@given(**SHAPES, n_channels=st.integers(0, 2))
def test_frames_and_samples_of_blocks_are_those_of_the_whole(
    n_samples, n_fft, hop, block, seed, n_channels
):
    n_fft, hop = grid(n_fft, hop)
    rng = np.random.default_rng(seed)
    audio = rng.normal(size=(n_samples, n_channels) if n_channels else n_samples)
    spectrum = spectrogram(audio, n_fft, hop)
    total = n_frames(n_samples, hop)
    assert spectrum.shape[1] == total
    masked = spectrum * rng.random(spectrum.shape)
    samples = []
    for first, last in frame_blocks(total, block):
        found = spectrogram_frames(audio, first, last, n_fft, hop)
        np.testing.assert_array_equal(found, spectrum[:, first:last])
        start, stop = with_neighbours(first, last, total, n_fft, hop)
        if first * hop < n_samples:
            some = masked[:, start:stop]
            samples.append(block_samples(some, first, last, start, n_samples, n_fft, hop))
    expected = istft(masked, n_samples, n_fft, hop)
    np.testing.assert_allclose(np.concatenate(samples, axis=-1), expected, rtol=0, atol=1e-13)


@settings(max_examples=40)
@given(**SHAPES, n_channels=st.integers(0, 2), single=st.booleans())
def test_masks_by_blocks_are_those_of_the_whole(
    n_samples, n_fft, hop, block, seed, n_channels, single
):
    n_fft, hop = grid(n_fft, hop)
    rng = np.random.default_rng(seed)
    audio = rng.normal(size=(n_samples, n_channels) if n_channels else n_samples)
    activations = rng.random((n_frames(n_samples, hop), 3)) ** 3
    activations[rng.random(len(activations)) < 0.2] = 0
    arrays = [audio, activations, rng.random((3, n_fft // 2 + 1)), rng.random((2, 3))]
    if single:
        arrays = [x.astype(np.float32) for x in arrays]
    blocks = list(Separated(*arrays, n_fft, hop, block=block))
    whole = separate_waveform(*arrays, n_fft, hop)
    assert whole.shape == (2, *audio.shape)
    tolerance = 1e-5 if single else 1e-13
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), whole, rtol=0, atol=tolerance)
    assert Separated(*arrays, n_fft, hop, block=block).whole().dtype == arrays[0].dtype


def test_a_mixture_in_a_file_is_read_by_slices(tmp_path, rng):
    audio = rng.normal(size=(5000, 2)).astype(np.float32)
    np.save(tmp_path / "audio.npy", audio)
    mapped = np.load(tmp_path / "audio.npy", mmap_mode="r")
    found = spectrogram_frames(mapped, 10, 20, 64, 16)
    np.testing.assert_array_equal(found, np.moveaxis(stft(audio.T, 64, 16), 0, 0)[:, 10:20])


def test_bad_windows_are_refused(rng):
    with pytest.raises(ValueError, match="must not exceed n_fft"):
        spectrogram_frames(rng.normal(size=100), 0, 2, 16, 32)
