"""Time a sweep over decision windows against correlating every window by itself.

60 trials of 60 s at 64 Hz, two stimuli, seven windows. The floor: one pass over the three signals
of each trial, 5.5 MB in all, well below a millisecond of memory traffic; what is left is the
overhead of a few dozen array operations a trial.

    python benchmarks/speed/window_sweep.py [--out results.json]
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from cocktailparty.metrics import window_sweep
from cocktailparty.versions import versions

WINDOWS = (1, 2, 5, 10, 20, 30, 60)
SFREQ = 64


def one_by_one(reconstruction, stimuli):
    """Correlate window by window with plain NumPy."""
    scores = {}
    for window in WINDOWS:
        n = window * SFREQ
        p = reconstruction[: len(reconstruction) // n * n].reshape(-1, n)
        s = stimuli[:, : p.size].reshape(len(stimuli), -1, n)
        p = p - p.mean(axis=1, keepdims=True)
        s = s - s.mean(axis=2, keepdims=True)
        power = np.sqrt((p * p).sum(axis=1) * (s * s).sum(axis=2))
        scores[window] = ((p * s).sum(axis=2) / power).T
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    trials = [(rng.normal(size=60 * SFREQ), rng.random((2, 60 * SFREQ))) for _ in range(60)]
    times = {"window_sweep": [], "one by one": []}
    for _ in range(options.repeats + 1):
        start = time.perf_counter()
        ours = [window_sweep(p, s, SFREQ, WINDOWS) for p, s in trials]
        middle = time.perf_counter()
        theirs = [one_by_one(p, s) for p, s in trials]
        times["window_sweep"].append(middle - start)
        times["one by one"].append(time.perf_counter() - middle)
    worst = max(
        np.abs(a[w] - b[w]).max() for a, b in zip(ours, theirs, strict=True) for w in WINDOWS
    )
    result = {"largest difference": worst, "versions": versions()}
    for name, seconds in times.items():
        seconds = seconds[1:]  # the first round warms up
        low, _, high = statistics.quantiles(seconds, n=4)
        result[name] = {"median_s": statistics.median(seconds), "quartiles_s": [low, high]}
        print(f"{name:<13} {1e3 * statistics.median(seconds):6.1f} ms "
              f"({1e3 * low:.1f} to {1e3 * high:.1f})")  # fmt: skip
    ratio = result["one by one"]["median_s"] / result["window_sweep"]["median_s"]
    print(f"ratio {ratio:.2f}, largest difference {worst:.1e}")
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
