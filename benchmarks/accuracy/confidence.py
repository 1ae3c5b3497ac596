"""Whether the confidence of decoding is right: on new listeners, at other noise, and about nothing.

Models are trained on some simulated listeners, left out one at a time to learn what scores are
like, and decode others: at the training's ratio of signal to noise, 6 dB above and below, listeners
whose EEG holds nothing of the sounds, and listeners who follow both sounds alike. Expected
calibration error: difference between confidence and share of right choices in ten bins of
confidence, weighed by their windows. With --data, every trial of a real set is decoded in parts of
60 s by models of the others, with its sounds and with sounds from another time of the same trial.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/confidence.py [--data FOLDER] [--out results.json]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from cocktailparty import datasets
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding import train_model
from cocktailparty.preprocessing import preprocess
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF, CCADecoder

SNR = -28.0
WINDOW = 5.0
CONDITIONS = {
    "as trained": {"snr": SNR},
    "6 dB above": {"snr": SNR + 6},
    "6 dB below": {"snr": SNR - 6},
    "no sound in the EEG": {"snr": -150.0},
    "follows both alike": {"snr": SNR, "unattended_gain": 1.0},
}
DECODERS = {
    "ledoit-wolf": lambda: AttentionDecoder(BackwardTRF(0, 0.4, 64, alpha="ledoit-wolf")),
    "ridge": lambda: AttentionDecoder(
        BackwardTRF(0, 0.4, 64, alpha=1e-2, alpha_convention="relative")
    ),
    "cca": lambda: CCADecoder(sfreq=64, alpha=1e-2),
}


def listener(seed, **options):
    trials = simulate_two_talkers(n_trials=8, n_channels=16, random_state=seed, **options).trials
    return [
        trial.replace(subject=f"L{seed}", story=f"{seed}") for trial in preprocess(trials, 64, 1, 9)
    ]


def calibration_error(confidence, right, n_bins=10):
    """Compute the expected calibration error over equal bins between 1/2 and 1."""
    place = np.minimum(((confidence - 0.5) * 2 * n_bins).astype(int), n_bins - 1)
    bins = [place == k for k in range(n_bins) if np.any(place == k)]
    return sum(b.mean() * abs(confidence[b].mean() - right[b].mean()) for b in bins)


def decoded(model, trials):
    tables = [(model.decode(t.replace(attended=None), WINDOW), t.attended) for t in trials]
    return {
        "confidence": np.concatenate([table["confidence"] for table, _ in tables]),
        "right": np.concatenate([table["chosen"] == label for table, label in tables]),
        "none": np.concatenate([table["follows_none"] for table, _ in tables]),
        "band": np.concatenate([table["high_0"] - table["low_0"] for table, _ in tables]),
    }


def numbers(found):
    confidence, right = found["confidence"], found["right"]
    return {
        "n_windows": len(right),
        "right": round(float(right.mean()), 4),
        "mean_confidence": round(float(confidence.mean()), 4),
        "calibration_error": round(float(calibration_error(confidence, right)), 4),
        "follows_none": round(float(found["none"].mean()), 4),
        "width_of_band": round(float(found["band"].mean()), 4),
    }


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def one_seed(seed, n_train, n_test):
    """Decode every condition by each decoder; listeners serve all decoders."""
    first, found = 1000 * seed, {}
    train = [t for k in range(n_train) for t in listener(first + k, snr=SNR)]
    models = {
        name: train_model(AttentionTracker(decoder(), cv="subject"), train)
        for name, decoder in DECODERS.items()
    }
    for condition, options in CONDITIONS.items():
        new = [t for k in range(n_test) for t in listener(first + 500 + k, **options)]
        found |= {(name, condition): decoded(model, new) for name, model in models.items()}
    return seed, found


def simulated(seeds, n_train, n_test, n_jobs):
    """Numbers of each decoder and condition, after each seed."""
    rows, seen = [], []
    calls = (delayed(one_seed)(seed, n_train, n_test) for seed in seeds)
    for seed, found in Parallel(n_jobs, return_as="generator_unordered")(calls):
        seen.append(found)
        rows += [
            {"seed": seed, "decoder": name, "condition": condition, **numbers(part)}
            for (name, condition), part in found.items()
        ]
        every = {
            name: {c: numbers(joined([part[name, c] for part in seen])) for c in CONDITIONS}
            for name in DECODERS
        }
        yield {"seeds": len(seen), "all seeds": every, "each seed": rows}


def recorded(decoder, folder):
    """Numbers of trials that are left out, by models of stretches of 30 s of the others."""
    trials = preprocess(datasets.load(folder), 64, 1, 9)
    found = {"as recorded": [], "sounds from another time": []}
    for k, trial in enumerate(trials):
        others = [
            one.crop(start, start + 30).replace(name=f"{i}-{start}", story=f"{i}-{start}")
            for i, one in enumerate(trials)
            if i != k
            for start in range(0, int(one.duration) - 29, 30)
        ]
        model = train_model(AttentionTracker(decoder(), cv="trial"), others, reference=None)
        moved = np.roll(trial.stimuli, trial.n_times // 2, axis=1)
        for name, one in zip(found, (trial, trial.replace(stimuli=moved)), strict=True):
            parts = [one.crop(start, start + 60) for start in range(0, int(one.duration) - 59, 60)]
            found[name].append(decoded(model, parts))
    return {name: numbers(joined(parts)) for name, parts in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of a corpus with two sounds at a time")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=21, help="seed; those before served to choose")
    parser.add_argument("--listeners", type=int, default=6, help="to train on, each time")
    parser.add_argument("--tested", type=int, default=4, help="new listeners, each time")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at the same time")
    options = parser.parse_args()
    results = {"snr": SNR, "window": WINDOW, "versions": versions()}
    results |= {"training listeners": options.listeners, "new listeners": options.tested}
    if options.data is not None:
        results["recorded"] = {
            name: recorded(decoder, options.data) for name, decoder in DECODERS.items()
        }
        print(json.dumps(results["recorded"], indent=1), flush=True)
    # Prior probabilities were chosen with seeds below 21.
    seeds = range(options.first, options.first + options.seeds)
    for found in simulated(seeds, options.listeners, options.tested, options.jobs):
        results |= found
        if options.out is not None:
            options.out.write_text(json.dumps(results, indent=1) + "\n")
    if seeds:
        print(json.dumps(results["all seeds"], indent=1))


if __name__ == "__main__":
    main()
