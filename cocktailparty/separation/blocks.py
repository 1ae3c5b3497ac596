"""Spectrograms block by block: exactly the frames and samples of the whole, in little memory."""

from collections.abc import Iterator
from typing import Any

from cocktailparty.features.stft import istft, stft

# Frames of a block: at 44.1 kHz, some tens of megabytes for each channel.
BLOCK = 512


def n_frames(n_samples: int, hop: int) -> int:
    """Count the frames of a spectrogram; see `cocktailparty.features.stft`.

    Examples
    --------
    >>> n_frames(16000, 256)
    64
    """
    return -(-(n_samples - 1) // hop) + 1


def frame_blocks(n: int, block: int = BLOCK) -> Iterator[tuple[int, int]]:
    """Divide `n` frames into blocks; yields the first frame of each, and the first after it.

    Examples
    --------
    >>> list(frame_blocks(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    for first in range(0, n, block):
        yield first, min(first + block, n)


def spectrogram_frames(
    audio: Any, first: int, last: int, n_fft: int = 1024, hop: int = 256, window: Any = "hann"
) -> Any:
    """Compute some frames of the complex spectrogram, (n_audio_channels, last - first, n_freqs).

    `audio` has shape (n_samples,) or (n_samples, n_audio_channels) and is only looked at by slices,
    so that it may lie in a file; frames are those of `cocktailparty.features.stft` from `first`
    to before `last`, whose errors apply.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=4000)
    >>> bool(np.allclose(spectrogram_frames(noise, 3, 9)[0], stft(noise)[3:9]))
    True
    """
    context = -(-n_fft // hop)
    start = max(0, first - context)
    samples = audio[start * hop : (last + context) * hop]
    channels = samples[None, :] if samples.ndim == 1 else samples.T
    return stft(channels, n_fft, hop, window)[:, first - start : last - start]


def block_samples(
    spectrum: Any, first: int, last: int, start: int, n_samples: int, n_fft: int, hop: int,
    window: Any = "hann",
) -> Any:  # fmt: skip
    """Invert frames of a spectrogram: the samples from `first` * hop to before `last` * hop.

    `spectrum`, (..., n_frames, n_freqs), begins with frame `start` and holds every frame that
    reaches into these samples (`with_neighbours`) of a sound of `n_samples`. Returns
    (..., n_block_samples): exactly what `cocktailparty.features.istft` makes of the whole.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=4000)
    >>> start, stop = with_neighbours(3, 9, 17, 1024, 256)
    >>> found = block_samples(stft(noise)[start:stop], 3, 9, start, 4000, 1024, 256)
    >>> bool(np.allclose(found, noise[3 * 256 : 9 * 256]))
    True
    """
    end = start + spectrum.shape[-2]
    whole = end == n_frames(n_samples, hop)
    length = n_samples - start * hop if whole else (end - 1 - start) * hop + 1
    samples = istft(spectrum, length, n_fft, hop, window)
    return samples[..., (first - start) * hop : min(last * hop, n_samples) - start * hop]


def with_neighbours(first: int, last: int, n: int, n_fft: int, hop: int) -> tuple[int, int]:
    """Widen a block of `n` frames by those that overlap with its samples; first, and one after.

    Examples
    --------
    >>> with_neighbours(10, 20, 24, 1024, 256)
    (6, 24)
    """
    context = -(-n_fft // hop)
    return max(0, first - context), min(n, last + context)
