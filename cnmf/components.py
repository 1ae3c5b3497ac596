"""Components of a mixture of any length, in memory that hardly grows with it."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from cnmf.estimator import ContrastiveNMF
from cocktailparty.separation.blocks import BLOCK, frame_blocks, n_frames, spectrogram_frames
from cocktailparty.separation.masking import component_products, magnitude, wiener_mask

# Frames that are factorised at most: five minutes at 64 Hz, 110 MB at 44.1 kHz.
SAMPLE = 20_000


@dataclass(frozen=True, eq=False)
class Components:
    """Components of a mixture.

    Attributes
    ----------
    activations : ndarray of shape (n_frames, n_components)
        When each sounds, in the frames of `cocktailparty.features.stft`.
    components : ndarray of shape (n_components, n_freqs)
        Spectrum of each.
    gram : ndarray of shape (n_components, n_components)
        Inner products of their spectrograms (`cocktailparty.separation.masking`).
    positions : ndarray of shape (n_components, n_audio_channels)
        Share of each channel in the power of a component; rows sum to 1.
    """

    activations: np.ndarray
    components: np.ndarray
    gram: np.ndarray
    positions: np.ndarray

    @property
    def loudness(self) -> np.ndarray:
        """Loudness of each component over time, (n_frames, n_components), in float64."""
        loudness: np.ndarray = self.activations * self.components.sum(axis=1, dtype=np.float64)
        return loudness


def find_components(
    audio: np.ndarray,
    nmf: ContrastiveNMF,
    n_fft: int,
    hop: int,
    *,
    sample: int = SAMPLE,
    block: int = BLOCK,
) -> Components:
    """Factorise a mixture block by block.

    Up to `sample` frames are factorised as they are. Of more, a random sample is, the same for
    every size of blocks; the activations of all frames are then found for its components, in as
    many iterations as the factorisation may take, so that no frame depends on those in its block.
    Memory grows by the activations alone.

    Parameters
    ----------
    audio : ndarray of shape (n_samples,) or (n_samples, n_audio_channels)
        Mixture, looked at by slices only: it may be a `numpy.memmap`.
    nmf : ContrastiveNMF
        Factorisation without a guide; `fit` and its learnt attributes are used.
    n_fft, hop : int
        Window and step of the spectrogram in samples.
    sample : int
        Number of frames that are factorised at most.
    block : int
        Number of frames that are computed at once.

    Returns
    -------
    Components
        Activations, spectra, inner products and positions.

    Examples
    --------
    >>> audio = np.random.default_rng(0).normal(size=(8000, 2))
    >>> nmf = ContrastiveNMF(3, 1, contrast_weight=0, init="random", random_state=0)
    >>> found = find_components(audio, nmf, 256, 128, sample=40)
    >>> found.activations.shape, found.components.shape, found.positions.shape
    ((64, 3), (3, 129), (3, 2))
    """
    total = n_frames(len(audio), hop)
    rows = np.arange(total)
    if total > sample:
        rows = np.sort(check_random_state(nmf.random_state).permutation(total)[:sample])
    fitted = nmf.fit_transform(_magnitudes(audio, rows, n_fft, hop, block))
    components = nmf.components_
    n_components = len(components)
    activations = fitted
    tol = nmf.tol
    if total > sample:
        activations = np.empty((total, n_components), dtype=fitted.dtype)
        nmf.set_params(tol=0)
    gram = np.zeros((n_components, n_components))
    powers = np.zeros((n_components, 1 if audio.ndim == 1 else audio.shape[1]))
    for first, last in frame_blocks(total, block):
        spectra = spectrogram_frames(audio, first, last, n_fft, hop)
        X = magnitude(spectra)
        if total > sample:
            activations[first:last] = nmf.transform(X)
        here = activations[first:last]
        gram += component_products(X, here, components)
        powers += _channel_powers(spectra, here, components)
    nmf.set_params(tol=tol)
    even = 1 / powers.shape[1]
    positions = wiener_mask(powers, powers.sum(axis=1, keepdims=True), even)
    return Components(activations, components, gram, positions)


def _channel_powers(
    spectra: np.ndarray, activations: np.ndarray, components: np.ndarray
) -> np.ndarray:
    """Power of each component in each channel, (n_components, n_audio_channels)."""
    if len(spectra) == 1:
        return np.zeros((len(components), 1))
    activations, components = activations.astype(np.float64), components.astype(np.float64)
    share = wiener_mask(np.ones(()), activations @ components)
    return np.stack(
        [
            np.einsum(
                "nk,nk->k",
                activations,
                (np.abs(s.astype(np.complex128)) ** 2 * share) @ components.T,
            )
            for s in spectra
        ],
        axis=1,
    )


def _magnitudes(
    audio: np.ndarray, rows: np.ndarray, n_fft: int, hop: int, block: int
) -> np.ndarray:
    """Magnitudes of some frames of the mixture, (n_rows, n_freqs)."""
    dtype = np.float32 if audio.dtype == np.float32 else np.float64
    found = np.empty((len(rows), n_fft // 2 + 1), dtype=dtype)
    for first, last in frame_blocks(n_frames(len(audio), hop), block):
        begin, end = np.searchsorted(rows, (first, last))
        sizes = magnitude(spectrogram_frames(audio, first, last, n_fft, hop))
        found[begin:end] = sizes[rows[begin:end] - first]
    return found
