"""Compare every decoder on recordings, tuned alike and without a leak, with chance and spread.

Two corpora: two-talker EEG of one listener, leaving out one trial at a time, and single-talker EEG
of several, tested by match-mismatch on stretches of time that are left out. Preprocessing and
decoders are those of ``cocktailparty compare``; where a penalty is chosen, it is chosen by leaving
out training trials. Channels that are sums of others (after a common reference, or interpolated)
are left out for all decoders, since a penalty on differences of weights alone does not settle them.
Finished folds are kept in --cache, and an interrupted run goes on.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/decoders.py FOLDER [--out results.json] [--table table.txt]

FOLDER holds the folders two_talker_teoh and dtu_single_talker.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
from scipy.linalg import qr
from sklearn.ensemble import HistGradientBoostingRegressor

from cocktailparty import datasets
from cocktailparty.catalogue import named_decoders
from cocktailparty.evaluation import compare, lag_reach
from cocktailparty.evaluation.summary import pool, summarise
from cocktailparty.metrics import accuracy_interval
from cocktailparty.preprocessing import filter_reach, preprocess
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, AttentionTracker, LaggedRegressor

BAND = {"sfreq": 64.0, "l_freq": 1.0, "h_freq": 9.0}
WINDOWS = (1, 2, 5, 10, 30, 60)
CORPORA = {"two_talker_teoh": "trial", "dtu_single_talker": "time"}
TITLES = {
    "two_talker_teoh": "Attention to one of two talkers (one listener, three trials)",
    "dtu_single_talker": "Match-mismatch with one talker (four listeners)",
}
ONE_BAND = "one EEG band and one envelope, so that there are no bands to weigh"
NOT_APPLICABLE = {
    "two_talker_teoh": {
        "banded ridge": ONE_BAND,
        "stacked": "two training trials leave one beside the one that weighs the features, too few "
        "to choose penalties",
        "spatial": "the same talker was attended in all trials, so that no direction can be learnt",
    },
    "dtu_single_talker": {
        "adaptive": "one sound at a time, nothing to find out without labels",
        "tracker": "one sound at a time, no switch to follow",
        "banded ridge": ONE_BAND,
        "spatial": "one sound at a time, no competing direction",
    },
}


def boosting():
    """Boosted trees of fixed size: there is nothing that the other decoders choose likewise."""
    trees = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=15, early_stopping=False)
    return AttentionDecoder(LaggedRegressor(trees, 0.0, 0.4, BAND["sfreq"]))


def decoders(corpus):
    # Networks have a benchmark of their own, benchmarks/accuracy/siglip.py.
    every = {
        name: row(BAND["sfreq"])
        for name, row in named_decoders().items()
        if row.distribution == "cocktailparty" and not row.needs
    }
    every["boosting"] = boosting()
    # Inner training sets of a single trial leave no penalty to choose, so not around ridge.
    every["tracker"] = AttentionTracker(every["ledoit-wolf"], cv="trial")
    return {k: v for k, v in every.items() if k not in NOT_APPLICABLE[corpus]}


def independent(trials):
    """Leave out channels that are sums of others; labels and stimuli are not looked at."""
    eeg = np.concatenate([trial.eeg - trial.eeg.mean(axis=0) for trial in trials]).astype(float)
    r, order = qr(eeg, mode="r", pivoting=True)
    power = np.abs(np.diagonal(r))
    kept = np.sort(order[: len(power)][power > 1e-5 * power[0]])
    return [picked(trial, kept) for trial in trials]


def picked(trial, kept):
    positions = trial.channel_positions
    return trial.replace(
        eeg=trial.eeg[:, kept],
        channel_names=[trial.channel_names[i] for i in kept],
        channel_positions=None if positions is None else positions[kept],
    )


def compared(folder, corpus, cache, chosen):
    """Rows for each decoder and window, and what they were computed from."""
    recorded = preprocess(datasets.load(folder / corpus), **BAND)
    trials = independent(recorded)
    every = decoders(corpus)
    # One gap for all, wide enough for the longest lags and the filter from both sides.
    gap = max(map(lag_reach, every.values())) + 2 * filter_reach(**BAND)
    rows = []
    for name in [name for name in every if not chosen or name in chosen]:
        table = compare(
            {name: every[name]},
            trials,
            CORPORA[corpus],
            WINDOWS,
            gap=math.ceil(10 * gap) / 10,
            cache=cache,
        )
        rows += described(table)
        print(text([row for row in rows if row["decoder"] == name]), flush=True)
    return {
        "cv": CORPORA[corpus],
        "gap_s": math.ceil(10 * gap) / 10,
        "n_trials": len(trials),
        "n_channels": [trials[0].n_channels, recorded[0].n_channels],
        "n_subjects": len({trial.subject for trial in trials}),
        "rows": rows,
        "not applicable": NOT_APPLICABLE[corpus],
    }


def described(table):
    """Pooled accuracy of each window length with its interval, and how it varies."""
    found = []
    for row in summarise(table).to_dict("records"):
        own = table[table["window"] == row["window"]]
        listeners = pool(own, ["subject"])["accuracy"]
        # The units that vary: listeners, or the trials of a single one.
        spread = (listeners if len(listeners) > 1 else own["accuracy"]).std(ddof=1)
        low, high = accuracy_interval(row["n_correct"], row["n_windows"])
        numbers = {
            "accuracy": row["accuracy"],
            "spread": spread,
            "low": low,
            "high": high,
            "chance_level": row["chance"],
            "r_attended": np.average(own["r_attended"], weights=own["n_windows"]),
            "r_unattended": np.average(own["r_unattended"], weights=own["n_windows"]),
        }
        found.append(
            {
                "decoder": row["decoder"],
                "window": row["window"],
                "n_windows": row["n_windows"],
                **{name: round(float(number), 4) for name, number in numbers.items()},
                "listeners": [round(float(accuracy), 4) for accuracy in listeners],
            }
        )
    return found


def percent(share):
    return f"{100 * share:.0f}"


def cell(row):
    return f"{percent(row['accuracy'])} ±{percent(row['spread'])} ({interval(row)})"


def interval(row):
    return f"{percent(row['low'])}-{percent(row['high'])}"


def text(rows):
    return "\n".join(
        f"{row['decoder']:12} {row['window']:3g} s  {cell(row):18} n {row['n_windows']:4}  "
        f"chance level {percent(row['chance_level'])} %"
        for row in rows
    )


def rst(result):
    """Make the tables of the guide, in percent."""
    parts = [".. Written by benchmarks/accuracy/decoders.py.", ""]
    for corpus, found in result["corpora"].items():
        by = {(row["decoder"], row["window"]): row for row in found["rows"]}
        names, windows = (list(dict.fromkeys(part)) for part in zip(*by, strict=True))
        lines = [["", *(f"{window:g} s" for window in windows)]]
        lines += [[name, *(cell(by[name, window]) for window in windows)] for name in names]
        first = [by[names[0], window] for window in windows]
        lines.append(["*chance level*", *(percent(row["chance_level"]) for row in first)])
        lines.append(["*windows*", *(str(row["n_windows"]) for row in first)])
        parts += [f".. list-table:: {TITLES[corpus]}", "   :header-rows: 1", ""]
        for line in lines:
            parts += [
                f"   {'  -' if i else '* -'} {value}".rstrip() for i, value in enumerate(line)
            ]
        parts += ["", "Not applicable:", ""]
        parts += [f"- {name}: {reason}." for name, reason in found["not applicable"].items()]
        parts.append("")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--corpora", nargs="*", default=list(CORPORA), choices=list(CORPORA))
    parser.add_argument("--decoders", nargs="*", help="default: all")
    options = parser.parse_args()
    result = {"versions": versions(), "band": BAND, "corpora": {}}
    for corpus in options.corpora:
        print(corpus, flush=True)
        result["corpora"][corpus] = compared(
            options.folder, corpus, options.cache, options.decoders
        )
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.table:
        options.table.write_text(rst(result))


if __name__ == "__main__":
    main()
