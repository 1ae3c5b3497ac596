"""Drives of a simulated brain: speech-like envelopes, and what the brain makes of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cocktailparty.validation import check_finite, check_rate, float_array

# Time over which the level adapts the gain, in seconds; level of silence as a part of the mean;
# and rate of rise, relative to that level and in 1/s, that gives half the largest answer.
_ADAPTATION = 0.5
_SILENCE = 0.1
_HALF = 30.0
# Resources that a loud moment (four times the mean level) would use up within a second, and the
# time in which they come back, in seconds: between the fast and the slow depression of cortex.
_USE = 2.0
_RECOVERY = 0.6


def speech_like_envelope(n_times: int, sfreq: float, random_state: Any = None) -> np.ndarray:
    """Simulate the envelope of syllables in phrases with pauses.

    Parameters
    ----------
    n_times : int
        Number of samples.
    sfreq : float
        Sampling rate in hertz.
    random_state : int, Generator, RandomState or None
        Source of randomness.

    Returns
    -------
    envelope : ndarray of shape (n_times,)
        Positive, of unit standard deviation.

    Examples
    --------
    >>> speech_like_envelope(640, 64, random_state=0).shape
    (640,)
    """
    rng = np.random.default_rng(random_state)
    n_syllables = int(8 * n_times / sfreq) + 8  # more than fit
    intervals = rng.gamma(9.0, 0.24 / 9.0, n_syllables)
    pauses = rng.gamma(4.0, 0.12, n_syllables) * (rng.random(n_syllables) < 0.1)
    loudness = rng.lognormal(sigma=0.4, size=n_syllables)
    onsets = np.cumsum(intervals + pauses) - pauses[0]  # speech begins at once
    samples = (onsets * sfreq).astype(int)
    syllables = np.bincount(samples, loudness, samples[-1] + 1)[:n_times]
    time = np.arange(int(0.5 * sfreq) + 1) / sfreq
    shape = time**1.5 * np.exp(-time / 0.035)
    envelope = np.convolve(syllables, shape / shape.mean())[:n_times]
    # A faint background, since a pause without any would leave short windows constant.
    envelope += 0.04 * rng.gamma(2.0, 0.5, n_times)
    return np.asarray(envelope / envelope.std())


def neural_drive(envelope: Any, sfreq: float, nonlinearity: float = 1.0) -> np.ndarray:
    r"""Compute what a nonlinear auditory pathway makes of an envelope.

    Cortex answers to the rises of a sound more than to its level, and scales its answer by what it
    has just heard. The drive mixes the envelope :math:`s` with saturating, adapted onsets:

    .. math::
        u(t) = \frac{\max(0, \dot s(t))}{a(t) + 0.1\,\bar s}, \qquad
        o(t) = \frac{u(t)^2}{u(t)^2 + (30/\mathrm{s})^2}, \qquad
        d = c\,\Bigl((1 - \lambda) \frac{s}{\sigma_s} + \lambda \frac{o}{\sigma_o}\Bigr)

    with :math:`a` the level of the past (an exponential average over 0.5 s),
    :math:`\lambda` the nonlinearity and :math:`c` such that the drive has the standard deviation
    of the envelope. Up to that scale the drive is causal.

    Parameters
    ----------
    envelope : array of shape (n_times,) or (..., n_times, n_features)
        Envelopes, not negative and not filtered, such as `Trial.stimuli`; each feature of each
        stimulus is taken for itself.
    sfreq : float
        Sampling rate in hertz.
    nonlinearity : float
        Share of the onsets, from 0 (the envelope as it is) to 1 (onsets alone).

    Returns
    -------
    drive : ndarray of the shape of `envelope`
        In units of the envelope.

    Raises
    ------
    ValueError
        If the envelope is negative, constant or not finite, or a number is out of range.

    References
    ----------
    Oganian, Y., & Chang, E. F. (2019). A speech envelope landmark for syllable encoding in human
    superior temporal gyrus. Science Advances, 5(11), eaay6279.
    https://doi.org/10.1126/sciadv.aay6279

    Daube, C., Ince, R. A. A., & Gross, J. (2019). Simple acoustic features can explain
    phoneme-based predictions of cortical responses to speech. Current Biology, 29(12), 1924-1937.
    https://doi.org/10.1016/j.cub.2019.04.067

    Rabinowitz, N. C., Willmore, B. D. B., Schnupp, J. W. H., & King, A. J. (2011). Contrast gain
    control in auditory cortex. Neuron, 70(6), 1178-1191.
    https://doi.org/10.1016/j.neuron.2011.04.030

    Carandini, M., & Heeger, D. J. (2012). Normalization as a canonical neural computation. Nature
    Reviews Neuroscience, 13(1), 51-62. https://doi.org/10.1038/nrn3136

    Examples
    --------
    A sound that goes on drives the brain at its start:

    >>> neural_drive([0.0, 0.0, 1.0, 1.0, 1.0, 1.0], sfreq=64).round(2)
    array([0.  , 0.  , 1.26, 0.  , 0.  , 0.  ])
    """
    check_nonlinearity(nonlinearity)
    envelope = _checked_envelope(envelope, sfreq)
    if nonlinearity == 0:
        return envelope.copy()
    axis = 0 if envelope.ndim == 1 else -2
    size = _deviation(envelope, axis, "envelope")
    onsets = _adapted_onsets(envelope, sfreq, axis)
    mixed = (1 - nonlinearity) * envelope / size
    mixed = mixed + nonlinearity * onsets / _deviation(
        onsets, axis, "the part of the envelope that rises"
    )
    return np.asarray(mixed * (size / _deviation(mixed, axis, "drive")))


def depressed_drive(envelope: Any, sfreq: float) -> np.ndarray:
    r"""Compute what synapses that tire pass on of an envelope.

    Each moment of sound uses up transmitter, which comes back slowly, so that the answer depends on
    all that was heard in the last second:

    .. math::
        \dot x(t) = \frac{1 - x(t)}{0.6\,\mathrm{s}} - 2\,\mathrm{s}^{-1}\,
        \frac{s(t)}{\bar s}\, x(t), \qquad d(t) = x(t)\, s(t)

    Parameters
    ----------
    envelope : array of shape (n_times, ...)
        Envelopes, not negative, each taken for itself.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    drive : ndarray of the shape of `envelope`
        With the standard deviation of the envelope.

    Raises
    ------
    ValueError
        If the envelope is negative, constant or not finite, or the rate not positive.

    References
    ----------
    Tsodyks, M. V., & Markram, H. (1997). The neural code between neocortical pyramidal neurons
    depends on neurotransmitter release probability. PNAS, 94(2), 719-723.
    https://doi.org/10.1073/pnas.94.2.719

    David, S. V., Mesgarani, N., Fritz, J. B., & Shamma, S. A. (2009). Rapid synaptic depression
    explains nonlinear modulation of spectro-temporal tuning in primary auditory cortex by natural
    stimuli. Journal of Neuroscience, 29(11), 3374-3386.
    https://doi.org/10.1523/JNEUROSCI.5249-08.2009

    Examples
    --------
    A sound that goes on drives the brain less and less:

    >>> drive = depressed_drive([0.0, 1.0, 1.0, 1.0, 1.0, 0.0], sfreq=8)
    >>> bool((drive[1:4] > drive[2:5]).all())
    True
    """
    envelope = _checked_envelope(envelope, sfreq)
    use = _USE / sfreq * envelope / np.maximum(envelope.mean(axis=0), np.finfo(float).tiny)
    recovered = 1 - np.exp(-1 / (_RECOVERY * sfreq))
    left, resources = np.ones_like(envelope), np.ones_like(envelope[0])
    for t, kept in enumerate(np.exp(-use)):
        left[t] = resources
        resources = resources * kept
        resources = resources + recovered * (1 - resources)
    drive = left * envelope
    size = _deviation(envelope, 0, "envelope")
    return np.asarray(drive * (size / _deviation(drive, 0, "drive")))


def check_nonlinearity(nonlinearity: float) -> None:
    """Raise a ValueError if the share of onsets in the drive is not from 0 to 1."""
    if not 0 <= nonlinearity <= 1:
        raise ValueError(f"nonlinearity must be from 0 to 1, got {nonlinearity}")


def _checked_envelope(envelope: Any, sfreq: float) -> np.ndarray:
    envelope = float_array(envelope, "envelope")
    check_rate(sfreq, "sfreq")
    if envelope.ndim == 0:
        raise ValueError("envelope has shape (), expected (n_times,) or (..., n_times, n_features)")
    check_finite(envelope, "envelope")
    if (envelope < 0).any():
        raise ValueError(
            f"envelope has values down to {envelope.min():g}, expected none below 0: compute the "
            "drive before filtering"
        )
    return np.asarray(envelope)


def _adapted_onsets(envelope: np.ndarray, sfreq: float, axis: int) -> np.ndarray:
    from scipy.signal import lfilter

    first = np.take(envelope, [0], axis)
    past = np.concatenate([first, np.delete(envelope, -1, axis)], axis)
    keep = np.exp(-1 / (_ADAPTATION * sfreq))
    level, _ = lfilter([1 - keep], [1, -keep], past, axis, zi=keep * first)
    rise = np.maximum(envelope - past, 0) * sfreq
    relative = rise / (level + _SILENCE * envelope.mean(axis, keepdims=True))
    return np.asarray(relative**2 / (relative**2 + _HALF**2))


def _deviation(signal: np.ndarray, axis: int, what: str) -> np.ndarray:
    deviation = signal.std(axis, keepdims=True)
    if not (deviation > 0).all():
        raise ValueError(f"{what} is constant: there is nothing that drives the brain")
    return np.asarray(deviation)


def adapted_drive(envelope: Any, sfreq: float) -> np.ndarray:
    """Take the adapted onsets alone: `neural_drive` with a nonlinearity of 1."""
    return neural_drive(envelope, sfreq, 1.0)


#: What a simulated brain may follow: functions of (envelope (n_times, n_bands), sfreq).
DRIVES: dict[str, Callable[[Any, float], np.ndarray]] = {
    "adaptation": adapted_drive,
    "depression": depressed_drive,
}
