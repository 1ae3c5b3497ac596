"""Systems that the benchmarks of separation compare, their guides, and how outputs are judged."""

import json
from pathlib import Path

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls
from separation_materials import RATE
from tqdm import tqdm

from cnmf import ContrastiveNMF
from cnmf.components import find_components
from cocktailparty.features import istft, stft
from cocktailparty.metrics import bss_eval
from cocktailparty.separation import attend, separate_waveform, steer
from cocktailparty.separation.alignment import on_frames
from cocktailparty.separation.artefacts import without_artefacts
from cocktailparty.separation.grouping import attend_to_groups, group_components

SFREQ = 64
N_FFT, HOP, N_COMPONENTS = 1024, RATE // SFREQ, 16


def envelope(audio):
    """Sum the magnitudes of each frame: how loud a sound is, at 64 Hz."""
    return np.abs(stft(audio, N_FFT, HOP)).sum(axis=1)[: -(-len(audio) // HOP)]


def noisy(clean, rho, seed):
    """Return a guide: correlation rho with an envelope, the rest noise of the same spectrum."""
    clean = (clean - clean.mean()) / clean.std()
    spectrum = np.fft.rfft(clean)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(len(spectrum)))
    noise = np.fft.irfft(np.abs(spectrum) * phases, len(clean))
    noise -= noise.mean()
    return rho * clean + np.sqrt(1 - rho**2) * noise / noise.std()


def sdr(target, sounds):
    """Return the SDR of several sounds as estimates of one."""
    return bss_eval(target[None], np.asarray(sounds, dtype=float)[:, None])[0][:, 0]


def ideal_ratio_mask(mixture, target):
    """Separate with the magnitudes of target and rest known."""
    target_, rest = np.abs(stft(np.array([target, mixture - target]), N_FFT, HOP))
    mask = target_ / np.maximum(target_ + rest, 1e-12)
    return istft(stft(mixture, N_FFT, HOP) * mask, len(mixture), N_FFT, HOP)


def most_alike(sound, stems):
    """Tell which stem a sound is most like, against the mixture: by SI-SDR, without a filter."""
    sounds = np.array([sound, stems.sum(axis=0)], dtype=float)
    powers = np.outer(np.sum(sounds**2, axis=1), np.sum(stems**2, axis=1))
    cosine = np.minimum((sounds @ stems.T) ** 2 / np.maximum(powers, 1e-30), 1 - 1e-9)
    after, before = np.log(cosine + 1e-12) - np.log(1 - cosine)
    return int(np.argmax(after - before))


class Factorised:
    """Components of a mixture, found once and as `NeuroSteeredSeparator` finds them."""

    def __init__(self, stems, seed, n_components=N_COMPONENTS):
        nmf = ContrastiveNMF(
            n_components, 1, contrast_weight=0.0, init="random", max_iter=100, random_state=seed
        )
        audio = stems.sum(axis=0).astype(np.float32)
        self.found = find_components(audio, nmf, N_FFT, HOP)
        everyone = np.eye(n_components, dtype=np.float32)
        activations, components = self.found.activations, self.found.components
        self.parts = separate_waveform(audio, activations, components, everyone, N_FFT, HOP)
        self.groups = group_components(self.found.loudness, components, None, len(stems))
        self.overlap = self.parts @ stems.T.astype(np.float32)  # (n_components, n_stems)
        self.truth = np.argmax(self.overlap, axis=1)  # of which stem each component has most
        self.root = cholesky(self.parts @ self.parts.T + 1e-6 * np.eye(n_components))

    def output(self, weights):
        """Separate with a weight for each component."""
        return np.asarray(weights, dtype=np.float32) @ self.parts

    def attentions(self, guide):
        """Choose by a guide at 64 Hz: single components, groups of them, groups by the truth."""
        guide = without_artefacts(guide, SFREQ)[0]
        loudness, gram = self.found.loudness, self.found.gram
        frames = on_frames(guide, SFREQ, RATE / HOP, len(loudness))
        return {
            "components": attend(frames, loudness, gram),
            "groups": attend_to_groups(frames, loudness, gram, self.groups),
            "groups by truth": attend_to_groups(frames, loudness, gram, self.truth),
        }

    def best_correlated(self, guides, n):
        """Weigh the n components that correlate best with a guide, or with one of several, by 1."""
        a = self.found.activations - self.found.activations.mean(axis=0)
        guides = guides[:, None] if guides.ndim == 1 else guides
        a, g = a[: len(guides)], guides - guides.mean(axis=0)
        scale = np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(g, axis=0))
        r = (a.T @ g / np.maximum(scale, 1e-30)).max(axis=1)
        return np.isin(np.arange(len(r)), np.argsort(r)[-n:])

    def oracles(self, stem):
        """Weigh components with the stem known: best of all weights, and those it has most of."""
        weights = nnls(self.root.T, solve_triangular(self.root.T, self.overlap[:, stem]))[0]
        own = self.truth == stem  # if no component has most of it, nothing can be taken out
        return {"oracle weights": weights, "oracle group": own if own.any() else np.ones(len(own))}


def judge_components(system, stems, target, guide):
    """Measure what factorisation and a guide make of a mixture: a row for each way to choose."""
    attentions = system.attentions(guide)
    weights = {name: found.weights for name, found in attentions.items()}
    n_fair = round(len(system.parts) / len(stems))
    weights["blind + correlation"] = system.best_correlated(guide, n_fair)
    outputs = {name: system.output(w) for name, w in weights.items()}
    values = sdr(stems[target], list(outputs.values()))
    rows = {name: {"sdr": v} for name, v in zip(outputs, values, strict=True)}
    for name, found in attentions.items():
        rows[name] |= {
            "confidence": found.confidence,
            "p_value": found.p_value,
            "chosen": len(found.chosen),
            "right": most_alike(outputs[name], stems) == target,
        }
    return rows


def judge_parts(stems, target, guide, parts=None):
    """Measure what a guide makes of given parts of a mixture, by default of the true stems."""
    parts = stems if parts is None else parts
    found = steer(stems.sum(axis=0), RATE, list(parts), guide, SFREQ)
    attention = found.attention
    return {
        "sdr": sdr(stems[target], [found.sounds[0]])[0],
        "confidence": attention.confidence,
        "p_value": attention.p_value,
        "chosen": len(attention.chosen),
        "right": int(np.argmax(attention.probabilities)) == target,
        "lag": found.lag,
    }


def leaky(stems, level=-10.0):
    """Return what a network may give: in each stem, all others at -10 dB."""
    rest = stems.sum(axis=0) - stems
    gains = 10 ** (level / 20) * stems.std(axis=1) / rest.std(axis=1)
    return stems + gains[:, None] * rest


def resumed(kept, cases, solve):
    """Solve cases, or read them from a file of lines where they are kept; yields case and rows.

    Without `solve`, only what is kept.
    """
    kept = Path(kept)
    lines = kept.read_text().splitlines() if kept.exists() else []
    done = {json.dumps(case): rows for case, rows in map(json.loads, lines)}
    with kept.open("a") as file:
        for case in tqdm(cases):
            key = json.dumps(case)
            if key not in done and solve is None:
                continue
            if key not in done:
                done[key] = json.loads(json.dumps(solve(*case), default=float))
                print(json.dumps([case, done[key]]), file=file, flush=True)
            yield case, done[key]


def spread(gains):
    """Summarise gains in decibels: median and quartiles first, then all else."""
    gains = np.array(gains, dtype=float)
    low, median, high = np.quantile(gains, [0.25, 0.5, 0.75])
    return {
        "median": round(float(median), 2),
        "quartiles": [round(float(low), 2), round(float(high), 2)],
        "mean": round(float(gains.mean()), 2),
        "worst": round(float(gains.min()), 2),
        "share worse by 0.5 dB": round(float(np.mean(gains < -0.5)), 4),
        "n": len(gains),
    }
