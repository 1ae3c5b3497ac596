"""Gammatone envelopes that never look ahead, of sounds that come piece by piece."""

from typing import Any

import numpy as np

from cocktailparty.causal import CausalSampler
from cocktailparty.features.filterbank import check_bands, erb_frequencies, gammatone_sos
from cocktailparty.validation import check_rate

# Samples that are filtered at once, which bounds the memory that bands take.
_BLOCK = 2**16


class CausalEnvelope:
    """Envelopes of several sounds as ``speech_envelope(..., phase="causal")`` computes them.

    The sounds share one clock. Parameters are those of `cocktailparty.features.speech_envelope`,
    with a single method, "gammatone"; another one, or an impossible value, is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> sounds = np.random.default_rng(0).normal(size=(16000, 2))
    >>> envelope = CausalEnvelope(16000, 64, n_sounds=2)
    >>> first, values = envelope.push(sounds, np.arange(16000) / 16000)
    >>> values.shape  # moments, sounds and features
    (64, 2, 1)
    """

    def __init__(
        self,
        audio_sfreq: float,
        sfreq: float,
        n_sounds: int,
        method: str = "gammatone",
        power: float = 0.6,
        *,
        average: bool = True,
        f_min: float = 150.0,
        f_max: float = 4000.0,
    ) -> None:
        if method != "gammatone":
            raise ValueError(
                f"method={method!r} looks ahead: phase='causal' takes method='gammatone' only"
            )
        check_rate(audio_sfreq, "audio_sfreq")
        frequencies = erb_frequencies(f_min, f_max)
        check_bands(frequencies, audio_sfreq, f_max)
        sos = gammatone_sos(frequencies, audio_sfreq)
        self._sos = np.ascontiguousarray(sos.transpose(1, 2, 0))
        self._bands = np.zeros((n_sounds, sos.shape[1], 2, sos.shape[0]))
        self._power = float(power)
        self.n_features = 1 if average else len(frequencies)
        self._sampler = CausalSampler(audio_sfreq, sfreq)

    def push(self, audio: np.ndarray, times: np.ndarray) -> tuple[int, np.ndarray]:
        """Take further samples, (n_samples, n_sounds), and their times in seconds, (n_samples,).

        Returns the first k of the moments ``k / sfreq`` that are known now, and the envelopes
        there, (n_moments, n_sounds, n_features).
        """
        from cocktailparty.features.gammatone_numba import compress

        audio = np.ascontiguousarray(audio, dtype=float)
        found = []
        for start in range(0, max(len(audio), 1), _BLOCK):
            block = audio[start : start + _BLOCK]
            out = np.empty((*block.shape, self.n_features))
            compress(block, self._sos, self._bands, self._power, out)
            flat = out.reshape(len(block), len(self._bands) * self.n_features)
            found.append(self._sampler.push(flat, times[start : start + _BLOCK]))
        return found[0][0], self._shaped(np.concatenate([values for _, values in found]))

    def finish(self) -> tuple[int, np.ndarray]:
        """Return what is left up to the end of the last sample, see `push`."""
        first, values = self._sampler.finish()
        return first, self._shaped(values)

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        # The filter against aliasing rings: after a loud stop it swings below zero by a trace.
        return np.clip(values, 0.0, None).reshape(len(values), len(self._bands), self.n_features)

    def state(self) -> dict[str, Any]:
        """Return all that the envelopes remember, see `restore`."""
        return {"bands": self._bands.copy(), "sampler": self._sampler.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where others were when they gave their `state`."""
        self._bands = np.array(state["bands"])
        self._sampler.restore(state["sampler"])
