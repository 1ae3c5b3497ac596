"""Measure how linear decoders improve with hours of training, for seen and unseen subjects.

One corpus of `datasets.simulate_corpus` for each drive and seed: 8 subjects whose first four
stories train one decoder of all, their fifth story ("seen"), and the fifth story of 4 subjects
who were not in training ("unseen"). Fewer hours are fewer trials of each subject. Results are
written row by row, and rows that are in the file are not computed again.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/learning_curve.py [--hours 0.25,1,4] [--drives adaptation,depression]
        [--decoders ridge,cca,stacked] [--seeds 0,1,2]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import binom

from cocktailparty.datasets import TrialStore, simulate_corpus, write_trial_store
from cocktailparty.files import replacing
from cocktailparty.preprocessing import preprocess
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder, StackedTRF

N_SEEN, N_UNSEEN, N_STORIES = 8, 4, 5
WINDOWS = (3.0, 5.0)
ALPHAS = [10.0**k for k in range(-4, 2)]
DECODERS = {
    "ridge": lambda: AttentionDecoder(
        BackwardTRF(0, 0.4, 64, alpha=ALPHAS, alpha_convention="relative")
    ),
    "cca": lambda: CCADecoder(sfreq=64, alpha=ALPHAS, n_folds=5),
    "stacked": lambda: StackedTRF(alpha=ALPHAS),
}


def corpus(folder, drive, seed, hours):
    """Return a store of preprocessed trials in which the first eight subjects train for `hours`."""
    raw, filtered = folder / f"{drive}-{seed}-raw", folder / f"{drive}-{seed}"
    if not (filtered / "store.json").exists():
        minutes = hours * 60 / N_SEEN * N_STORIES / (N_STORIES - 1)
        total = np.ceil(minutes) * (N_SEEN + N_UNSEEN) / 60
        store = simulate_corpus(raw, N_SEEN + N_UNSEEN, total, random_state=seed, drive=drive)
        write_trial_store((preprocess([t], 64, 1, 9)[0] for t in store), filtered)
    return TrialStore(filtered, sfreq=64)


def dealt(store, hours):
    """Return training trials, and test trials of seen and of unseen subjects."""
    subjects = list(dict.fromkeys(store.subjects))
    last = f"story-{N_STORIES}"
    seen, unseen, training = [], [], []
    for k, subject in enumerate(subjects):
        own = [i for i, s in enumerate(store.subjects) if s == subject]
        tested = [i for i in own if store.stories[i] == last]
        (seen if k < N_SEEN else unseen).extend(tested)
        if k < N_SEEN:
            learnt = [i for i in own if store.stories[i] != last]
            n = min(max(round(hours * 60 / N_SEEN), 2), len(learnt))
            chosen = np.linspace(0, len(learnt) - 1, n).round().astype(int)
            training += [learnt[i] for i in chosen]
    return ([store[i] for i in part] for part in (training, seen, unseen))


def accuracy(decoder, trials, window):
    """Share of right windows in percent, its spread over subjects, and their number."""
    right = {}
    for trial in trials:
        scores = decoder.window_scores(trial, window)[:, [trial.attended, 1 - trial.attended]]
        right.setdefault(trial.subject, []).extend((scores[:, 0] > scores[:, 1]).tolist())
    shares = [100 * np.mean(r) for r in right.values()]
    n = sum(map(len, right.values()))
    return {
        "accuracy": round(100 * sum(map(sum, right.values())) / n, 2),
        "sd_over_subjects": round(float(np.std(shares)), 2),
        "n_windows": n,
        "chance_95": round(100 * binom.ppf(0.95, n, 0.5) / n, 2),
    }


def measured(store, name, hours):
    """Train on some hours, and test on seen and unseen subjects."""
    training, seen, unseen = dealt(store, hours)
    start = time.perf_counter()
    decoder = DECODERS[name]().fit(training)
    row = {
        "hours": round(sum(t.duration for t in training) / 3600, 3),
        "seconds_to_train": round(time.perf_counter() - start, 1),
    }
    for what, trials in (("seen", seen), ("unseen", unseen)):
        row[what] = {f"{w:g} s": accuracy(decoder, trials, w) for w in WINDOWS}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", default="0.25,1,4")
    parser.add_argument("--drives", default="adaptation,depression")
    parser.add_argument("--decoders", default=",".join(DECODERS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--corpora", type=Path, help="folder to keep the corpora in")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/learning_curve.json"))
    arguments = parser.parse_args()
    hours = [float(h) for h in arguments.hours.split(",")]
    rows = json.loads(arguments.out.read_text())["rows"] if arguments.out.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.corpora or Path(scratch)) / f"{max(hours):g}-hours"
        for seed in map(int, arguments.seeds.split(",")):
            for drive in arguments.drives.split(","):
                store = None
                for h in hours:
                    for name in arguments.decoders.split(","):
                        key = f"{drive}, seed {seed}, of {max(hours):g} h: {h:g} h, {name}"
                        if key in rows:
                            continue
                        store = store or corpus(folder, drive, seed, max(hours))
                        rows[key] = measured(store, name, h)
                        print(key, json.dumps(rows[key]), flush=True)
                        result = {"chance": 50.0, "versions": versions(), "rows": rows}
                        with replacing(arguments.out) as temporary:
                            temporary.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
