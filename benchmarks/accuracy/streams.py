"""Measure what a stream of 70 to 220 Hz adds to a linear decoder of the envelope.

Subjects of `datasets.simulate_corpus` at 512 Hz, for both drives, with a following response and
without. Each subject's decoder learns from four stories and is tested on the fifth, with and
without the stream, on the same windows. How large the response is was chosen: the gain says that
the decoder finds what is there, not how much there is in recordings. Results are written subject
by subject, and those that are in the file are not computed again.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/streams.py [--subjects 8] [--minutes 15]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from cocktailparty.datasets import simulate_corpus
from cocktailparty.files import replacing
from cocktailparty.preprocessing import Stream, preprocess
from cocktailparty.versions import versions
from linear_aad import StackedTRF

FOLLOWING = Stream(70, 220, features=[1])
RESPONSES = {"following response": -36.0, "none": -np.inf}
ALPHAS = (1e-3, 1e-2, 1e-1, 1e0)
WINDOW = 3.0


def trials_of(drive, snr, seed, minutes):
    """Return the trials of one subject, preprocessed one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        store = simulate_corpus(
            folder, 1, minutes / 60, 512, seed, drive=drive, following_snr=snr, duration=60
        )
        return [
            preprocess([t], 64, 1, 9, features=[0], streams={"following": FOLLOWING})[0]
            for t in store
        ]


def measured(trials):
    """Count right windows of the last story, with each set of streams."""
    tested = [t for t in trials if t.story == trials[-1].story]
    learnt = [t for t in trials if t.story != trials[-1].story]
    row = {}
    for name, streams in (("envelope", None), ("both", {"following": 0.02})):
        decoder = StackedTRF(alpha=ALPHAS, window=WINDOW, streams=streams).fit(learnt)
        scores = [decoder.window_scores(t, WINDOW)[:, [t.attended, 1 - t.attended]] for t in tested]
        right = np.concatenate([s[:, 0] > s[:, 1] for s in scores])
        row[name], row["n_windows"] = int(right.sum()), len(right)
    return row


def summary(rows):
    """Mean percentages over subjects, and the gain with its standard error."""
    shares = {
        k: np.array([100 * r[k] / r["n_windows"] for r in rows]) for k in ("envelope", "both")
    }
    gain = shares["both"] - shares["envelope"]
    found = {k: round(float(v.mean()), 2) for k, v in shares.items()}
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan
    return {
        **found,
        "sd": {k: round(float(v.std()), 2) for k, v in shares.items()},
        "gain": round(float(gain.mean()), 2),
        "standard_error_of_gain": round(float(error), 2),
        "subjects": len(rows),
        "windows": sum(r["n_windows"] for r in rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/streams.json"))
    arguments = parser.parse_args()
    known = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    rows = known.get("subjects", {})
    for seed in range(arguments.subjects):
        for drive in ("adaptation", "depression"):
            for response, snr in RESPONSES.items():
                key = f"{drive}, {response}, {arguments.minutes:g} min, {seed}"
                if key not in rows:
                    rows[key] = measured(trials_of(drive, snr, seed, arguments.minutes))
                    print(key, rows[key], flush=True)
                cases = {key.rpartition(", ")[0] for key in rows}
                result = {
                    "window_s": WINDOW, "following_snr_db": RESPONSES["following response"],
                    "chance": 50.0, "versions": versions(),
                    "summary": {
                        case: summary([v for k, v in rows.items() if k.rpartition(", ")[0] == case])
                        for case in sorted(cases)
                    },
                    "subjects": rows,
                }  # fmt: skip
                with replacing(arguments.out) as temporary:
                    temporary.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
