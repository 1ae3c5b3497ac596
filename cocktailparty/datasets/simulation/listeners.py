"""Simulated listeners: EEG from speech-like envelopes through known response functions.

A lag tau pairs stimulus(t) with EEG(t + tau): the brain answers later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.datasets.simulation.drive import (
    check_nonlinearity,
    neural_drive,
    speech_like_envelope,
)
from cocktailparty.electrodes.biosemi import biosemi_names, head_positions
from cocktailparty.trial import Trial
from cocktailparty.validation import check_finite, check_rate, float_array

# Peaks of the response: latency (s), width (s), size. The sizes nearly balance, so that the
# response has hardly any offset.
_PEAKS = ((0.05, 0.012, 0.5), (0.1, 0.018, -1.0), (0.18, 0.028, 0.45))
# Two auditory cortices, in units of the head radius, and the direction of their dipoles: up and
# to the front, which gives a fronto-central maximum.
_SOURCES = np.array([[-0.55, 0.0, 0.05], [0.55, 0.0, 0.05]])
_DIRECTION = np.array([0.0, 0.5, 0.85])
# Root mean square of the EEG, in volts.
_AMPLITUDE = 15e-6
# The spectrum of the noise is flat below this frequency (Hz), as after a high-pass filter, and
# falls as 1/f above.
_CORNER = 0.5
# Distance, in head radii, over which the noise of two channels stays correlated, and the share of
# its power that is a channel's own.
_REACH = 0.5
_OWN_VARIANCE = 0.1


@dataclass(frozen=True, eq=False)
class SimulatedListeners:
    """Simulated trials and the truth that made them.

    Attributes
    ----------
    trials : list of Trial
        Trials of all subjects.
    trf : ndarray of shape (n_subjects, n_channels, n_lags)
        Response to a unit impulse in the drive of an attended stimulus, in volts.
    lags : ndarray of shape (n_lags,)
        Lags in seconds. A lag tau pairs stimulus(t) with EEG(t + tau): the brain answers later.
    unattended_gain : float
        Response to an unattended stimulus as a fraction of that to an attended one.
    snr : float
        Power of the attended response over that of the noise, in decibels.
    nonlinearity : float
        The brain answers ``neural_drive(envelope, sfreq, nonlinearity)`` of each stimulus.
    """

    trials: list[Trial]
    trf: np.ndarray
    lags: np.ndarray
    unattended_gain: float
    snr: float
    nonlinearity: float = 0.0


def simulate_two_talkers(
    n_subjects: int = 1,
    n_trials: int = 20,
    duration: float = 60.0,
    sfreq: float = 64.0,
    n_channels: int = 32,
    *,
    n_talkers: int = 2,
    n_stories: int = 5,
    unattended_gain: float = 0.4,
    snr: float = -32.0,
    nonlinearity: float = 0.0,
    random_state: Any = None,
) -> SimulatedListeners:
    """Simulate listeners who attend to one of two talkers.

    Envelopes are made of syllables, phrases and pauses; the EEG is that of `simulate_eeg`. The
    default noise makes the task about as hard as with recordings: ridge regression from 0 to 0.4 s
    of EEG to the envelope, tuned on the training stories and tested on the one left out, is right
    in 58, 62, 68, 73, 85 and 92 % of windows of 1, 2, 5, 10, 30 and 60 s (mean of 10 listeners,
    who differ by 2 to 8 points; r is 0.12 for the attended talker and 0.05 for the other).

    With a `nonlinearity` the brain follows onsets under adaptive gain instead of the envelope, so
    that a linear decoder of the envelope leaves something to be gained. The same ridge regression,
    trained on the envelope or on the drive itself (what knowing the nonlinearity would allow), mean
    of 8 listeners, who differ by 3 points (standard deviation; 400 windows each, guessing: 50 %):

    ============  =========================  =======================
    nonlinearity  envelope, 3 s; r attended  drive, 3 s; r attended
    ============  =========================  =======================
    0             62.8 %; 0.122              the same
    0.5           62.6 %; 0.112              66.8 %; 0.121
    1             62.2 %; 0.099              72.3 %; 0.145
    ============  =========================  =======================

    Parameters
    ----------
    n_subjects : int
        Number of listeners. Each hears speech of their own.
    n_trials : int
        Number of trials of each listener.
    duration : float
        Length of a trial in seconds.
    sfreq : float
        Sampling rate in hertz.
    n_channels : int
        Number of EEG channels, up to 64: the caps of 32 and 64, or some of their channels.
    n_talkers : int
        Number of simultaneous talkers.
    n_stories : int
        Number of stories of each listener; successive trials share one.
    unattended_gain : float
        Response to an unattended talker as a fraction of that to an attended one.
    snr : float
        Power of the attended response over that of the noise, in decibels.
    nonlinearity : float
        Fraction of the drive that is not a linear function of the envelope, from 0 to 1, see
        `neural_drive`. The trials hold envelopes whatever it is, as those of recordings do.
    random_state : int, Generator, RandomState or None
        Source of randomness.

    Returns
    -------
    listeners : SimulatedListeners
        Trials, balanced over the attended talker in random order, and the truth behind them.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> listeners = simulate_two_talkers(n_trials=2, random_state=0)
    >>> listeners.trials[0]
    Trial('sub-01/story-1/trial-01', 60.0 s at 64 Hz, 32 channels, 2 stimuli x 1 feature, ...)
    >>> listeners.trf.shape
    (1, 32, 26)
    """
    counts = {
        "n_subjects": n_subjects,
        "n_trials": n_trials,
        "n_talkers": n_talkers,
        "n_stories": n_stories,
    }
    for what, count in counts.items():
        if count < 1:
            raise ValueError(f"{what} must be at least 1, got {count}")
    check_rate(sfreq, "sfreq")
    if not sfreq >= 16:
        raise ValueError(f"sfreq must be at least 16 Hz for syllables and responses, got {sfreq:g}")
    if not duration * sfreq >= 2:
        raise ValueError(f"duration must be at least two samples long, got {duration:g} s")
    check_nonlinearity(nonlinearity)
    names = biosemi_names(n_channels)
    rng = np.random.default_rng(random_state)
    n_times, n_stories = round(duration * sfreq), min(n_stories, n_trials)
    trials: list[Trial] = []
    trfs = []
    for subject in range(n_subjects):
        trf = simulate_trf(n_channels, sfreq, random_state=rng)
        attended = rng.permutation(np.arange(n_trials) % n_talkers).tolist()
        stimuli = [
            np.stack([speech_like_envelope(n_times, sfreq, rng) for _ in range(n_talkers)])
            for _ in range(n_trials)
        ]
        drives = stimuli
        if nonlinearity > 0:
            drives = [neural_drive(trial.T, sfreq, nonlinearity).T for trial in stimuli]
        # One scale for all trials of a listener, so that the response stays the same.
        followed = [drive[k] for drive, k in zip(drives, attended, strict=True)]
        trf *= _AMPLITUDE / _amplitude(followed, trf, snr)
        trfs.append(trf)
        for i in range(n_trials):
            eeg = simulate_eeg(
                drives[i],
                attended[i],
                sfreq,
                trf,
                unattended_gain=unattended_gain,
                snr=snr,
                random_state=rng,
            )
            trials.append(
                Trial(
                    eeg,
                    stimuli[i],
                    sfreq,
                    attended=attended[i],
                    subject=f"sub-{subject + 1:02d}",
                    story=f"story-{i * n_stories // n_trials + 1}",
                    name=f"trial-{i + 1:02d}",
                    channel_names=names,
                    provenance={
                        "source": "simulated",
                        "features": "artificial envelopes",
                        "eeg_unit": "V",
                    },
                )
            )
    lags = np.arange(trfs[0].shape[1]) / sfreq
    return SimulatedListeners(trials, np.stack(trfs), lags, unattended_gain, snr, nonlinearity)


def simulate_eeg(
    stimuli: Any,
    attended: int,
    sfreq: float,
    trf: Any,
    *,
    channel_names: Sequence[str] | None = None,
    unattended_gain: float = 0.4,
    snr: float = -32.0,
    random_state: Any = None,
) -> np.ndarray:
    r"""Simulate the EEG of one trial from any stimuli through a known response.

    .. math:: x_c(t) = \sum_s g_s \sum_f \sum_\tau h_{fc}(\tau)\, s_f(t - \tau) + n_c(t)

    with gain :math:`g_s = 1` for the attended stimulus and noise of 1/f spectrum that neighbouring
    channels share.

    Parameters
    ----------
    stimuli : array of shape (n_stimuli, n_times) or (n_stimuli, n_times, n_features)
        What each sound gives the brain to follow; silence is taken to precede it.
    attended : int
        Index of the attended stimulus.
    sfreq : float
        Sampling rate in hertz.
    trf : array of shape (n_channels, n_lags) or (n_features, n_channels, n_lags)
        Response to a unit impulse in each feature, in volts, at lags 0, 1, ... samples; see
        `simulate_trf`.
    channel_names : sequence of str, optional
        Names of electrodes of the BioSemi-64 cap, whose distances shape the noise. None for
        those that `simulate_trf` assumes.
    unattended_gain : float
        Gain of the other stimuli.
    snr : float
        Power of the attended response over that of the noise, both averaged over channels, in
        decibels; infinity for no noise.
    random_state : int, Generator, RandomState or None
        Source of the noise.

    Returns
    -------
    eeg : ndarray of shape (n_times, n_channels)
        In volts.

    Raises
    ------
    ValueError
        If shapes disagree or the attended stimulus is none of them.

    Examples
    --------
    >>> import numpy as np
    >>> envelopes = np.random.default_rng(0).random((2, 640))
    >>> simulate_eeg(envelopes, 0, 64, simulate_trf(32, 64), random_state=0).shape
    (640, 32)
    """
    stimuli, trf = float_array(stimuli, "stimuli"), float_array(trf, "trf")
    stimuli = stimuli[..., None] if stimuli.ndim == 2 else stimuli
    trf = trf[None] if trf.ndim == 2 else trf
    if stimuli.ndim != 3 or trf.ndim != 3 or stimuli.shape[2] != trf.shape[0]:
        raise ValueError(
            f"stimuli have shape {stimuli.shape} and trf {trf.shape}, expected (n_stimuli, "
            "n_times, n_features) and (n_features, n_channels, n_lags)"
        )
    if not snr > -np.inf:
        raise ValueError(f"snr must be a number of decibels or infinity, got {snr}")
    if attended not in range(len(stimuli)):
        raise ValueError(f"attended={attended} is not an index into {len(stimuli)} stimuli")
    check_finite(stimuli, "stimuli")
    check_finite(trf, "trf")
    rng = np.random.default_rng(random_state)
    if channel_names is None:
        channel_names = biosemi_names(trf.shape[1])
    if len(channel_names) != trf.shape[1]:
        raise ValueError(f"{len(channel_names)} channel_names for {trf.shape[1]} channels of trf")
    positions = head_positions(channel_names)
    # The response is linear and the same for all stimuli up to its gain.
    gains = np.full(len(stimuli), unattended_gain)
    gains[attended] = 1.0
    response = respond(np.tensordot(gains, stimuli, 1), trf)
    power = _power(respond(stimuli[attended], trf))
    if not power > 0:
        raise ValueError(
            f"stimulus {attended} is attended but gives no response, so that no snr can be set: is "
            "it silent?"
        )
    noise = pink_noise(len(response), sfreq, positions, rng)
    return response + np.sqrt(power) * 10 ** (-snr / 20) * noise


def simulate_trf(
    n_channels: int = 32, sfreq: float = 64.0, tmax: float = 0.4, *, random_state: Any = None
) -> np.ndarray:
    """Simulate the response function of a listener.

    A positive peak at 50 ms, a negative one at 100 ms and a positive one at 180 ms, each from two
    dipoles in the temporal lobes that point up and to the front. Sizes, latencies and directions
    differ from listener to listener.

    Parameters
    ----------
    n_channels : int
        Number of EEG channels, up to 64.
    sfreq : float
        Sampling rate in hertz.
    tmax : float
        Longest lag in seconds.
    random_state : int, Generator, RandomState or None
        Source of the differences between listeners.

    Returns
    -------
    trf : ndarray of shape (n_channels, n_lags)
        Response in volts to a unit impulse, at lags from 0 to `tmax`; 1 microvolt at its peak.

    Raises
    ------
    ValueError
        If the number of channels, rate or lag is out of range.

    Examples
    --------
    >>> simulate_trf(8, 64, random_state=0).shape
    (8, 26)
    """
    check_rate(sfreq, "sfreq")
    if not tmax >= 0:
        raise ValueError(f"tmax must be at least 0, got {tmax:g}")
    rng = np.random.default_rng(random_state)
    positions = head_positions(biosemi_names(n_channels))
    lags = np.arange(int(tmax * sfreq + 1e-9) + 1) / sfreq
    trf = np.zeros((n_channels, len(lags)))
    for latency, width, size in _PEAKS:
        pattern = sum(
            dipole_potential(
                positions,
                source,
                _DIRECTION + rng.normal(scale=0.2, size=3),
            )
            * rng.lognormal(sigma=0.2)
            for source in _SOURCES
        )
        latency = latency * (1 + rng.normal(scale=0.05))
        trf += np.outer(size * pattern, np.exp(-0.5 * ((lags - latency) / width) ** 2))
    return 1e-6 * trf / np.abs(trf).max()


def dipole_potential(positions: np.ndarray, source: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Potential of a current dipole in a homogeneous medium, (n_channels,)."""
    offset = positions - source
    return offset @ moment / np.linalg.norm(offset, axis=1) ** 3


def respond(stimulus: np.ndarray, trf: np.ndarray) -> np.ndarray:
    """Convolve (n_times, n_features) with (n_features, n_channels, n_lags)."""
    n_features, n_channels, n_lags = trf.shape
    padded = np.pad(stimulus, ((n_lags - 1, 0), (0, 0)))
    past = np.lib.stride_tricks.sliding_window_view(padded, n_lags, axis=0)[:, :, ::-1]
    weights = trf.transpose(0, 2, 1).reshape(n_features * n_lags, n_channels)
    return past.reshape(len(stimulus), -1) @ weights


def _amplitude(drives: Sequence[np.ndarray], trf: np.ndarray, snr: float) -> float:
    """Root mean square of the responses to attended drives and of their noise."""
    powers = [_power(respond(drive[:, None], trf[None])) for drive in drives]
    return float(np.sqrt(np.mean(powers) * (1 + 10 ** (-snr / 10))))


def _power(signals: np.ndarray) -> float:
    """Variance over time, averaged over channels."""
    return float(np.var(signals, axis=0).mean())


def pink_noise(
    n_times: int, sfreq: float, positions: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Pink noise that neighbours share, of unit power averaged over channels."""
    freqs = np.fft.rfftfreq(n_times, 1 / sfreq)
    spectrum = rng.normal(size=(len(freqs), len(positions), 2)).view(complex)[..., 0]
    spectrum[0] = 0
    spectrum /= np.sqrt(np.maximum(freqs, _CORNER))[:, None]
    distance = np.linalg.norm(positions[:, None] - positions, axis=2)
    shared = (1 - _OWN_VARIANCE) * np.exp(-0.5 * (distance / _REACH) ** 2)
    mixing = np.linalg.cholesky(shared + _OWN_VARIANCE * np.eye(len(positions)))
    noise = np.fft.irfft(spectrum @ mixing.T, n_times, axis=0)
    return noise / np.sqrt(_power(noise))
