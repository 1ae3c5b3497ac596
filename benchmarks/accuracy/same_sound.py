"""How short a piece that two sounds share is found, and how often unrelated speech is accused.

Read English of many talkers is laid out in tracks of 60 s. A piece of one track replaces a piece of
another, at places that are drawn to a sample of the audio, so that the samples of the envelopes
fall anywhere; the envelope with the piece is scaled and gets an offset at random. False alarms are
counted over all pairs of these envelopes, and of the stories of the two-talker set of Teoh if it is
there.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/same_sound.py DATA [--out results.json]

DATA holds ``audio/librispeech/train-clean-100_8k/*.flac`` (8 kHz) and, for more unrelated pairs,
``eeg/two_talker_teoh/{F,M}_env.mat`` (128 Hz).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.io import loadmat
from scipy.signal import butter, resample_poly, sosfiltfilt
from sklearn.model_selection import KFold

from cocktailparty import Trial
from cocktailparty.features import speech_envelope
from cocktailparty.model_selection import SoundIndex, Split
from cocktailparty.versions import versions

AUDIO_RATE, RATE, SECONDS = 8000, 64, 60
LENGTHS = (3, 4, 5, 7.5, 10, 15, 20)
KINDS = {
    "envelope": lambda x: x,
    "envelope of 1 to 9 Hz": lambda x: sosfiltfilt(
        butter(2, [1, 9], "bandpass", fs=RATE, output="sos"), x
    ),
}


def envelope(audio):
    return speech_envelope(audio, AUDIO_RATE, RATE)[:, 0]


def speech(folder):
    files = sorted((folder / "audio/librispeech/train-clean-100_8k").glob("*.flac"))
    joined = np.concatenate([sf.read(file)[0] for file in files])
    n = SECONDS * AUDIO_RATE
    return [joined[i : i + n] for i in range(0, len(joined) - n + 1, n)]


def stories(folder):
    files = [folder / f"eeg/two_talker_teoh/{name}_env.mat" for name in "FM"]
    cells = [cell for file in files if file.exists() for cell in loadmat(file)["stim1"].ravel()]
    return [resample_poly(np.ravel(cell).astype(float), 1, 2) for cell in cells]


def sharing(tracks, envelopes, length, n_pairs, rng):
    """Envelopes of a track and of another one with a piece of it, and the delay in samples."""
    n = int(length * AUDIO_RATE)
    for _ in range(n_pairs):
        i, j = rng.choice(len(tracks), 2, replace=False)
        start, place = rng.integers(0, len(tracks[i]) - n, 2)
        mixed = tracks[j].copy()
        mixed[place : place + n] = tracks[i][start : start + n]
        other = envelope(mixed) * 10 ** rng.uniform(-2, 2) + rng.normal()
        yield envelopes[i], other, (start - place) / AUDIO_RATE * RATE


def found(one, other, delay):
    delays = SoundIndex(RATE).delays([one[:, None]], [other[:, None]])
    return (0, 0) in delays and abs(delays[0, 0] - delay) < 1


def alarms(envelopes):
    sounds = [x[:, None] for x in envelopes]
    return sum(i < j for i, j in SoundIndex(RATE).delays(sounds, sounds))


def seconds(envelopes, n_stimuli, cv):
    """CPU seconds of the leak check of 60 trials."""
    rng = np.random.default_rng(0)
    trials = [
        Trial(
            rng.normal(size=(SECONDS * RATE, 2)),
            [envelopes[(i + k * 60) % len(envelopes)] + 0.0 for k in range(n_stimuli)],
            RATE,
            attended=0,
            subject="a",
            name=f"{i}",
        )
        for i in range(60)
    ]
    start = time.process_time()
    Split(cv).split(trials)
    return round(time.process_time() - start, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tracks = speech(options.data)
    own = [envelope(track) for track in tracks]
    every = [*own, *stories(options.data)]
    results = {"versions": versions(), "pairs": options.pairs, "found": {}, "false_alarms": {}}
    pairs = {
        length: list(sharing(tracks, own, length, options.pairs, np.random.default_rng(0)))
        for length in LENGTHS
    }
    for kind, made in KINDS.items():
        results["found"][kind] = {
            f"{length:g} s": int(
                sum(found(made(a), made(b), delay) for a, b, delay in pairs[length])
            )
            for length in LENGTHS
        }
        results["false_alarms"][kind] = {
            "unrelated_pairs": len(every) * (len(every) - 1) // 2,
            "accused": int(alarms([made(x) for x in every])),
        }
    # Seconds of others in another order are different sounds for the search.
    shuffled = [np.random.default_rng(1).permutation(x.reshape(-1, 64)).ravel() for x in every]
    many = [*every, *shuffled][:120]
    results["cpu_seconds_of_60_trials_of_60_s"] = {
        f"{n} sound(s), {name}": seconds(many, n, cv)
        for n in (1, 2)
        for name, cv in (("10 folds", KFold(10)), ("5 stretches", "time"))
    }
    text = json.dumps(results, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
