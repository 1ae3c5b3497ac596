"""Time an iteration of contrastive NMF against scikit-learn and the authors' order of steps.

Time per iteration is the difference between two numbers of iterations, divided by theirs; all
programs take turns. Kullback-Leibler, float32. Floors on two cores: 8 F N K flops at the rate of a
square matrix product, which is measured here, and two readings of the spectrogram from memory.

    python benchmarks/cnmf_speed.py [--out results.json]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
from reference_cnmf import reference_cnmf
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_info

from cnmf.initial import make_objective
from cnmf.objective import unit_activations
from cnmf.solver import solve
from cocktailparty.versions import versions

# Frequencies, frames, components, iterations to time.
CASES = {
    "512 x 3000, K 8": (512, 3000, 8, 100),
    "1025 x 3000, K 32": (1025, 3000, 32, 40),
    "1025 x 30000, K 32": (1025, 30_000, 32, 6),
}


def problem(n_freqs, n_frames, k):
    rng = np.random.default_rng(0)
    x = rng.random((n_frames, n_freqs), dtype=np.float32) + np.float32(0.1)
    a, w = rng.random((n_frames, k)) + 0.1, rng.random((k, n_freqs)) + 0.1
    guide = rng.random((n_frames, k // 2), dtype=np.float32)
    guide /= np.linalg.norm(guide, axis=0)
    return x, *unit_activations(a.astype(np.float32), w.astype(np.float32)), guide


def programs(x, a, w, guide):
    """Functions of a number of iterations, by name."""
    k = len(w)
    plain = make_objective(x, None, k, k // 2, 1.0)
    contrast = make_objective(x, guide, k, k // 2, 1.0, "paired", 0.1)

    def sklearn_order(x, a, w):
        def run(n):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # not converged, nor meant to
                non_negative_factorization(
                    x, a.copy(), w.copy(), n_components=k, init="custom", solver="mu",
                    beta_loss="kullback-leibler", tol=0, max_iter=n,
                )  # fmt: skip

        return run

    turned = [np.ascontiguousarray(part.T) for part in (x, w, a)]
    found = {
        "plain": lambda n: solve(x, a, w, plain, n, 0.0),
        "contrast": lambda n: solve(x, a, w, contrast, n, 0.0),
        "sklearn, frames first": sklearn_order(x, a, w),
        "sklearn, frequencies first": sklearn_order(*turned),
    }
    if x.size < 1e7:
        found["reference"] = lambda n: reference_cnmf(x, guide, k, k // 2, 0, 0, 1.0, n, a, w)
    return found


def per_iteration(program, n):
    start = time.perf_counter()
    program(2)
    middle = time.perf_counter()
    program(2 + n)
    return (time.perf_counter() - middle - (middle - start)) / n


def measure(name, repeats):
    n_freqs, n_frames, k, n = CASES[name]
    x, a, w, guide = problem(n_freqs, n_frames, k)
    found = programs(x, a, w, guide)
    for program in found.values():
        program(1)
    seconds = {program: [] for program in found}
    for _ in range(repeats):
        for program, run in found.items():
            count = 2 if program == "reference" else max(3, n // 3) if "sklearn" in program else n
            seconds[program].append(per_iteration(run, count))
    best = {program: min(times) for program, times in seconds.items()}
    middle = {program: statistics.median(times) for program, times in seconds.items()}
    peer = min((p for p in middle if "sklearn" in p), key=middle.get)
    return {
        "ms, median": {p: round(1e3 * t, 2) for p, t in middle.items()},
        "ms, best": {p: round(1e3 * t, 2) for p, t in best.items()},
        "ms, spread": {p: [round(1e3 * f(t), 2) for f in (min, max)] for p, t in seconds.items()},
        "peer": peer,
        "ratio of medians": middle[peer] / middle["plain"],
        "ratio of best": best[peer] / best["plain"],
        "extra cost of contrast": middle["contrast"] / middle["plain"] - 1,
        "ms, floor by flops": 1e3 * 8 * n_freqs * n_frames * k / flop_rate(),
        "GB read at least": 2 * x.nbytes / 1e9,
    }


def flop_rate(n=1536, repeats=5):
    """Return flops per second of a square single-precision product on all cores."""
    a = np.ones((n, n), np.float32)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times)


def peak_memory(name):
    """Return MB that a fit needs beyond its input; in a process of its own."""
    n_freqs, n_frames, k, _ = CASES[name]
    x, a, w, guide = problem(n_freqs, n_frames, k)
    contrast = make_objective(x[:100], guide[:100], k, k // 2, 1.0, "paired", 0.1)
    solve(x[:100], a[:100], w, contrast, 2, 0.0)  # compile, load
    contrast = make_objective(x, guide, k, k // 2, 1.0, "paired", 0.1)
    peak, before, done = [0.0], resident(), threading.Event()

    def watch():
        while not done.wait(0.001):
            peak[0] = max(peak[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    solve(x, a, w, contrast, 5, 0.0)
    done.set()
    watcher.join()
    return peak[0]


def resident():
    """Return the memory in use, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=CASES, nargs="*")
    parser.add_argument("--peak", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak_memory(options.peak))
        return
    result = {"versions": versions(), "threads": [p["num_threads"] for p in threadpool_info()]}
    for name in options.only or CASES:
        found = measure(name, options.repeats)
        command = [sys.executable, __file__, "--peak", name]
        found["MB beyond the input"] = float(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )
        result[name] = found
        print(name, json.dumps(found, indent=2), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
