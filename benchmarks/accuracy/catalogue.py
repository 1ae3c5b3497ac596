"""Accuracy and cost of every decoder of the catalogue on the same simulated listeners.

Four listeners who answer nonlinearly, those of benchmarks/accuracy/siglip.py: 16 trials of 45 s
each, one story left out, one model for all of them. Of decoders that are in its results already,
only the CPU time of a fit is measured here, for one seed; of the others, accuracy as well.
Decoders that are finished are not run again. The recordings of the table are those of
benchmarks/accuracy/decoders.py.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/catalogue.py [--decoders NAME ...]
    python benchmarks/accuracy/catalogue.py --table     # from the results to the guide

CPU time is that of all threads. What is compiled for the first fit is not compiled again for a
second one in the same process, so it is stated with and without.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from cocktailparty import datasets
from cocktailparty.catalogue import named_decoders
from cocktailparty.metrics import chance_level, decision_shares
from cocktailparty.versions import versions

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
TABLE = ROOT / "docs" / "guide" / "catalogue_table.txt"
SFREQ = 64.0
WINDOW = 5.0
SEEDS = range(20, 25)
# Names of the same decoders in the results of benchmarks/accuracy/siglip.py.
THERE = {
    "ridge": "ridge",
    "cca": "cca",
    "stacked": "stacked",
    "siglip": "siglip",
    "siglip-thesis": "thesis",
    "siglip-no-contrast": "siglip, no contrast",
    "vlaai": "vlaai",
    "linear-head": "linear head",
}
WHAT_FOR = {
    "ridge": "the baseline that everybody reports",
    "ridge-late": "trials of unlike level or noise, each of which gets the same say",
    "laplacian": "weights that are smooth over lags, to look at",
    "ledoit-wolf": "speed: nothing is chosen, so a single trial is enough",
    "lasso": "few channels and lags, as for a small montage",
    "population": "several listeners with little data each; listeners who were not in training",
    "cca": "accuracy, with labelled recordings of the same listener",
    "stacked": "accuracy, where the brain follows more than the envelope",
    "tracker": "attention that switches, second by second",
    "adaptive": "recordings without attended labels",
    "siglip": "accuracy, with several listeners and minutes of each",
    "siglip-thesis": "comparison with the published network",
    "siglip-no-contrast": "comparison: what the contrast is worth",
    "vlaai": "comparison with a network that reconstructs the envelope",
    "linear-head": "comparison: a linear model that is trained by gradient",
}
NEEDS = {"one_trial": "two trials or more", "one_stimulus": "two sounds at a time"}


def simulated(seed):
    """Training and test trials of four listeners; the last story of each tests."""
    trials = datasets.simulate_two_talkers(
        n_subjects=4, n_trials=16, duration=45, nonlinearity=1.0, random_state=seed
    ).trials
    last = trials[-1].story
    return [t for t in trials if t.story != last], [t for t in trials if t.story == last]


def measured(row, seeds):
    """CPU seconds of each fit, and the share of right decisions of each seed."""
    seconds, accuracies, n_windows = [], [], 0
    for seed in seeds:
        train, test = simulated(seed)
        began = time.process_time()
        decoder = row(SFREQ).fit(train)
        seconds.append(round(time.process_time() - began, 2))
        shares = [
            decision_shares(decoder.window_scores(trial, WINDOW))[:, trial.attended]
            for trial in test
        ]
        accuracies.append(round(float(np.concatenate(shares).mean()), 4))
        n_windows += sum(map(len, shares))
    return {"cpu_s": seconds, "accuracies": accuracies, "n_windows": n_windows}


def on_simulated(name, result, siglip):
    """Fill the cell of the simulated listeners; empty if that has not been measured."""
    if name in THERE:
        found = siglip["sets"]["nonlinear listeners"][THERE[name]][f"{WINDOW:g} s"]
        return percent(found["accuracy"], found["spread"], found["chance_level"])
    row = result["decoders"].get(name)
    if row is None:
        return ""
    spread = float(np.std(row["accuracies"], ddof=1))
    return percent(np.mean(row["accuracies"]), spread, chance_level(row["n_windows"]))


def on_recordings(name, decoders):
    """Fill the cell of the recordings with one talker; empty if that has not been measured."""
    rows = decoders["corpora"]["dtu_single_talker"]["rows"]
    for row in rows:
        if (row["decoder"], row["window"]) == (name, WINDOW):
            return percent(row["accuracy"], row["spread"], row["chance_level"])
    return ""


def percent(accuracy, spread, chance):
    return f"{100 * accuracy:.0f} ±{100 * spread:.0f} ({100 * chance:.0f})"


def needs(row):
    words = [NEEDS[reason] for reason in row.refuses]
    if row.name == "population":
        words.append("several subjects, else it is ridge")
    return "; ".join([f"the extra ``{extra}``" for extra in row.needs] + words) or "nothing"


def cost(name, result):
    """CPU seconds of a fit for which nothing has to be compiled."""
    row = result["decoders"].get(name)
    return "" if row is None else f"{min(row['cpu_s']):.1f}"


def own_decoders():
    return [row for row in named_decoders().values() if row.distribution == "cocktailparty"]


def guide_table():
    """Make the table of the guide from what is kept, in reStructuredText."""
    result, siglip, decoders = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("catalogue", "siglip", "decoders")
    )
    head = ["Name", "What for", "Needs", "Simulated", "Recorded", "Fit (CPU s)"]
    lines = [head]
    for row in own_decoders():
        cells = [on_simulated(row.name, result, siglip), on_recordings(row.name, decoders)]
        first = [f"``{row.name}``", WHAT_FOR[row.name], needs(row)]
        lines.append([*first, *cells, cost(row.name, result)])
    parts = [".. Written by benchmarks/accuracy/catalogue.py --table.", ""]
    parts += [".. list-table::", "   :header-rows: 1", "   :widths: 17 33 20 12 12 6", ""]
    for line in lines:
        parts += [f"   {'  -' if i else '* -'} {value}".rstrip() for i, value in enumerate(line)]
    return "\n".join([*parts, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decoders", nargs="*", help="default: all")
    parser.add_argument("--out", type=Path, default=RESULTS / "catalogue.json")
    parser.add_argument("--table", action="store_true", help="write the table of the guide")
    options = parser.parse_args()
    if options.table:
        TABLE.write_text(guide_table(), encoding="utf-8")
        return
    result = {"decoders": {}}
    if options.out.exists():
        result = json.loads(options.out.read_text(encoding="utf-8"))
    result["versions"] = versions()
    for row in own_decoders():
        if row.name in result["decoders"] or row.name not in (options.decoders or [row.name]):
            continue
        # Twice the first seed, so that the second fit has nothing left to compile.
        found = measured(row, [20, 20] if row.name in THERE else SEEDS)
        result["decoders"][row.name] = found
        print(row.name, found, flush=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
