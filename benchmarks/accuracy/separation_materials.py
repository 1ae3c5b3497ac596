"""Three kinds of mixtures for the benchmarks of separation, made from shared recordings and a seed.

- loops: three pieces of 3 or 4 loops (10 stems). Every repetition of a loop is shifted round by a
  random amount, so that the stems of a piece have no common beat. The constants of the steered
  separator were set on these loops, with seeds from 100.
- music: four pieces of 3 or 4 stems (14) that never repeat. The notes and strokes of recordings
  are cut out at their onsets, and played by random scores: a tempo for the piece, and for each
  instrument its own density, bars of rest, timing, loudness and pitch.
- talkers: three pairs and two trios of LibriSpeech talkers (12 stems). Each reads all of their
  utterances in random order; where these end, in another order again.

All are mono at 16 kHz. Nothing is written to a file.
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import find_peaks, resample, resample_poly

from cocktailparty.features import stft

RATE = 16000
KINDS = "loops", "music", "talkers"
STEMS = {
    "drumkit_808": ("kick", "snare", "hihat"),
    "edm_loops": ("drums", "bass", "melody", "effects"),
    "edm_loops_120": ("drums", "bass", "melody"),
    "rock_4stems": ("drums", "bass", "other", "vocals"),
}
PIECES = {
    "loops": tuple(STEMS)[:3],
    "music": tuple(STEMS),
    "talkers": ("2609 1688", "3331 2033", "2414 1998", "3080 2609 3331", "3080 1688 2414"),
}
# Instruments whose notes change their pitch by up to a fourth; others, by a semitone.
PITCHED = "bass", "melody", "other", "vocals", "effects"


def read(path):
    """Read a recording: mono, 16 kHz."""
    audio, rate = soundfile.read(path, always_2d=True)
    common = np.gcd(RATE, rate)
    return resample_poly(audio.mean(axis=1), RATE // common, rate // common)


def stem_files(data, name):
    """Find the recordings of a piece."""
    return [next(Path(data, "separation", name).glob(f"{stem}.*")) for stem in STEMS[name]]


def mixture(data, kind, piece, duration, seed):
    """Make the stems of a piece, (n_stems, n_samples); their sum is the mixture.

    The same seed gives other sounds for another kind or piece, and longer ones go on otherwise.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), PIECES[kind].index(piece), duration])
    make = {"loops": _loops, "music": _music, "talkers": _talkers}[kind]
    return make(Path(data), piece, duration * RATE, rng)


def names_of(kind, piece):
    """Name the stems of a piece."""
    return piece.split() if kind == "talkers" else list(STEMS[piece])


def strangers(kind, piece):
    """Name the pieces of a kind that have no recording in common with one."""
    own = set(names_of(kind, piece)) if kind == "talkers" else {piece}
    return [
        other
        for other in PIECES[kind]
        if not own & (set(names_of(kind, other)) if kind == "talkers" else {other})
    ]


def loop_stems(data, name):
    """Read the stems of a piece as they are, (n_stems, n_samples), cut to one length."""
    stems = [read(path) for path in stem_files(data, name)]
    shortest = min(map(len, stems))
    return np.array([stem[:shortest] for stem in stems])


def _loops(data, name, n_samples, rng):
    stems = loop_stems(data, name)
    n_tiles = -(-n_samples // stems.shape[1])
    return np.array(
        [
            np.concatenate([np.roll(s, rng.integers(len(s))) for _ in range(n_tiles)])[:n_samples]
            for s in stems
        ]
    )


def _music(data, name, n_samples, rng):
    beat = 60 / rng.uniform(80, 140) / 2
    stems = [
        _performance(notes_of(read(path)), path.stem in PITCHED, n_samples, beat, rng)
        for path in stem_files(data, name)
    ]
    levels = 10 ** (rng.uniform(-4, 4, len(stems)) / 20)
    return np.array([0.1 * g * s / s.std() for g, s in zip(levels, stems, strict=True)])


def notes_of(stem, longest=0.8, step=160):
    """Cut a recording into its notes at their onsets, none longer than 0.8 s."""
    loudness = np.sqrt(np.abs(stft(stem, 1024, step)))
    rise = np.maximum(np.diff(loudness, axis=0), 0).sum(axis=1)
    peaks = find_peaks(rise, height=rise.mean() + rise.std(), distance=RATE // 10 // step)[0]
    starts = np.maximum(peaks * step - RATE // 100, 0)
    ends = np.minimum(np.append(starts[1:], len(stem)), starts + int(longest * RATE))
    notes = [stem[a:b].copy() for a, b in zip(starts, ends, strict=True) if b - a > RATE // 20]
    for note in notes:
        note[:32] *= np.linspace(0, 1, 32)
        note[-320:] *= np.linspace(1, 0, 320)
    powers = np.array([np.mean(note**2) for note in notes])
    return [note for note, p in zip(notes, powers, strict=True) if p > 0.05 * powers.max()]


def _performance(notes, pitched, n_samples, beat, rng):
    """Play notes by a random score, on a beat in seconds."""
    stem, density, plays = np.zeros(n_samples + 2 * RATE), rng.uniform(0.35, 0.75), True
    for start in np.arange(0, n_samples / RATE, beat):
        if rng.random() < beat / (6 if plays else 2):  # it plays for 6 s and rests for 2
            plays = not plays
        if not plays or rng.random() > density:
            continue
        semitones = rng.integers(-5, 6) if pitched else rng.integers(-1, 2)
        note = notes[rng.integers(len(notes))]
        note = resample(note, round(len(note) * 2 ** (-semitones / 12)))
        first = max(0, round((start + rng.normal(0, 0.015)) * RATE))
        stem[first : first + len(note)] += rng.uniform(0.4, 1) * note[: len(stem) - first]
    return stem[:n_samples]


def _talkers(data, names, n_samples, rng):
    stems = []
    for talker in names.split():
        files = sorted((data / "audio" / "librispeech" / "test-other" / talker).glob("*.flac"))
        utterances = [read(path) for path in files]
        spoken = [np.zeros(0)]
        while sum(map(len, spoken)) < n_samples:
            spoken += [utterances[i] for i in rng.permutation(len(utterances))]
        stem = np.concatenate(spoken)[:n_samples]
        stems.append(0.1 * stem / stem.std())
    return np.array(stems)
