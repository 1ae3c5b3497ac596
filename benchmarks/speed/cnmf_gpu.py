"""Time an iteration of contrastive NMF on a GPU, one mixture and batches of 64, against its floor.

Kullback-Leibler, float32, with contrast. Time per iteration is the difference between two numbers
of iterations, divided by theirs; all programs take turns. The floor is the longer of two times: of
8 F N K flops at the rate of a large square product on the same GPU, and of ten transfers of a
spectrogram (in each half-step the model is written, both are read, the quotient is written and
read) at the rate of a large copy on it. scikit-learn's multiplicative updates run on the CPU of the
same machine, one mixture after the other. ``--device cpu`` runs the same script without a GPU.

    python benchmarks/speed/cnmf_gpu.py [--out results.json] [--device cpu]
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from cnmf_speed import CASES, problem, quartiles
from sklearn.decomposition import non_negative_factorization

from cnmf.initial import make_objective
from cnmf.solver import solve
from cocktailparty.backend import gpu_available, to_device
from cocktailparty.versions import versions

# The readable reference serves the benchmarks of accuracy, too.
sys.path.append(str(Path(__file__).parents[1] / "accuracy"))

SETUP = 2
BATCHES = {"512 x 3000, K 8": (1, 64), "1025 x 3000, K 32": (1, 64), "1025 x 30000, K 32": (1,)}


def synchronise(device):
    if device == "cuda":
        import cupy

        cupy.cuda.get_current_stream().synchronize()


def seconds(run, device):
    """Return the time of a call, the GPU's work included."""
    synchronise(device)
    start = time.perf_counter()
    run()
    synchronise(device)
    return time.perf_counter() - start


def rates(device, n=4096):
    """Return flops a second of a square product and bytes a second of a copy; best of ten."""
    a = to_device(np.ones((n, n), np.float32), device)
    product = min(seconds(lambda: a @ a, device) for _ in range(10))
    copy = min(seconds(a.copy, device) for _ in range(10))
    return 2 * n**3 / product, 2 * a.nbytes / copy


def sklearn_run(x, a, w):
    def run(n):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged, nor meant to
            non_negative_factorization(
                x, a.copy(), w.copy(), n_components=len(w), init="custom", solver="mu",
                beta_loss="kullback-leibler", tol=0, max_iter=n,
            )  # fmt: skip

    return run


def measure(name, n_mixtures, device, repeats, n_iter):
    n_freqs, n_frames, k = CASES[name]
    x, a, w, guide = problem(n_freqs, n_frames, k)
    batch = [np.repeat(part[None], n_mixtures, axis=0) for part in (x, a, w, guide)]
    x_, a_, w_, guide_ = (to_device(part, device) for part in batch)
    objective = make_objective(x_, guide_, k, k // 2, 1.0, "paired", 0.1)
    peer = sklearn_run(x, a, w)
    programs = {
        "here": (lambda n: solve(x_, a_, w_, objective, n, 0.0), device, n_iter),
        "sklearn": (peer, "cpu", max(n_iter // 10, 5)),
    }
    found = {p: [] for p in programs}
    for i in range(repeats + 1):
        for p, (run, where, n) in programs.items():
            short = seconds(lambda run=run: run(SETUP), where)
            long = seconds(lambda run=run, n=n: run(SETUP + n), where)
            if i > 0:  # the first compiles and warms up
                found[p].append((long - short) / n)
    ours, theirs = (np.array(found[p]) for p in ("here", "sklearn"))
    theirs = theirs * n_mixtures
    flops, bytes_ = rates(device)
    work, moved = 8 * n_freqs * n_frames * k * n_mixtures, 10 * x.nbytes * n_mixtures
    floor = max(work / flops, moved / bytes_)
    return {
        "ms": quartiles(1e3 * ours),
        "ms, scikit-learn on the CPU": quartiles(1e3 * theirs),
        "times faster": quartiles(theirs / ours),
        "ms, floor": round(1e3 * floor, 4),
        "floor by": "flops" if work / flops > moved / bytes_ else "bytes",
        "share of the floor": round(floor / float(np.median(ours)), 3),
        "GF/s": round(flops / 1e9, 1),
        "GB/s": round(bytes_ / 1e9, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--only", choices=CASES, nargs="*")
    options = parser.parse_args()
    if options.device == "cuda" and not gpu_available():
        raise SystemExit("no CUDA GPU that CuPy can use: nothing measured (--device cpu for a CPU)")
    result = {"versions": versions(), "device": options.device}
    if options.device == "cuda":
        import cupy

        result["device"] = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    for name in options.only or CASES:
        for n_mixtures in BATCHES[name]:
            found = measure(name, n_mixtures, options.device, options.repeats, options.iterations)
            result[f"{name}, {n_mixtures} at once"] = found
            print(f"{name}, {n_mixtures} at once", json.dumps(found, indent=2), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
