"""Mixtures, guides and simple systems that the separation benchmark compares with."""

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from cnmf import ContrastiveNMF
from cocktailparty.features import istft, stft
from cocktailparty.separation import separate_waveform

RATE, N_FFT, HOP = 16000, 1024, 512
STEMS = {
    "drumkit_808": ("kick", "snare", "hihat"),
    "edm_loops": ("drums", "bass", "melody", "effects"),
    "edm_loops_120": ("drums", "bass", "melody"),
    "rock_4stems": ("drums", "bass", "other", "vocals"),
}
LOOPS = tuple(STEMS)[:3]


def load_stems(folder, name):
    """Return the stems of a piece: mono, 16 kHz, one length."""
    found = []
    for stem in STEMS[name]:
        audio, rate = soundfile.read(next(Path(folder, name).glob(f"{stem}.*")), always_2d=True)
        common = gcd(RATE, rate)
        found.append(resample_poly(audio.mean(axis=1), RATE // common, rate // common))
    shortest = min(map(len, found))
    return np.array([stem[:shortest] for stem in found])


def retiled(stems, duration, seed):
    """Repeat each loop up to a duration, every time shifted round by a random amount."""
    rng = np.random.default_rng(seed)
    n_samples = duration * RATE
    n_tiles = -(-n_samples // stems.shape[1])
    return np.array(
        [
            np.concatenate([np.roll(s, rng.integers(len(s))) for _ in range(n_tiles)])[:n_samples]
            for s in stems
        ]
    )


def envelope(audio, hop):
    return np.abs(stft(audio, N_FFT, hop)).sum(axis=1)


def noisy_envelope(clean, rho, seed):
    """Return a guide: correlation rho with the envelope, the rest noise of the same spectrum."""
    clean = (clean - clean.mean()) / clean.std()
    spectrum = np.fft.rfft(clean)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(len(spectrum)))
    noise = np.fft.irfft(np.abs(spectrum) * phases, len(clean))
    noise -= noise.mean()
    return rho * clean + np.sqrt(1 - rho**2) * noise / noise.std()


def blind(X, n_components, seed):
    nmf = ContrastiveNMF(
        n_components, 1, contrast_weight=0, init="random", max_iter=100, tol=0, random_state=seed
    )
    return nmf.fit_transform(X), nmf.components_


def oracle_activations(target, rho, seed, n_refs=8):
    """Return activations of the isolated target with noise to correlation rho, rectified."""
    clean, components = blind(np.abs(stft(target, N_FFT, HOP)), n_refs, seed)
    clean = clean * components.sum(axis=1)
    noise = np.random.default_rng(seed).normal(size=clean.shape)
    return np.maximum(clean + clean.std(axis=0) * np.sqrt(1 / rho**2 - 1) * noise, 0)


def correlated(activations, guides):
    """Correlation of each component with the guide that it follows best."""
    a = activations - activations.mean(axis=0)
    g = guides - guides.mean(axis=0)
    scale = np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(g, axis=0))
    return (a.T @ g / np.maximum(scale, 1e-30)).max(axis=1)


def blind_and_correlation(mixture, guides, seed, n_chosen=8):
    activations, components = blind(np.abs(stft(mixture, N_FFT, HOP)), 16, seed)
    best = np.argsort(correlated(activations, guides))[-n_chosen:]
    weights = np.isin(np.arange(16), best).astype(float)
    return separate_waveform(mixture, activations, components, weights, N_FFT, HOP)[0]


def shift_z_score(guide, activations):
    """Return the z score of each component's correlation among all circular shifts."""
    spectra = np.fft.rfft(activations - activations.mean(axis=0), axis=0)
    shifted = np.fft.irfft(np.fft.rfft(guide - guide.mean())[:, None] * spectra.conj(), axis=0)
    return (shifted[0] - shifted[1:].mean(axis=0)) / shifted[1:].std(axis=0)


def ideal_ratio_mask(mixture, target):
    target_, rest = np.abs(stft(np.array([target, mixture - target]), N_FFT, HOP))
    mask = target_ / np.maximum(target_ + rest, 1e-12)
    return istft(stft(mixture, N_FFT, HOP) * mask, len(mixture), N_FFT, HOP)
