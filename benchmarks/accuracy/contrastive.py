"""Classify spoken digits by each method of the contrastive classifier, beside plain baselines.

Experiments: a few takes of each digit and voice to learn from, tested on all other takes of the
same voices; all but five takes; two of the four voices left out; one voice left out; and training
with synthetic noise, tested in recorded noise. The baseline is logistic regression on log-mel
levels (40 bands, 16 times), whose penalty was chosen on validation data as the settings of the
classifier were: on seeds of 100 and above. Seeds of the table are 0 to 4.

Each result is written at once, and what is there is not computed again:

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/accuracy/contrastive.py FOLDER \
        [--out results.json] [--seeds 5] [--steps 300] [--experiments same-voices-5 ...]

FOLDER holds fsdd and noise. With --table the rows that are there are printed as a table.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cocktailparty.datasets.sounds import load_sounds
from cocktailparty.files import replacing
from cocktailparty.recordings.audio.clips import read_clip
from cocktailparty.recordings.audio.reading import read_audio
from cocktailparty.versions import versions

SFREQ = 8000
METHODS = ("logistic regression", "ce", "hybrid", "scl", "mscl")
EXPERIMENTS = ("same-voices-5", "same-voices-45", "one-voice-out", "two-voices-out", "noise")


def levels(clips):
    """Log-mel levels of each clip, resampled to 16 times: what the baseline has."""
    import librosa

    rows = []
    for x in clips:
        x = x / np.abs(x).max()
        mel = librosa.feature.melspectrogram(
            y=x, sr=SFREQ, n_fft=256, hop_length=80, n_mels=40, fmin=50, fmax=4000
        )
        level = np.log(mel + 1e-5)
        places = np.linspace(0, level.shape[1] - 1, 16)
        rows.append([np.interp(places, np.arange(len(band)), band) for band in level])
    return np.reshape(rows, (len(rows), -1))


def sides(experiment, sounds, seed):
    """Pairs of what is learnt from and what is tested on, as masks."""
    speaker, take = sounds.metadata["speaker"], sounds.metadata["take"].astype(int)
    names = sorted(set(speaker))
    rng = np.random.default_rng(seed)
    if experiment == "noise":
        experiment = "same-voices-18"
    if experiment.startswith("same-voices"):
        learning = np.isin(take, rng.permutation(50)[: int(experiment.rpartition("-")[2])])
        yield "", learning, ~learning
        return
    left_out = (
        itertools.combinations(names, 2)
        if experiment == "two-voices-out"
        else zip(names, strict=True)
    )
    for voices in left_out:
        testing = np.isin(speaker, voices)
        n = 17 if experiment == "two-voices-out" else 50
        yield "+".join(voices), ~testing & np.isin(take, rng.permutation(50)[:n]), testing


def noisy(clips, noise, decibels, rng):
    """Add recorded noise at a signal-to-noise ratio."""
    found = []
    for x in clips:
        start = rng.integers(len(noise) - len(x))
        part = noise[start : start + len(x)]
        ratio = np.sqrt(np.mean(x**2) / np.mean(part**2)) * 10 ** (-decibels / 20)
        found.append((x + ratio * part).astype(np.float32))
    return found


def coloured(clips, rng):
    """One copy of each clip in coloured synthetic noise of 0 to 20 dB, for the baseline."""
    found = []
    for x in clips:
        spectrum = np.fft.rfft(rng.normal(size=len(x)))
        frequencies = np.maximum(np.arange(len(spectrum)), 1) / (len(x) // 2)
        noise = np.fft.irfft(spectrum * frequencies ** (rng.uniform(-2, 0.5) / 2), len(x))
        found += noisy([x], np.concatenate([noise, noise]), rng.uniform(0, 20), rng)
    return found


class Baseline:
    """Logistic regression on log-mel levels."""

    def __init__(self, with_noise, seed):
        self.with_noise, self.seed = with_noise, seed

    def fit(self, X, y, metadata=None):
        """Learn from clips."""
        if self.with_noise:
            X, y = [*X, *coloured(X, np.random.default_rng(self.seed))], np.concatenate([y, y])
        model = LogisticRegression(C=0.02, max_iter=2000)
        self.model = make_pipeline(StandardScaler(), model).fit(levels(X), y)
        return self

    def predict(self, X):
        """Give the classes of clips."""
        return self.model.predict(levels(X))


def made(method, experiment, n_clips, steps, width, seed):
    if method == "logistic regression":
        return Baseline(experiment == "noise", seed)
    from deep import ContrastiveAudioClassifier

    return ContrastiveAudioClassifier(
        method, sfreq=SFREQ, width=width, clip_duration=0.6, random_state=seed,
        max_epochs=max(round(steps / (n_clips // 40)), 1),
        noise=(0.0, 20.0) if experiment == "noise" else None,
    )  # fmt: skip


def measured(method, experiment, seed, data, options):
    sounds, clips, noises = data
    for voices, learning, testing in sides(experiment, sounds, seed):
        began, clock = time.perf_counter(), time.process_time()
        n = int(learning.sum())
        model = made(method, experiment, n, options.steps, options.width, seed)
        metadata = sounds.metadata["speaker"][learning] if method == "mscl" else None
        train = [clips[i] for i in np.flatnonzero(learning)]
        test = [clips[i] for i in np.flatnonzero(testing)]
        model.fit(train, sounds.labels[learning], metadata=metadata)
        row = {
            "experiment": experiment, "method": method, "seed": seed, "voices": voices,
            "steps": options.steps, "width": options.width, "n_learnt": n, "n_tested": len(test),
            "accuracy": float(np.mean(model.predict(test) == sounds.labels[testing])),
            "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - clock,
        }  # fmt: skip
        if experiment == "noise":
            rng = np.random.default_rng(seed)
            for name, noise in noises.items():
                heard = model.predict(noisy(test, noise, 10.0, rng))
                row[f"accuracy in {name}"] = float(np.mean(heard == sounds.labels[testing]))
        yield row


def table(rows):
    """Mean and standard deviation over seeds and voices, by experiment, steps and method."""
    lines = []
    for experiment, steps in dict.fromkeys((row["experiment"], row["steps"]) for row in rows):
        own = [row for row in rows if (row["experiment"], row["steps"]) == (experiment, steps)]
        columns = sorted({name for row in own for name in row if name.startswith("accuracy")})
        for method in METHODS:
            values = [row for row in own if row["method"] == method]
            if values:
                texts = []
                for name in columns:
                    x = 100 * np.array([row[name] for row in values])
                    spread = f" +- {x.std(ddof=1):.1f}" if len(x) > 1 else ""
                    texts.append(f"{name} {x.mean():.1f}{spread}")
                lines.append(
                    f"{experiment:16} {steps:4} {method:20} n={len(values)}  " + ", ".join(texts)
                )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("contrastive.json"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    if options.table:
        print(table(rows))
        return
    sounds = load_sounds(options.folder / "fsdd")
    clips = [read_clip(clip) for clip in sounds.clips]
    noises = {}
    for name in ("doing_the_dishes", "exercise_bike"):
        noise, rate = read_audio(options.folder / "noise" / f"{name}.flac")
        noises[name] = _at(noise, rate)
    keys = ("experiment", "method", "seed", "steps", "width")
    done = {tuple(row[key] for key in keys) for row in rows}
    for seed in range(options.seeds):
        for experiment, method in itertools.product(options.experiments, options.methods):
            if (experiment, method, seed, options.steps, options.width) in done:
                continue
            found = list(measured(method, experiment, seed, (sounds, clips, noises), options))
            rows += found
            with replacing(options.out) as temporary:
                content = {"versions": versions(), "rows": rows}
                temporary.write_text(json.dumps(content, indent=1) + "\n")
            for row in found:
                print(json.dumps(row), flush=True)


def _at(noise, rate):
    from cocktailparty.features import resample

    return np.asarray(resample(noise[:, None], rate, SFREQ))[:, 0]


if __name__ == "__main__":
    main()
