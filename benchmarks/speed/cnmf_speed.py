"""Time an iteration of contrastive NMF against scikit-learn and the authors' order of steps.

Kullback-Leibler, float32. Time per iteration is the difference between two numbers of iterations,
divided by theirs, which is long enough to be timed. All programs take turns; ratios are taken
within each round, and their quartiles over the rounds are given. A timing is repeated while other
processes are at work, which spoils products on two threads most of all; how much they were is
given. On one core, time of the processor is compared, which others hardly touch.

The floor is 8 F N K flops at the rate of a square matrix product of NumPy, best of this run. The
wheels of NumPy may multiply with half of the width of the processor's vectors, so it can be beaten.

    python benchmarks/speed/cnmf_speed.py [--out results.json]
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numba
import numpy as np
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_info, threadpool_limits

from cnmf.initial import make_objective
from cnmf.objective import unit_activations
from cnmf.solver import solve
from cocktailparty.versions import versions

# The readable reference serves the benchmarks of accuracy, too.
sys.path.append(str(Path(__file__).parents[1] / "accuracy"))
from reference_cnmf import reference_cnmf

# Frequencies, frames, components.
CASES = {
    "512 x 3000, K 8": (512, 3000, 8),
    "1025 x 3000, K 32": (1025, 3000, 32),
    "1025 x 30000, K 32": (1025, 30_000, 32),
}

# Iterations of the shorter run; seconds that the longer takes beyond it, iterations at least.
SETUP, LONG_ENOUGH, FEWEST = 2, 0.35, 20

# Other processes may have so much of a core while we time.
QUIET = 0.1


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

    def sklearn_order(x, a, w, n_threads=None):
        def run(n):
            with warnings.catch_warnings(), threadpool_limits(n_threads):
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
        "sklearn, frames first, one thread": sklearn_order(x, a, w, 1),
        "sklearn, frequencies first, one thread": sklearn_order(*turned, 1),
    }
    if x.size < 1e7:
        found["reference"] = lambda n: reference_cnmf(x, guide, k, k // 2, 0, 0, 1.0, n, a, w)
    return found


def clock(program, n):
    """Return seconds that n iterations take: on the wall, of this process, and of all others."""
    wall, own, busy = time.perf_counter(), time.process_time(), busy_seconds()
    program(n)
    wall, own = time.perf_counter() - wall, time.process_time() - own
    return np.array([wall, own, busy_seconds() - busy - own])


def busy_seconds():
    """Return the time that all cores have been at work for anybody, in steps of 10 ms."""
    ticks = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return (sum(map(int, ticks)) - int(ticks[3]) - int(ticks[4])) / os.sysconf("SC_CLK_TCK")


def per_iteration(program, n, patience=0.0):
    """Return seconds of an iteration, on the wall and of this process, and the share of others.

    Repeated until the others let us alone, or patience is at an end: then the quietest counts.
    """
    end, tries = time.perf_counter() + patience, []
    # Memory that the program before has given back takes up to a second to come again.
    clock(program, SETUP)
    while True:
        short, long = clock(program, SETUP), clock(program, SETUP + n)
        share = max(0.0, short[2] + long[2]) / (short[0] + long[0])
        tries.append((share, *(long - short)[:2] / n))
        if share < QUIET or time.perf_counter() > end:
            share, wall, own = min(tries)
            return wall, own, share


def enough(program):
    """Return the number of iterations that take `LONG_ENOUGH`; warms up, too."""
    clock(program, SETUP)
    seconds = min(per_iteration(program, 5)[0] for _ in range(2))
    return max(FEWEST, math.ceil(LONG_ENOUGH / max(seconds, 1e-3)))


def times(found, repeats, patience):
    """Time programs in turns: wall, processor, share of others; each of a row for a program."""
    counts = {name: enough(run) for name, run in found.items()}
    rounds = [
        [per_iteration(run, counts[name], patience) for name, run in found.items()]
        for _ in range(repeats)
    ]
    columns = np.moveaxis(np.array(rounds), 2, 0)
    return [dict(zip(found, column.T, strict=True)) for column in columns]


def faster(seconds):
    """Compare the best way to run scikit-learn with ours, round by round; contrast with none."""
    peer = min((p for p in seconds if "sklearn" in p), key=lambda p: np.median(seconds[p]))
    return {
        "ms": {p: quartiles(1e3 * found) for p, found in seconds.items()},
        "peer": peer,
        "times faster": quartiles(seconds[peer] / seconds["plain"]),
        "extra cost of contrast": quartiles(seconds["contrast"] / seconds["plain"] - 1),
    }


def measure(name, repeats, patience):
    n_freqs, n_frames, k = CASES[name]
    x, a, w, guide = problem(n_freqs, n_frames, k)
    found = programs(x, a, w, guide)
    rate = flop_rate()
    wall, own, others = times(found, repeats, patience)
    both = {
        "cores at work": {p: round(own[p].sum() / wall[p].sum(), 2) for p in wall},
        "others at work": {p: round(others[p].max(), 2) for p in wall},
        "GF/s of a square product": round(rate / 1e9, 1),
        "ms, floor by flops": round(1e3 * 8 * n_freqs * n_frames * k / rate, 3),
    }
    found = {p: run for p, run in found.items() if p != "reference" and "one thread" not in p}
    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)
    with threadpool_limits(1):
        # Time of the processor: others hardly touch it.
        alone = times(found, repeats, 0.0)[1]
    numba.set_num_threads(n_threads)
    return {
        "all cores": faster(wall) | both,
        "one core, time of the processor": faster(alone),
        "GB read at least": 2 * x.nbytes / 1e9,
    }


def quartiles(values):
    """Return lowest, quartiles and highest of one figure for each round."""
    return dict(
        zip(
            ("min", "25 %", "median", "75 %", "max"),
            np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).round(3).tolist(),
            strict=True,
        )
    )


def flop_rate(n=1536, repeats=3):
    """Return flops per second of a square product of NumPy in single precision on all cores."""
    a = np.ones((n, n), np.float32)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times)


def peak_memory(name):
    """Return MB that a fit needs beyond its input; in a process of its own."""
    n_freqs, n_frames, k = CASES[name]
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
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--patience", type=float, default=5.0, help="seconds, for each timing")
    parser.add_argument("--only", choices=CASES, nargs="*")
    parser.add_argument("--peak", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak_memory(options.peak))
        return
    result = {"versions": versions(), "threads": [p["num_threads"] for p in threadpool_info()]}
    names = options.only or list(CASES)
    for name in names:
        load = os.getloadavg()[0]
        found = {"load before": load} | measure(name, options.repeats, options.patience)
        command = [sys.executable, __file__, "--peak", name]
        found["MB beyond the input"] = float(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )
        result[name] = found
        print(name, json.dumps(found, indent=2), flush=True)
    loudest = max(max(result[name]["all cores"]["others at work"].values()) for name in names)
    if options.out and loudest > QUIET:
        raise SystemExit(
            f"nothing saved: others took {loudest:.2f} cores; repeat when all is quiet"
        )
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
