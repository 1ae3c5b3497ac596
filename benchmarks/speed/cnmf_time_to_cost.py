"""Time that contrastive NMF takes to the cost that scikit-learn reaches in 200 iterations.

Kullback-Leibler, float32, the same start for all. Iterations are counted; they do not depend on
who else is at work. A cost is what one formula, outside of all programs, says of the factors in
float64. Then the programs take turns: scikit-learn's NMF(solver="mu") with 200 iterations in both
memory orders, and here as many iterations as the cost needs. Ratios are taken within each round,
against the better order of scikit-learn, and their medians over the rounds given.

On one core, time of the processor counts, which others hardly touch. On all cores (--all-cores;
scikit-learn on all threads and on one), wall time, which says something on a quiet machine only:
threads that wait for one that was put off keep the processor busy.

Beside: plain updates; block majorisation-minimisation with extrapolation (Hien, Leplat & Gillis,
2024, https://doi.org/10.48550/arXiv.2401.06646), written in NumPy below; an earlier build of this
project in a process of its own (--before FOLDER, a checkout). With contrast, the iterations to the
cost that plain updates have after 200 are counted.

    python benchmarks/speed/cnmf_time_to_cost.py [--before FOLDER] [--all-cores] [--out FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numba
import numpy as np
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_limits

from cnmf.initial import make_objective
from cnmf.objective import unit_activations
from cnmf.solver import solve
from cocktailparty.versions import versions

# Frequencies, frames, components.
CASES = {
    "512 x 3000, K 8": (512, 3000, 8),
    "1025 x 3000, K 32": (1025, 3000, 32),
    "1025 x 30000, K 32": (1025, 30_000, 32),
}
N_ITER = 200
BESIDE = "plain updates", "earlier build"


def problem(n_freqs, n_frames, k, kind):
    """Spectrogram, start and guide: noise, or as many parts as components with noise on top."""
    rng = np.random.default_rng(0)
    if kind == "noise":
        x = rng.random((n_frames, n_freqs), dtype=np.float32) + np.float32(0.1)
    else:
        x = rng.gamma(0.5, size=(n_frames, k)) @ rng.gamma(0.5, size=(k, n_freqs))
        x = (x * rng.gamma(2, 0.5, size=x.shape)).astype(np.float32)
        x /= x.mean()
    a, w = rng.random((n_frames, k)) + 0.1, rng.random((k, n_freqs)) + 0.1
    w *= x.sum(dtype=float) / (a.sum(axis=0) @ w.sum(axis=1))
    guide = rng.random((n_frames, k // 2), dtype=np.float32)
    guide /= np.linalg.norm(guide, axis=0)
    return x, *unit_activations(a.astype(np.float32), w.astype(np.float32)), guide


def divergence(x, a, w):
    """Kullback-Leibler divergence in float64, some frames at a time."""
    a, w, value = a.astype(float), w.astype(float), 0.0
    for i in range(0, len(x), 1000):
        u, y = x[i : i + 1000].astype(float), a[i : i + 1000] @ w
        value += np.sum(u * np.log(np.where(u > 0, u, y) / y) - u + y)
    return float(value)


def sklearn(x, a, w, order, n_threads):
    """Run scikit-learn with frames or frequencies first; returns its factors, frames first."""
    arrays = (x, a, w) if order == "frames" else [np.ascontiguousarray(p.T) for p in (x, w, a)]
    with warnings.catch_warnings(), threadpool_limits(n_threads):
        warnings.simplefilter("ignore")  # not converged, nor meant to
        first, second, _ = non_negative_factorization(
            arrays[0], arrays[1].copy(), arrays[2].copy(), n_components=len(w), init="custom",
            solver="mu", beta_loss="kullback-leibler", tol=0, max_iter=N_ITER,
        )  # fmt: skip
    return (first, second) if order == "frames" else (second.T, first.T)


def bmme(x, a, w, n_iter, below):
    """Count iterations of extrapolated updates, as published, until a divergence is reached."""
    x, least = x.astype(float), np.finfo(float).eps
    a, w = a.astype(float), w.astype(float)
    a_before, w_before, t = a, w, 1.0
    for n in range(1, n_iter + 1):
        t, momentum = (1 + np.sqrt(1 + 4 * t * t)) / 2, t
        momentum = (momentum - 1) / t
        far = a + momentum * np.maximum(a - a_before, 0)
        a_before, a = a, np.maximum(far * ((x / (far @ w)) @ w.T) / w.sum(axis=1), least)
        far = w + momentum * np.maximum(w - w_before, 0)
        ratio = a.T @ (x / (a @ far))
        w_before, w = w, np.maximum(far * ratio / a.sum(axis=0)[:, None], least)
        if divergence(x, a, w) <= below:
            return n
    return None


def needed(x, a, w, objective, below, **options):
    """Count iterations until a cost is reached: by its own record, then by the outside formula."""
    costs = solve(x, a, w, objective, 2 * N_ITER, 0.0, **options).costs
    reached = np.flatnonzero(costs <= below)
    if not len(reached):
        return None
    n = int(reached[0]) + 1
    while objective.contrast is None:
        found = solve(x, a, w, objective, n, 0.0, **options)
        if divergence(x, found.activations, found.components) <= below:
            break
        n += 1
    return n


def iterations(x, a, w, guide, below):
    """Count the iterations of each program to a cost."""
    k = len(w)
    plain = make_objective(x, None, k, k // 2, 1.0)
    contrast = make_objective(x, guide, k, k // 2, 1.0, "paired", 0.1)
    aim = solve(x, a, w, contrast, N_ITER, 0.0, extrapolation=False).costs[-1]
    found = {
        "here": needed(x, a, w, plain, below),
        "plain updates": needed(x, a, w, plain, below, extrapolation=False),
        "with contrast": needed(x, a, w, contrast, aim),
        "with contrast, plain updates": N_ITER,
    }
    if x.size < 1e7:
        found["extrapolation as published"] = bmme(x, a, w, 2 * N_ITER, below)
    return found


class Before:
    """An earlier build, in a process of its own."""

    def __init__(self, folder, name, kind):
        command = [sys.executable, "-c", f"{BEFORE}\nserve({name!r}, {kind!r})"]
        here = os.pathsep.join([str(folder), str(Path(__file__).parent)])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": here},
        )  # fmt: skip

    def run(self, n, n_threads):
        """Return what `clock` says of so many iterations."""
        self.process.stdin.write(f"{n} {n_threads}\n")
        self.process.stdin.flush()
        return np.array(json.loads(self.process.stdout.readline()))

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


# The script of this name is that of this file: only cnmf is that of the earlier build.
BEFORE = """
import json, sys, time
import numba
from cnmf_time_to_cost import CASES, clock, make_objective, problem, solve
def serve(name, kind):
    x, a, w, _ = problem(*CASES[name], kind)
    objective = make_objective(x, None, len(w), len(w) // 2, 1.0)
    solve(x, a, w, objective, 2, 0.0)
    for line in sys.stdin:
        n, n_threads = map(int, line.split())
        numba.set_num_threads(n_threads)
        spent = clock(lambda: solve(x, a, w, objective, n, 0.0))
        print(json.dumps(spent.tolist()), flush=True)
"""


def clock(run):
    """Return seconds of a run: on the wall, and of the processor by this process."""
    wall, own = time.perf_counter(), time.process_time()
    run()
    return np.array([time.perf_counter() - wall, time.process_time() - own])


def timed(problem, objective, counts, rounds, n_threads, earlier):
    """Time all programs in turns, on so many cores."""
    x, a, w, _ = problem
    numba.set_num_threads(n_threads)
    orders, sizes = ("frames", "frequencies"), sorted({1, n_threads})
    runs = {
        f"scikit-learn, {order} first, threads: {n}": partial(sklearn, x, a, w, order, n)
        for order in orders
        for n in sizes
    }
    start = x, a, w, objective
    runs["here"] = partial(solve, *start, counts["here"], 0.0)
    runs["plain updates"] = partial(
        solve, *start, counts["plain updates"], 0.0, extrapolation=False
    )
    spent = {label: [] for label in runs} | ({"earlier build": []} if earlier else {})
    for _ in range(rounds):
        for label, run in runs.items():
            spent[label].append(clock(run))
        if earlier:
            spent["earlier build"].append(earlier.run(counts["plain updates"], n_threads))
    # Wall and processor.
    spent = {label: np.array(one)[:, int(n_threads == 1)] for label, one in spent.items()}
    best = np.min([one for label, one in spent.items() if label.startswith("scikit")], axis=0)
    others = {"scikit-learn": best} | {k: v for k, v in spent.items() if k in BESIDE}
    return {
        "seconds": {label: one.round(3).tolist() for label, one in spent.items()},
        "times faster": {
            k: round(float(np.median(v / spent["here"])), 2) for k, v in others.items()
        },
    }


def measure(name, kind, rounds, before, all_cores):
    """Count, then time."""
    made = problem(*CASES[name], kind)
    x, a, w, guide = made
    objective = make_objective(x, None, len(w), len(w) // 2, 1.0)
    below = divergence(x, *sklearn(x, a, w, "frequencies", 1))
    counts = iterations(x, a, w, guide, below)
    result = {"iterations": counts, "cost": below}
    earlier = before and Before(before, name, kind)
    n_cores = numba.config.NUMBA_NUM_THREADS
    arguments = made, objective, counts, rounds
    result["one core, time of the processor"] = timed(*arguments, 1, earlier)
    if all_cores:
        result[f"{n_cores} cores, wall time"] = timed(*arguments, n_cores, earlier)
    if earlier:
        earlier.close()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--before", type=Path, help="checkout of an earlier build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=CASES, nargs="*")
    parser.add_argument("--kind", choices=("parts", "noise"), nargs="*")
    parser.add_argument("--all-cores", action="store_true")
    options = parser.parse_args()
    result = {"versions": versions()}
    for name in options.only or CASES:
        for kind in options.kind or ("parts", "noise"):
            load = os.getloadavg()[0]
            found = measure(name, kind, options.rounds, options.before, options.all_cores)
            result[f"{name}, {kind}"] = {"load before": load} | found
            print(name, kind, json.dumps(found, indent=2), flush=True)
            if options.out:
                options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
