"""Wiener masks on the complex spectrogram of the mixture: from components to waveforms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from cocktailparty.features.stft import stft
from cocktailparty.separation.blocks import (
    BLOCK,
    block_samples,
    frame_blocks,
    n_frames,
    spectrogram_frames,
    with_neighbours,
)
from cocktailparty.separation.loudness import exponents, exponents_near, scaled
from cocktailparty.validation import check_finite, float_array


def wiener_mask(part: Any, total: Any, otherwise: Any = 0.0) -> Any:
    """Compute the Wiener mask of a part, (..., n_frames, n_freqs), from 0 to 1.

    The share of `part` in `total` (n_frames, n_freqs), and `otherwise` where nothing contributes.

    Examples
    --------
    >>> import numpy as np
    >>> wiener_mask(np.array([1.0, 0.0]), np.array([4.0, 0.0]), otherwise=0.5)
    array([0.25, 0.5 ])
    """
    xp = namespace(part, total)
    sounding = total > 0
    return xp.where(sounding, part / xp.where(sounding, total, xp.ones_like(total)), otherwise)


def wiener_masks(activations: Any, components: Any, weights: Any) -> Any:
    r"""Divide the mixture among parts, each a weighted set of components.

    .. math:: M_p = \frac{\sum_k w_{pk}\, a_k c_k^\top}{\sum_k a_k c_k^\top}

    Parameters
    ----------
    activations : array of shape (n_frames, n_components)
        Activation of each component over time.
    components : array of shape (n_components, n_freqs)
        Spectrum of each component.
    weights : array of shape (n_parts, n_components)
        Share of each component that goes to each part, from 0 to 1. Where the columns sum to one,
        so do the masks.

    Returns
    -------
    array of shape (n_parts, n_frames, n_freqs)
        Masks from 0 to 1. Where no component sounds, the mean weight of the part.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a value is negative or not finite, or a weight
        exceeds 1.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = [1.0, 0.0], [1.0, 1.0]
    >>> masks = wiener_masks(np.array([[1.0, 1.0]]), np.array([low, high]), np.eye(2))
    >>> masks[:, 0]
    array([[0.5, 0. ],
           [0.5, 1. ]])
    """
    return _masks(*_checked(activations, components, weights))


def _masks(activations: Any, components: Any, weights: Any) -> Any:
    xp = namespace(activations, components, weights)
    parts = xp.stack([(activations * w) @ components for w in weights])
    mean = xp.mean(weights, axis=1)[:, None, None]
    # The products are rounded in different orders, so that a part may slightly exceed the total.
    return xp.clip(wiener_mask(parts, activations @ components, mean), 0.0, 1.0)


def separate_waveform(
    audio: Any,
    activations: Any,
    components: Any,
    weights: Any,
    n_fft: int = 1024,
    hop: int = 256,
    window: Any = "hann",
) -> Any:
    """Filter parts out of a mixture by Wiener masks.

    Where the columns of the weights sum to one, the parts sum to the mixture: nothing is lost and
    nothing is added, whatever the components are.

    Parameters
    ----------
    audio : array of shape (n_samples,) or (n_samples, n_audio_channels)
        Mixture, of any rate and length. All channels get the same masks.
    activations : array of shape (n_frames, n_components)
        When each component sounds, in the frames of `cocktailparty.features.stft`.
    components : array of shape (n_components, n_freqs)
        Spectrum of each component.
    weights : array of shape (n_components,) or (n_parts, n_components)
        Share of each component that goes to each part, from 0 to 1. Weights of one part make two:
        that part, and the rest.
    n_fft, hop, window : int, int, str or tuple
        Of the spectrogram that was factorised; see `cocktailparty.features.stft`.

    Returns
    -------
    array of shape (n_parts, n_samples) or (n_parts, n_samples, n_audio_channels)
        Waveforms of the parts.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a value is negative or not finite, or a weight
        exceeds 1.

    References
    ----------
    Benaroya, L., Bimbot, F., & Gribonval, R. (2006). Audio source separation with a single sensor.
    IEEE Transactions on Audio, Speech, and Language Processing, 14(1), 191-199.
    https://doi.org/10.1109/TSA.2005.854110

    Examples
    --------
    >>> import numpy as np
    >>> from cnmf import ContrastiveNMF
    >>> audio = np.random.default_rng(0).normal(size=4000)
    >>> X = np.abs(stft(audio))
    >>> nmf = ContrastiveNMF(2, 1, contrast_weight=0, init="random", random_state=0)
    >>> parts = separate_waveform(audio, nmf.fit_transform(X), nmf.components_, [1.0, 0.0])
    >>> parts.shape
    (2, 4000)
    >>> bool(np.allclose(parts.sum(axis=0), audio))
    True
    """
    return Separated(audio, activations, components, weights, n_fft, hop, window).whole()


@dataclass(frozen=True, eq=False)
class Separated:
    """Parts of a mixture, computed block by block whenever it is iterated over.

    Parameters and errors are those of `separate_waveform`, which puts the blocks together; `block`
    is the number of frames of each, which changes nothing but the memory. Yields arrays of shape
    (n_parts, n_block_samples) or (n_parts, n_block_samples, n_audio_channels), one after another.

    Examples
    --------
    >>> audio = np.random.default_rng(0).normal(size=4000)
    >>> rng = np.random.default_rng(1)
    >>> parts = Separated(audio, rng.random((17, 2)), rng.random((2, 513)), [1.0, 0.0], block=8)
    >>> [block.shape for block in parts]
    [(2, 2048), (2, 1952)]
    """

    audio: Any
    activations: Any
    components: Any
    weights: Any
    n_fft: int = 1024
    hop: int = 256
    window: Any = "hann"
    block: int = BLOCK

    def __post_init__(self) -> None:
        """Check shapes and values, before anything is computed."""
        xp = namespace(self.activations, self.components)
        weights = float_array(self.weights, "weights")
        if weights.ndim == 1:
            weights = xp.stack([weights, 1.0 - weights])
        _check_channels(self.audio)
        activations, components, weights = _checked(self.activations, self.components, weights)
        described = activations.shape[0], components.shape[1]
        needed = n_frames(self.audio.shape[0], self.hop), self.n_fft // 2 + 1
        if described != needed:
            raise ValueError(
                f"activations and components describe {described} frames and frequencies, but the "
                f"audio has {needed} for n_fft={self.n_fft} and hop={self.hop}: pass the values "
                "that the factorised spectrogram was made with"
            )
        for name, value in (
            ("activations", activations),
            ("components", components),
            ("weights", weights),
        ):
            object.__setattr__(self, name, value)

    def __iter__(self) -> Iterator[Any]:
        """Filter and yield the blocks."""
        xp = namespace(self.activations, self.components)
        n_samples, grid = self.audio.shape[0], (self.n_fft, self.hop)
        total = self.activations.shape[0]
        for first, last in frame_blocks(total, self.block):
            if first * self.hop >= n_samples:  # the last frame may be centred after the end
                continue
            start, stop = with_neighbours(first, last, total, *grid)
            spectrum = spectrogram_frames(self.audio, start, stop, *grid, self.window)
            masks = _masks(self.activations[start:stop], self.components, self.weights)
            parts = block_samples(
                spectrum[None] * masks[:, None], first, last, start, n_samples, *grid, self.window
            )
            yield xp.moveaxis(parts, 1, -1) if self.audio.ndim == 2 else parts[:, 0]

    def whole(self) -> Any:
        """Put the blocks together: (n_parts, n_samples) or (n_parts, n_samples, n_channels)."""
        blocks = iter(self)
        first = next(blocks)
        n_samples, done = self.audio.shape[0], first.shape[1]
        if done == n_samples:
            return first
        xp = namespace(first)
        parts = xp.empty((first.shape[0], *self.audio.shape), dtype=first.dtype)
        parts[:, :done] = first
        for block in blocks:
            parts[:, done : done + block.shape[1]] = block
            done += block.shape[1]
        return parts


def spectrogram(audio: Any, n_fft: int = 1024, hop: int = 256, window: Any = "hann") -> Any:
    """Compute the complex spectrogram of each channel, (n_audio_channels, n_frames, n_freqs).

    `audio` has shape (n_samples,) or (n_samples, n_audio_channels); for the other arguments and
    errors see `cocktailparty.features.stft`. Audio of other dimensions is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> spectrogram(np.zeros((4000, 2))).shape
    (2, 17, 513)
    """
    _check_channels(audio)
    return stft(audio[None, :] if audio.ndim == 1 else audio.T, n_fft, hop, window)


def magnitude(spectrum: Any) -> Any:
    """Compute the magnitude (n_frames, n_freqs) of a `spectrogram`, which is what is factorised.

    It is the root mean square over channels, so that channels in antiphase do not cancel.

    Examples
    --------
    >>> import numpy as np
    >>> magnitude(np.array([[[3.0 + 4.0j]], [[-3.0 - 4.0j]]]))
    array([[5.]])
    """
    xp = namespace(spectrum)
    sizes = xp.abs(spectrum)
    exponent = exponents(xp.reshape(sizes, (-1, sizes.shape[-1])))
    loudness = xp.sqrt(xp.mean(scaled(sizes, -exponent) ** 2, axis=0))
    return scaled(loudness, exponent)


def component_products(X: Any, activations: Any, components: Any) -> np.ndarray:
    """Compute inner products of components that are filtered out of a mixture by Wiener masks.

    The Gram matrix, (n_components, n_components), of the parts of the complex spectrogram with
    magnitudes `X` (n_frames, n_freqs), activations (n_frames, n_components) and components
    (n_components, n_freqs).

    Examples
    --------
    >>> import numpy as np
    >>> component_products(np.array([[2.0]]), np.array([[1.0, 1.0]]), np.array([[1.0], [3.0]]))
    array([[0.25, 0.75],
           [0.75, 2.25]])
    """
    exponent = exponents(X)
    X = scaled(X, -exponent)
    components = scaled(components, -exponents_near(components, exponent))
    model = activations @ components
    sounding = model > 0
    power = np.where(sounding, X / np.where(sounding, model, 1.0), 0.0) ** 2
    first, second = np.triu_indices(len(components))
    pairs = power @ (components[first] * components[second]).T
    products = np.einsum("np,np,np->p", pairs, activations[:, first], activations[:, second])
    gram = np.zeros((len(components), len(components)))
    gram[first, second] = gram[second, first] = products
    return gram * 4.0**exponent


def _check_channels(audio: Any) -> None:
    if audio.ndim not in (1, 2):
        raise ValueError(
            "audio must have shape (n_samples,) or (n_samples, n_audio_channels), got "
            f"{tuple(audio.shape)}"
        )


def _checked(*arrays: Any) -> tuple[Any, Any, Any]:
    names = ("activations", "components", "weights")
    activations, components, weights = (
        float_array(x, name) for x, name in zip(arrays, names, strict=True)
    )
    shapes = [tuple(x.shape) for x in (activations, components, weights)]
    if (
        any(len(shape) != 2 for shape in shapes)
        or len({shapes[0][1], shapes[1][0], shapes[2][1]}) != 1
    ):
        raise ValueError(
            "activations (n_frames, n_components), components (n_components, n_freqs) and weights "
            f"(n_parts, n_components) do not belong together: got {shapes}"
        )
    xp = namespace(activations, components, weights)
    for x, name in zip((activations, components, weights), names, strict=True):
        check_finite(x, name)
        if bool(xp.any(x < 0)):
            raise ValueError(f"{name} must not be negative")
    if bool(xp.any(weights > 1)):
        raise ValueError("weights are shares of a component: none may exceed 1")
    return activations, components, weights
