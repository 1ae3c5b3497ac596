"""A trained model, and a recording with its sounds, that live tests share."""

from functools import cache

import numpy as np

from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.decoding import train_model
from cocktailparty.decoding.tracker import AttentionTracker
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import preprocess
from cocktailparty.trial import Trial
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder

RATE, EEG_RATE, N_CHANNELS = 8000, 128, 6
NAMES = [f"E{i}" for i in range(N_CHANNELS)]
DECODERS = {
    "ridge": lambda: AttentionDecoder(
        BackwardTRF(0, 0.4, 64, alpha=1e-2, alpha_convention="relative")
    ),
    "ledoit-wolf": lambda: AttentionDecoder(BackwardTRF(0, 0.4, 64, alpha="ledoit-wolf")),
    "cca": lambda: CCADecoder(sfreq=64),
}


def sounds(rng, duration, n_talkers=2):
    """Noise with syllable-like envelopes, (n_samples, n_talkers)."""
    times = np.arange(duration * RATE) / RATE
    points = rng.lognormal(size=(n_talkers, duration * 5 + 1))
    envelopes = [np.interp(times, np.arange(duration * 5 + 1) / 5, p / p.max()) for p in points]
    return 0.5 * np.array(envelopes).T * rng.uniform(-1, 1, (len(times), n_talkers))


def eeg_of(audio, attended, rng, snr):
    """EEG (n_times, N_CHANNELS) of a listener who attends to one talker."""
    envelopes = [speech_envelope(sound, RATE, EEG_RATE)[:, 0] for sound in audio.T]
    envelopes = np.array([envelope / envelope.std() for envelope in envelopes])
    trf = simulate_trf(N_CHANNELS, EEG_RATE, random_state=0)
    return simulate_eeg(envelopes, attended, EEG_RATE, trf, snr=snr, random_state=rng)


@cache
def training(seed, snr, phase, n_trials):
    rng = np.random.default_rng(seed)
    trials = []
    for i in range(n_trials):
        audio = sounds(rng, 24)
        eeg = eeg_of(audio, i % 2, rng, snr)
        envelopes = [speech_envelope(sound, RATE, EEG_RATE, phase=phase) for sound in audio.T]
        eeg -= eeg.mean(axis=1, keepdims=True)
        labels = {"attended": i % 2, "story": str(i), "name": str(i), "channel_names": NAMES}
        trials.append(Trial(eeg, [e[: len(eeg)] for e in envelopes], EEG_RATE, **labels))
    return preprocess(trials, 64, 1, 9, phase)


def trained(name="ridge", seed=0, snr=-14.0, phase="causal", n_trials=6, **tracking):
    tracker = AttentionTracker(DECODERS[name](), **tracking)
    return train_model(tracker, training(seed, snr, phase, n_trials), phase=phase)
