"""Application of networks to waveforms of any length, in blocks of one size."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from deep.asam.inputs import SHORTEST, level
from deep.training.trees import TreeStructure, split

# Voices that are selected by one call; an incomplete group is filled up.
_GROUP = 4
# Segments of a cue that are encoded by one call.
_SEGMENTS = 4
# Frames below this share of the mean power do not count for presence.
_SOFT = 0.05


class Extracted(NamedTuple):
    """Selected voices of a mixture.

    `waveforms`, (n_voices, n_samples) in float32, have the loudness that they have in the mixture;
    `presence`, (n_voices,), is the probability that each is in it; `masks`, (n_voices, n_frames,
    n_freqs) or None, are the factors of the magnitude of each bin.
    """

    waveforms: np.ndarray
    presence: np.ndarray
    masks: np.ndarray | None


def extract(
    network: tuple[Any, Any], mixture: np.ndarray, voices: np.ndarray, n_core: int,
    device: jax.Device, masks: bool = False,
) -> Extracted:  # fmt: skip
    """Select voices, (n_voices, n_features), from a mixture, (n_samples,), both in float32.

    The mixture goes through the network in blocks that overlap by as much as the network looks to
    each side, so that neither length of the mixture nor number of voices decide the memory on the
    device, and the joints cannot be heard. `n_core` is the length of a block without its edges in
    samples, a multiple of half a frame. Masks are kept if asked for.
    """
    model = network[0]
    hop, context = model.n_fft // 2, model.context
    leveled = level(mixture)
    gain = _gain(mixture)
    n, n_blocks = len(mixture), -(-len(mixture) // n_core)
    padded = np.pad(leveled, (context, n_blocks * n_core - n + context))
    program, arrays = _prepared(_select, network, device)
    n_voices = len(voices)
    waves = np.zeros((n_voices, n_blocks * n_core), np.float32)
    odds = np.zeros(n_voices)
    kept = []
    weight = 0.0
    frames = slice(context // hop, (context + n_core) // hop)
    for i in range(n_blocks):
        block = padded[i * n_core : i * n_core + n_core + 2 * context]
        power = _frame_power(block, hop)[frames]
        say = power > _SOFT
        weight += say.sum()
        outputs = [jax.device_get(program(arrays, block, group)) for group in _groups(voices)]
        for j, (wave, presence, mask) in enumerate(outputs):
            rows = slice(j * _size(n_voices), min((j + 1) * _size(n_voices), n_voices))
            n_rows = rows.stop - rows.start
            waves[rows, i * n_core : (i + 1) * n_core] = wave[:n_rows, context : context + n_core]
            odds[rows] += presence[:n_rows, frames] @ say
            if masks:
                kept.append(mask[:n_rows, frames])
    probability = 1 / (1 + np.exp(-odds / max(weight, 1.0)))
    all_masks = None
    if masks:
        n_groups = len(outputs)
        rows_of = [np.concatenate(kept[j::n_groups], axis=1) for j in range(n_groups)]
        all_masks = np.concatenate(rows_of)[:, : -(-n // hop)]
    return Extracted(waves[:, :n] * gain, probability, all_masks)


def encode(network: tuple[Any, Any], cue: np.ndarray, n_cue: int, device: jax.Device) -> np.ndarray:
    """Encode the voice of a cue, (n_samples,): float32, (n_features,), of norm 1.

    A long cue is encoded in segments of `n_cue` samples and averaged.
    """
    cue = level(cue)
    starts = np.arange(0, len(cue), n_cue)
    sizes = np.minimum(len(cue) - starts, n_cue)
    # A short remainder does not represent the voice.
    if len(sizes) > 1 and sizes[-1] < SHORTEST * n_cue:
        starts, sizes = starts[:-1], sizes[:-1]
    program, arrays = _prepared(_encode, network, device)
    total = np.zeros(0)
    for first in range(0, len(starts), _SEGMENTS):
        segments = np.zeros((_SEGMENTS, n_cue), np.float32)
        lengths = np.full(_SEGMENTS, n_cue, np.int32)
        which = range(first, min(first + _SEGMENTS, len(starts)))
        for row, i in enumerate(which):
            segments[row, : sizes[i]] = cue[starts[i] : starts[i] + sizes[i]]
            lengths[row] = sizes[i]
        vectors = np.asarray(program(arrays, segments, lengths), np.float64)[: len(which)]
        summed = sizes[first : first + _SEGMENTS] @ vectors
        total = summed if total.size == 0 else total + summed
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _select(model: Any, state: Any, block: jax.Array, voices: jax.Array) -> Any:
    return tuple(model(block, voices))


def _encode(model: Any, state: Any, segments: jax.Array, lengths: jax.Array) -> Any:
    return jax.vmap(model.voice)(segments, lengths)


def _size(n_voices: int) -> int:
    return 1 if n_voices == 1 else _GROUP


def _groups(voices: np.ndarray) -> list[np.ndarray]:
    """Voices in groups of one size, the last one filled up with its last voice."""
    size = _size(len(voices))
    indices = np.arange(-(-len(voices) // size) * size).reshape(-1, size)
    return [voices[np.minimum(rows, len(voices) - 1)] for rows in indices]


def _frame_power(block: np.ndarray, hop: int) -> np.ndarray:
    """Mean power of the frames, each of which is two halves."""
    halves = np.pad(np.square(block), (hop, hop))[: (len(block) // hop + 2) * hop]
    sums = halves.reshape(-1, hop).mean(1)
    return (sums[:-1] + sums[1:]) / 2


def _gain(mixture: np.ndarray) -> np.float32:
    y = mixture.astype(np.float64) - mixture.mean(dtype=np.float64)
    return np.float32(np.sqrt(np.mean(np.square(y))))


def _prepared(
    forward: Callable, network: tuple[Any, Any], device: jax.Device
) -> tuple[Callable, Any]:
    """Program of a network, and its arrays on the device."""
    model, state = network
    arrays, structure = split((eqx.nn.inference_mode(model), state))
    return _program(forward, structure), jax.device_put(arrays, device)


@lru_cache(maxsize=16)
def _program(forward: Callable, structure: TreeStructure) -> Callable:
    return jax.jit(lambda arrays, *inputs: forward(*structure.join(arrays), *inputs))
