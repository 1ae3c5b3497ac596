"""Artefacts in a guide: found, counted, and clipped to the range of the rest of the guide."""

import numpy as np

# A value this many standard deviations off is an artefact if it is also this many times as far off
# as all but 2 % of the values on its side: rare loud events are no artefacts. Artefacts closer than
# this, in seconds, count as one.
_FAR, _TIMES, _CLOSE = 6.0, 3.0, 0.25


def without_artefacts(
    guide: np.ndarray, sfreq: float
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Winsorise a guide (n_times,) sampled at `sfreq` hertz, and list its artefacts.

    A single blink can be larger than everything else and then decides a correlation alone. So the
    returned copy is never farther from its median than 6 standard deviations (of a normal
    distribution with the same 5 % and 95 % quantiles) or, if that is more, than 3 times its 98 %
    quantile. Artefacts are pairs of beginning and end in seconds.

    Examples
    --------
    >>> guide = np.random.default_rng(0).normal(size=640)
    >>> guide[64:74] = 100
    >>> winsorised, artefacts = without_artefacts(guide, 64)
    >>> artefacts, bool(winsorised.max() < 8)
    ([(1.0, 1.15625)], True)
    """
    lowest, low, middle, high, highest = np.quantile(guide, [0.02, 0.05, 0.5, 0.95, 0.98])
    reach = max(_FAR * (high - low) / 3.29, _TIMES * max(highest - middle, middle - lowest))
    far = np.abs(guide - middle) > reach
    if reach == 0 or not np.any(far):
        return guide.copy(), []
    far_samples = np.flatnonzero(far)
    segments = np.split(far_samples, 1 + np.flatnonzero(np.diff(far_samples) > _CLOSE * sfreq))
    artefacts = [
        (float(segment[0] / sfreq), float((segment[-1] + 1) / sfreq)) for segment in segments
    ]
    return np.clip(guide, middle - reach, middle + reach), artefacts
