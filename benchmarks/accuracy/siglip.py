"""Compare the contrastive decoder with linear ones, its ablations and the network of the thesis.

Simulated listeners: those who answer nonlinearly and those who answer linearly, tested on a story
that is left out and on listeners who are left out, and with shuffled labels. Recordings: the first
28 s of each trial of single-talker EEG train and the last 20 s test by match-mismatch, all
listeners together and on listeners left out; two-talker EEG leaves out one trial at a time.

A match is tested against each of several other windows of the same stretch in turn, which makes
the estimate steadier than one mismatch would; the interval is computed from the number of windows.

    OMP_NUM_THREADS=2 python benchmarks/accuracy/siglip.py FOLDER [--out results.json] [--seeds 5]

FOLDER holds the folders two_talker_teoh and dtu_single_talker.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from cocktailparty import datasets
from cocktailparty.catalogue import find_decoder
from cocktailparty.metrics import chance_level, decision_shares, window_scores
from cocktailparty.preprocessing import preprocess
from cocktailparty.versions import versions
from deep import SigLIPDecoder

SFREQ = 64.0
BAND = {"sfreq": SFREQ, "l_freq": 1.0, "h_freq": 9.0}
WINDOWS = (3.0, 5.0)
# Settings were chosen on simulated listeners of the seeds before this one.
FIRST_SEED = 20
OWN = "ridge, listener by listener"
LINEAR = ("ridge", OWN, "cca", "stacked")
TITLES = {
    "ridge": "ridge, one model",
    OWN: OWN,
    "cca": "CCA, one model",
    "stacked": "``StackedTRF``, one model",
    "siglip": "``SigLIPDecoder``",
    "siglip, ridge models alone": "its ridge models, nothing trained",
    "siglip, no contrast": "trained without contrast",
    "siglip, no competitor in the loss": "no competitor in the loss",
    "siglip, network of the EEG": "with a network of the EEG",
    "vlaai": "relative of VLAAI",
    "linear head": "one linear convolution",
    "thesis": "network of the thesis",
}
NEURAL = {
    "siglip": {},
    "siglip, no contrast": {"contrast_weight": 0.0},
    "siglip, no competitor in the loss": {"masker_weight": 0.0},
    "siglip, ridge models alone": {"max_epochs": 1, "training__learning_rate": 1e-9},
    "siglip, network of the EEG": {"eeg_gain": 0.005},
    "vlaai": {"network": "vlaai", "contrast_weight": 0.0},
    "linear head": {"network": "linear", "contrast_weight": 0.0},
    "thesis": {"preset": "thesis", "max_epochs": 20},
}


def tests(trial, window):
    """The trial with its competitors; for one sound, with each other window as the mismatch."""
    if trial.n_stimuli > 1:
        yield trial
        return
    n = round(window * trial.sfreq)
    whole = trial.n_times // n * n
    cut = trial.crop(0, whole / trial.sfreq)
    for shift in range(1, whole // n):
        other = np.roll(cut.stimuli[0], -shift * n, axis=0)
        yield cut.replace(stimuli=[cut.stimuli[0], other], attended=0)


def measured(decoder, trials):
    """Share of right decisions of each length, and the correlation of the reconstruction."""
    row = {}
    for window in WINDOWS:
        correct = [
            np.mean([decided(decoder, one, window) for one in tests(trial, window)], axis=0)
            for trial in trials
        ]
        row[f"{window:g} s"] = float(np.concatenate(correct).mean())
        row["n " + f"{window:g} s"] = int(sum(map(len, correct)))
    if hasattr(decoder, "reconstruct"):
        row["r"] = float(
            np.mean(
                [
                    window_scores(
                        decoder.reconstruct([t])[0], t.stimuli[[t.attended]], t.sfreq, 3.0
                    ).mean()
                    for t in trials
                ]
            )
        )
    return row


def decided(decoder, trial, window):
    return decision_shares(decoder.window_scores(trial, window))[:, trial.attended]


class OwnRidge:
    """Ridge regression of each listener alone, as the contrastive decoder has models of each."""

    def fit(self, trials):
        """Train a model of each listener."""
        subjects = dict.fromkeys(trial.subject for trial in trials)
        make = find_decoder("ridge")
        self.by = {s: make(SFREQ).fit([t for t in trials if t.subject == s]) for s in subjects}
        return self

    def window_scores(self, trial, window):
        """Score with the model of the listener."""
        return self.by[trial.subject].window_scores(trial, window)

    def reconstruct(self, trials):
        """Reconstruct with the models of the listeners."""
        return [self.by[trial.subject].reconstruct([trial])[0] for trial in trials]


def made(name, seed):
    if name == OWN:
        return OwnRidge()
    if name in LINEAR:
        return find_decoder(name)(SFREQ)
    return SigLIPDecoder(random_state=seed).set_params(**NEURAL[name])


def simulated(nonlinearity, seed, unseen):
    """Training and test trials of four simulated listeners."""
    trials = datasets.simulate_two_talkers(
        n_subjects=4, n_trials=16, duration=45, nonlinearity=nonlinearity, random_state=seed
    ).trials
    if unseen:
        return [
            (
                [t for t in trials if t.subject != "sub-01"],
                [t for t in trials if t.subject == "sub-01"],
            )
        ]
    last = trials[-1].story
    return [([t for t in trials if t.story != last], [t for t in trials if t.story == last])]


def shuffled(pairs, seed):
    """Labels of training and test that say nothing."""
    rng = np.random.default_rng(seed)
    return [
        tuple([t.replace(attended=int(rng.integers(t.n_stimuli))) for t in part] for part in pair)
        for pair in pairs
    ]


def in_time(folder, seed):
    trials = preprocess(datasets.load(folder / "dtu_single_talker"), **BAND)
    return [([t.crop(0, 28) for t in trials], [t.crop(30, 50) for t in trials])]


def by_listener(folder, seed):
    """Other listeners and other sound than in training."""
    ((train, test),) = in_time(folder, seed)
    return [
        ([t for t in train if t.subject != s], [t for t in test if t.subject == s])
        for s in dict.fromkeys(t.subject for t in train)
    ]


def by_trial(folder, seed):
    trials = preprocess(datasets.load(folder / "two_talker_teoh"), **BAND)
    return [(trials[:i] + trials[i + 1 :], [trials[i]]) for i in range(len(trials))]


def sets(folder):
    """Name the data sets: functions of a seed that give training and test trials of each fold."""
    found = {
        "nonlinear listeners": lambda seed: simulated(1.0, seed, False),
        "nonlinear listeners, unseen": lambda seed: simulated(1.0, seed, True),
        "linear listeners": lambda seed: simulated(0.0, seed, False),
        "linear listeners, unseen": lambda seed: simulated(0.0, seed, True),
        "shuffled labels": lambda seed: shuffled(simulated(1.0, seed, False), seed),
    }
    if folder is not None:
        found |= {
            "single talker, match-mismatch": lambda seed: in_time(folder, seed),
            "single talker, unseen listeners": lambda seed: by_listener(folder, seed),
            "two talkers": lambda seed: by_trial(folder, seed),
        }
    return found


def summary(runs, real):
    """Mean and spread over seeds; the interval takes the windows of real data once."""
    row = {"runs": runs, "seconds": round(float(np.mean([run["seconds"] for run in runs])), 1)}
    for window in WINDOWS:
        name = f"{window:g} s"
        accuracies = [run[name] for run in runs]
        n = runs[0]["n " + name] if real else sum(run["n " + name] for run in runs)
        accuracy = float(np.mean(accuracies))
        interval = binomtest(round(accuracy * n), n).proportion_ci(0.95, "wilson")
        row[name] = {
            "accuracy": round(accuracy, 4),
            "spread": round(float(np.std(accuracies, ddof=1)), 4) if len(runs) > 1 else None,
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "n_windows": n,
            "chance_level": round(chance_level(n), 4),
        }
    if "r" in runs[0]:
        row["r"] = round(float(np.mean([run["r"] for run in runs])), 4)
    return row


def folded(name, seed, pairs):
    began, parts = time.perf_counter(), []
    for train, test in pairs:
        parts.append(measured(made(name, seed).fit(train), test))
    row = {"seconds": time.perf_counter() - began}
    for key in parts[0]:
        count = key.startswith("n ")
        weights = None if count else [part["n 3 s"] for part in parts]
        values = [part[key] for part in parts]
        row[key] = (
            int(sum(values)) if count else round(float(np.average(values, weights=weights)), 4)
        )
    return row


def guide_table(result):
    """Return the table of the guide, in reStructuredText."""
    head = ["Test", "Decoder", "Seeds", "3 s (%)", "5 s (%)", "r"]
    rows, names = [head], list(sets(Path()))
    for what in sorted(result["sets"], key=names.index):
        found = result["sets"][what]
        for name, title in TITLES.items():
            if name not in found:
                continue
            first = next(one for one in TITLES if one in found)
            row = [what if name == first else "", title, str(len(found[name]["runs"]))]
            for window in WINDOWS:
                x = found[name][f"{window:g} s"]
                spread = "" if x["spread"] is None else f" ± {100 * x['spread']:.1f}"
                interval = f"({100 * x['low']:.0f}-{100 * x['high']:.0f})"
                row.append(f"{100 * x['accuracy']:.1f}{spread} {interval}")
            rows.append([*row, f"{found[name]['r']:.3f}" if "r" in found[name] else "-"])
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 24 26 8 18 18 8", ""]
    for row in rows:
        cells = [f"     - {cell}".rstrip() for cell in row]
        lines += ["   *" + cells[0][4:], *cells[1:]]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--decoders", nargs="*", default=[*LINEAR, *NEURAL])
    parser.add_argument("--table", action="store_true", help="print what is in --out for the guide")
    options = parser.parse_args()
    result = {"sets": {}}
    if options.out and options.out.exists():
        result = json.loads(options.out.read_text())
    if options.table:
        print(guide_table(result))
        return
    result |= {"versions": versions(), "band": BAND, "settings": NEURAL}
    for what, make in sets(options.folder).items():
        if options.sets and what not in options.sets:
            continue
        table = result["sets"].setdefault(what, {})
        real = "listeners" not in what.split(",")[0] and what != "shuffled labels"
        for name in options.decoders:
            if name == OWN and "unseen" in what:
                continue
            # Two training trials leave one beside the one that weighs the features.
            if name == "stacked" and what == "two talkers":
                continue
            n_seeds = 1 if real and name in LINEAR else options.seeds
            seeds = range(FIRST_SEED, FIRST_SEED + n_seeds)
            runs = table.get(name, {}).get("runs", [])
            for seed in list(seeds)[len(runs) :]:
                runs.append(folded(name, seed, make(seed)))
                table[name] = summary(runs, real)
                if options.out:
                    options.out.write_text(json.dumps(result, indent=1) + "\n")
            shown = {w: table[name][f"{w:g} s"] for w in WINDOWS}
            print(
                what, "|", name, "|",
                " ".join(
                    f"{w:g} s: {100 * x['accuracy']:.1f} ({100 * x['low']:.0f}-"
                    f"{100 * x['high']:.0f}) spread {100 * (x['spread'] or 0):.1f}"
                    for w, x in shown.items()
                ),
                f"r {table[name].get('r', float('nan')):.3f} {table[name]['seconds']} s",
                flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
