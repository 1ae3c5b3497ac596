"""How well one talker is selected from a mixture, against the time of training.

Seven talkers of LibriSpeech with seven utterances each, and further talkers with one each, are
learnt from. Tested on the last three utterances of the seven, in pairs of equal power and at most
8 s: by name from memory, with a third talker, in noise of 5 dB; and on further talkers who were not
in training, by stimuli of several lengths. Of those there is one recording each: stimulus and
mixture share its channel.

A row for each number of epochs and seed is written when it is done; the same command goes on from
there:

    OMP_NUM_THREADS=1 nice -n 15 python benchmarks/accuracy/asam.py FOLDER \
        [--epochs 15 30 60] [--seeds 0 1 2] [--out results.json]

FOLDER holds librispeech.
"""

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.cli.arguments import print_json
from cocktailparty.files import replacing
from cocktailparty.metrics import si_sdr
from cocktailparty.recordings.audio.clips import AudioClip
from cocktailparty.versions import versions
from deep import ASAMSeparator
from deep.asam.inputs import check_waveform, level

SFREQ = 8000
LONGEST = 8 * SFREQ
STIMULI = (0.5, 1.0, 2.0, 4.0, 8.0)
# Talkers who are in no training, and the end of their recordings, which is mixed.
N_UNSEEN, MIXED = 12, 2 * SFREQ


def main() -> None:
    """Train, test and write, for each number of epochs and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with librispeech/")
    parser.add_argument("--epochs", type=int, nargs="+", default=[15, 30, 60])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/asam.json"))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if options.out.exists():
        rows = json.loads(options.out.read_text())["rows"]
    known, further = talkers(options.data / "librispeech")
    unseen, further = further[:N_UNSEEN], further[N_UNSEEN:]
    learning = [(name, x) for name, waves in known for x in waves[:7]]
    learning += [(name, waves[0]) for name, waves in further]
    for epochs, seed in itertools.product(options.epochs, options.seeds):
        if any((row["epochs"], row["seed"]) == (epochs, seed) for row in rows):
            continue
        asam = ASAMSeparator(SFREQ, max_epochs=epochs, random_state=seed)
        began = time.process_time()
        asam.fit([x for _, x in learning], [name for name, _ in learning])
        row: dict[str, Any] = {"epochs": epochs, "seed": seed,
                               "cpu_minutes": (time.process_time() - began) / 60,
                               "n_parameters": asam.n_parameters_}  # fmt: skip
        row |= of_known(asam, [(name, waves[7:]) for name, waves in known])
        row["unseen"] = of_unseen(asam, [waves[0] for _, waves in unseen])
        rows.append(row)
        print_json(row)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(options.out) as temporary:
            content = {"versions": versions(), "rows": rows}
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def talkers(folder: Path) -> tuple[list[Any], list[Any]]:
    """Waveforms of the talkers with ten utterances, and of those with one."""
    found = []
    for part in ("test-other", "train-clean-100_8k"):
        own: dict[str, list[np.ndarray]] = {}
        for path in sorted((folder / part).rglob("*.flac")):
            name = path.stem.split("-")[0]
            own.setdefault(name, []).append(check_waveform(AudioClip(str(path)), name, SFREQ))
        found.append(sorted(own.items()))
    return found[0], found[1]


def of_known(asam: ASAMSeparator, test: list[Any]) -> dict[str, Any]:
    """Results for pairs of talkers, by name."""
    rng = np.random.default_rng(0)
    scores: dict[str, list[Any]] = {"two": [], "three": [], "noise": []}
    presence = []
    heard, spent = 0.0, 0.0
    for (a, x), (b, y) in itertools.combinations(test, 2):
        third, z = next((name, w) for name, w in test if name not in (a, b))
        for i in range(3):
            n = min(len(x[i]), len(y[i]), LONGEST)
            sources = [level(w[i][:n]) for w in (x, y)]
            mixture = sources[0] + sources[1]
            began = time.process_time()
            estimates = asam.predict(2 * [mixture], cue=[a, b])
            spent += time.process_time() - began
            heard += 2 * n / SFREQ
            scores["two"] += compared(mixture, sources, estimates)
            if i == 0:
                presence += asam.predict_presence(2 * [mixture], cue=[a, third]).tolist()
            other = level(np.resize(z[i], n))
            noise = rng.normal(size=n) * np.sqrt(2 * 10**-0.5)
            for name, more in (("three", other), ("noise", noise)):
                if i == 0:
                    estimates = asam.predict(2 * [mixture + more], cue=[a, b])
                    scores[name] += compared(mixture + more, sources, estimates)
    found: dict[str, Any] = {name: summary(rows) for name, rows in scores.items()}
    there, absent = np.array(presence).reshape(-1, 2).T
    found["presence"] = {
        "there": float(there.mean()), "absent": float(absent.mean()),
        "right_order": float((there > absent).mean()),
    }  # fmt: skip
    return found | {"real_time_factor": spent / heard}


def of_unseen(asam: ASAMSeparator, waves: list[np.ndarray]) -> dict[str, Any]:
    """Results for talkers who were not in training, for each length of the stimulus."""
    found = {}
    for seconds in STIMULI:
        scores = []
        for x, y in itertools.pairwise(waves):
            sources = [level(w[-MIXED:]) for w in (x, y)]
            cues = [w[: min(round(seconds * SFREQ), len(w) - MIXED)] for w in (x, y)]
            mixture = sources[0] + sources[1]
            estimates = asam.predict(2 * [mixture], cue=cues)
            scores += compared(mixture, sources, estimates)
        found[f"{seconds:g} s"] = summary(scores)
    return found


def compared(mixture: Any, sources: list[Any], estimates: list[Any]) -> list[tuple[float, ...]]:
    """Gain, flip by the other cue, and whether the other talker is nearer."""
    rows = []
    for i in range(2):
        own = si_sdr(sources[i], estimates[i])
        other = si_sdr(sources[1 - i], estimates[i])
        flip = si_sdr(sources[1 - i], estimates[1 - i]) - other
        rows.append((own - si_sdr(sources[i], mixture), flip, float(other > own)))
    return rows


def summary(rows: list[tuple[float, ...]]) -> dict[str, float]:
    """Means over targets, with confusions apart."""
    gain, flip, confused = np.array(rows).T
    return {
        "n": len(gain), "gain": float(gain.mean()), "sd": float(gain.std()),
        "below_1_db": float((gain < 1).mean()), "flip": float(flip.mean()),
        "confused": float(confused.mean()),
    }  # fmt: skip


if __name__ == "__main__":
    main()
