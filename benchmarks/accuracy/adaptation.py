"""Spoken digits in noise: classifiers with and without adaptation, on streams of many kinds.

Source networks learn from 18 takes of each digit and voice, as they are ("clean") or half of them
in coloured synthetic noise of 0 to 20 dB ("noise"). Streams hold other takes of the same voices, as
they are or in white noise and in two recorded noises, shuffled or one class after the other, in
batches of 50 or 4; of one class only; and clean, then noisy, then clean. Clips are adapted to and
then predicted, unless the method ends in "-before". Settings were chosen in one of the noises, the
exercise bike; in the others they are fixed.

Each result is written at once, and what is there is not computed again; so are the networks:

    OMP_NUM_THREADS=1 nice -n 15 python benchmarks/accuracy/adaptation.py FOLDER \
        [--out adaptation.json] [--seeds 5] [--sources clean noise] [--streams ...] [--methods ...]

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
from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.files import replacing
from cocktailparty.recordings.audio.clips import read_clip
from cocktailparty.recordings.audio.reading import read_audio
from cocktailparty.versions import versions

SFREQ = 8000
NOISES = {"bike": "exercise_bike", "dishes": "doing_the_dishes"}

#: Surroundings (noise and decibels), order and size of batches of each stream.
STREAMS = {
    "clean shuffled 50": ("clean", "shuffled", 50),
    "clean ordered 50": ("clean", "ordered", 50),
    "clean shuffled 4": ("clean", "shuffled", 4),
    "clean ordered 4": ("clean", "ordered", 4),
    "clean one class": ("clean", "one class", 50),
    "bike 10 shuffled 50": ("bike 10", "shuffled", 50),
    "white 10 shuffled 50": ("white 10", "shuffled", 50),
    "dishes 10 shuffled 50": ("dishes 10", "shuffled", 50),
    "dishes 3 shuffled 50": ("dishes 3", "shuffled", 50),
    "white 3 shuffled 50": ("white 3", "shuffled", 50),
    "dishes 10 ordered 50": ("dishes 10", "ordered", 50),
    "dishes 10 shuffled 4": ("dishes 10", "shuffled", 4),
    "dishes 10 ordered 4": ("dishes 10", "ordered", 4),
    "dishes 10 one class": ("dishes 10", "one class", 50),
    "clean, dishes 10, clean": ("switching", "shuffled", 20),
}
METHODS = (
    "logistic regression", "re-standardised", "none", "bn", "tent", "statistics",
    "statistics ungated", "nuclear", "information", "nuclear-before", "offline", "offline no stop",
)  # fmt: skip


def levels(clips):
    """Log-mel levels of each clip, resampled to 16 times: what logistic regression has."""
    import librosa

    rows = []
    for x in clips:
        mel = librosa.feature.melspectrogram(
            y=x / np.abs(x).max(), sr=SFREQ, n_fft=256, hop_length=80, n_mels=40, fmin=50, fmax=4000
        )
        level = np.log(mel + 1e-5)
        places = np.linspace(0, level.shape[1] - 1, 16)
        rows.append([np.interp(places, np.arange(len(band)), band) for band in level])
    return np.reshape(rows, (len(rows), -1))


class OnLevels:
    """An adapter of features, or a pipeline, that is given clips."""

    def __init__(self, model):
        self.model = model

    def partial_fit(self, clips):
        """Adapt, if it can."""
        if hasattr(self.model, "pipeline"):
            self.model.partial_fit(levels(clips))

    def predict(self, clips):
        """Give classes."""
        return self.model.predict(levels(clips))


class Data:
    """Digits and noises."""

    def __init__(self, folder):
        self.sounds = load_sounds(folder / "fsdd")
        self.clips = [read_clip(clip) for clip in self.sounds.clips]
        self.noises = {}
        for name, file in NOISES.items():
            from cocktailparty.features import resample

            noise, rate = read_audio(folder / "noise" / f"{file}.flac")
            self.noises[name] = np.asarray(resample(noise[:, None], rate, SFREQ))[:, 0]

    def divided(self, seed, n_test):
        """Choose what is learnt from and what is tested on."""
        rng = np.random.default_rng(seed)
        take = self.sounds.metadata["take"].astype(int)
        learning = np.isin(take, rng.permutation(50)[:18])
        return np.flatnonzero(learning), rng.permutation(np.flatnonzero(~learning))[:n_test]

    def heard(self, indices, where, seed):
        """Put clips into surroundings."""
        from deep.audio.corruptions import corrupted

        clips = [self.clips[i] for i in indices]
        if where == "clean":
            return clips
        name, decibels = where.split()
        level = (float(decibels), float(decibels))
        if name == "white":
            return corrupted(clips, SFREQ, "gaussian", level, seed=seed)
        return corrupted(clips, SFREQ, "recorded", level, seed=seed, noise=self.noises[name])

    def stream(self, name, seed, n_test):
        """Give clips and classes of a stream, and the size of its batches."""
        where, order, size = STREAMS[name]
        indices = self.divided(seed, n_test)[1]
        labels = self.sounds.labels[indices]
        if order == "one class":
            indices = indices[labels == labels[0]]
        elif order == "ordered":
            indices = indices[np.argsort(labels, kind="stable")]
        labels = self.sounds.labels[indices]
        if where == "switching":
            thirds = np.array_split(np.arange(len(indices)), 3)
            parts = [
                self.heard(indices[part], place, seed)
                for part, place in zip(thirds, ("clean", "dishes 10", "clean"), strict=True)
            ]
            return [clip for part in parts for clip in part], labels, size
        return self.heard(indices, where, seed), labels, size


def source(data, kind, seed, folder):
    """Trained network, from its file if there is one; or logistic regression."""
    learning = data.divided(seed, 1)[0]
    clips, labels = [data.clips[i] for i in learning], data.sounds.labels[learning]
    file = folder / f"source-{kind}-{seed}.safetensors"
    if not file.exists():
        from deep import ContrastiveAudioClassifier

        classifier = ContrastiveAudioClassifier(
            "hybrid", sfreq=SFREQ, width=0.125, clip_duration=0.6, random_state=seed,
            max_epochs=20, noise=(0.0, 20.0) if kind == "noise" else None,
        )  # fmt: skip
        save_model(classifier.fit(clips, labels), file)

    def regression():
        from deep.audio.corruptions import corrupted

        X, y = levels(clips), labels
        if kind == "noise":
            noisy = corrupted(clips, SFREQ, "coloured", (0.0, 20.0), seed=seed)
            X, y = np.concatenate([X, levels(noisy)]), np.concatenate([y, y])
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=2000)).fit(X, y)

    return load_model(file), regression


def adapter(method, classifier, regression):
    """Make a method ready for a stream."""
    from deep import TestTimeAdapter
    from deep.adaptation.baselines import RestandardisedPipeline, baseline

    if method == "logistic regression":
        return OnLevels(regression())
    if method == "re-standardised":
        return OnLevels(RestandardisedPipeline(regression()))
    if method in ("none", "bn", "tent"):
        return baseline(method, classifier, batch_size=50)
    settings = {
        "statistics": {"objective": None},
        "statistics ungated": {"objective": None, "gate": None},
        "information": {"objective": "information"},
        "offline no stop": {"patience": None},
    }
    return TestTimeAdapter(classifier, **settings.get(method.removesuffix("-before"), {}))


def measured(method, stream, models):
    """Accuracy of a method on a stream, and what its guards did."""
    clips, labels, size = stream
    began, clock = time.perf_counter(), time.process_time()
    model = adapter(method, *models)
    if method.startswith("offline"):
        right = model.fit(clips).predict(clips) == labels
    else:
        found = []
        for first in range(0, len(clips), size):
            part = clips[first : first + size]
            if method.endswith("-before"):
                found.append(model.predict(part))
            model.partial_fit(part)
            if not method.endswith("-before"):
                found.append(model.predict(part))
        right = np.concatenate(found) == labels
    history = getattr(model, "history_", [])
    return {
        "accuracy": float(right.mean()),
        "thirds": [float(part.mean()) for part in np.array_split(right, 3)],
        "n_tested": len(clips),
        "n_open": sum(row["gate"] in ("open", None) for row in history),
        "n_parts": len(history),
        "n_steps": sum(row["n_steps"] for row in history),
        "resets": [row["reset"] for row in history if row["reset"]],
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - clock,
    }


def table(rows):
    """Mean accuracy over seeds of each source, stream and method, as text of a table."""
    lines = []
    for kind in dict.fromkeys(row["source"] for row in rows):
        own = [row for row in rows if row["source"] == kind]
        methods = [m for m in METHODS if any(row["method"] == m for row in own)]
        lines += [f"source: {kind}", f"{'stream':26}" + "".join(f"{m[:18]:>20}" for m in methods)]
        for stream in STREAMS:
            texts = []
            for method in methods:
                x = [
                    100 * row["accuracy"]
                    for row in own
                    if (row["stream"], row["method"]) == (stream, method)
                ]
                texts.append(f"{np.mean(x):.1f} ({len(x)})" if x else "")
            if any(texts):
                lines.append(f"{stream:26}" + "".join(f"{text:>20}" for text in texts))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("adaptation.json"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--n-test", type=int, default=320)
    parser.add_argument(
        "--sources", nargs="+", choices=("clean", "noise"), default=("clean", "noise")
    )
    parser.add_argument("--streams", nargs="+", choices=[*STREAMS], default=[*STREAMS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    if options.table:
        print(table(rows))
        return
    data = Data(options.folder)
    keys = ("source", "seed", "stream", "method", "n_test")
    done = {tuple(row[key] for key in keys) for row in rows}
    for seed, kind in itertools.product(range(options.seeds), options.sources):
        models = None
        for name, method in itertools.product(options.streams, options.methods):
            if (kind, seed, name, method, options.n_test) in done:
                continue
            models = models or source(data, kind, seed, options.out.absolute().parent)
            stream = data.stream(name, seed, options.n_test)
            row = dict(zip(keys, (kind, seed, name, method, options.n_test), strict=True))
            rows.append(row | measured(method, stream, models))
            with replacing(options.out) as temporary:
                content = {"versions": versions(), "rows": rows}
                temporary.write_text(json.dumps(content, indent=1) + "\n")
            print(json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
