"""Compiled gammatone bank whose bands are rectified, compressed and averaged sample by sample."""

import numpy as np
from numba import njit


# Bands are the inner loop, which runs in vector registers; nothing is reordered, so that the
# result does not depend on where a signal is cut into pieces.
@njit(cache=True)
def compress(
    audio: np.ndarray, sos: np.ndarray, state: np.ndarray, power: float, out: np.ndarray
) -> None:
    """Filter sounds, (n_samples, n_sounds), and write their compressed magnitudes to `out`.

    `sos` are the sections, (n_sections, 6, n_bands), `state` what they remember of each sound,
    (n_sounds, n_sections, 2, n_bands), which is updated. `out` is (n_samples, n_sounds, n_features)
    with a feature for each band, or a single one, which is their mean.
    """
    n_samples, n_sounds = audio.shape
    n_sections, _, n_bands = sos.shape
    average = out.shape[2] == 1
    band = np.empty(n_bands)
    for k in range(n_sounds):
        for i in range(n_samples):
            # The offset keeps decaying states from turning subnormal in digital silence.
            band[:] = audio[i, k] + 1e-20
            for s in range(n_sections):
                for b in range(n_bands):
                    x = band[b]
                    y = sos[s, 0, b] * x + state[k, s, 0, b]
                    state[k, s, 0, b] = sos[s, 1, b] * x - sos[s, 4, b] * y + state[k, s, 1, b]
                    state[k, s, 1, b] = sos[s, 2, b] * x - sos[s, 5, b] * y
                    band[b] = y
            if average:
                total = 0.0
                for b in range(n_bands):
                    total += abs(band[b]) ** power
                out[i, k, 0] = total / n_bands
            else:
                for b in range(n_bands):
                    out[i, k, b] = abs(band[b]) ** power
