"""Chance level of evidence: shifts that misalign a guide, and the odds that they allow."""

import numpy as np

# Shifts that are tried first, and if hardly any of them gives as much evidence.
_FEW, _MANY = 199, 999
# A guide repeats if it is as much like itself after a period.
_REPEATS = 0.5
# At this probability of as much evidence by chance, the odds of a guide are even at most.
SIGNIFICANT = 0.05


def null_shifts(guide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose circular shifts, in frames, that make an unrelated guide of (n_frames,), not constant.

    Returns up to 199 and up to 999 shifts, away from both ends. A guide that repeats, such as a
    beat, is shifted by whole periods: a beat of another song of the same tempo would be in step
    with the mixture as well.

    Examples
    --------
    >>> import numpy as np
    >>> few, many = null_shifts(np.random.default_rng(0).normal(size=5000))
    >>> len(few), len(many), int(few.min())
    (199, 999, 250)
    >>> beat = np.tile(np.arange(50) == 0, 100) * 1.0
    >>> np.unique(null_shifts(beat)[0] % 50)
    array([0])
    """
    n = len(guide)
    nearest, period = max(1, n // 20), _period(guide)
    if period:
        every = np.round(np.arange(1, int(n / period)) * period).astype(int)
        return every[:: -(-len(every) // _FEW)], every[:: -(-len(every) // _MANY)]
    few, many = (
        np.unique(np.linspace(nearest, n - nearest, number).astype(int)) for number in (_FEW, _MANY)
    )
    return few, many


def most_odds(p_value: float) -> float:
    r"""Bound the odds that a guide follows something by the p value (above 0) of its shifts.

    The bound is the square of :math:`\frac{1 - p}{p} \cdot \frac{0.05}{0.95}`. The odds are even at
    0.05, so that an unrelated guide is trusted in at most 5 % of cases; with a confidence of 0.9 in
    1.7 %, and of 0.98, where outputs leave the mixture, in 0.7 %.

    Examples
    --------
    >>> round(most_odds(0.05), 6), round(most_odds(0.005), 1)
    (1.0, 109.7)
    """
    return float(((1 - p_value) / p_value * SIGNIFICANT / (1 - SIGNIFICANT)) ** 2)


def _autocorrelation(x: np.ndarray) -> np.ndarray:
    """Circular, over all columns, 1 without a shift."""
    spectrum = np.fft.rfft(x - x.mean(axis=0), axis=0)
    correlation: np.ndarray = np.fft.irfft(np.sum(np.abs(spectrum) ** 2, axis=1), len(x))
    return correlation / correlation[0] if correlation[0] > 0 else np.zeros(len(x))


def _period(guide: np.ndarray) -> float:
    """Frames after which a guide repeats, on average over many; 0 if it does not."""
    correlation = _autocorrelation(guide[:, None])[: len(guide) // 2]
    if not np.any(correlation < 0):
        return 0.0
    first = int(np.argmax(correlation < 0))
    if first >= len(correlation) or correlation[first:].max() < _REPEATS:
        return 0.0
    peak = first + int(np.argmax(correlation[first:] >= 0.9 * correlation[first:].max()))
    while peak + 1 < len(correlation) and correlation[peak + 1] > correlation[peak]:
        peak += 1
    # Later peaks tell the period more exactly.
    period, k = float(peak), 1
    while 2 * k * period < len(correlation) - 3:
        k *= 2
        window = round(k * period) + np.arange(-2, 3)
        period = float(window[np.argmax(correlation[window])]) / k
    return period
