"""Time one BLAS thread against all where another program keeps a core busy.

Cholesky factors, eigendecompositions and products of several sizes, and a comparison of decoders
with and without `cocktailparty.blas.one_blas_thread`. Each is timed on one and on all threads in
turn, with the cores as they are ("free"; the load average is in the result) and with one more
process that computes without end ("busy"). From the sizes follows `cocktailparty.blas.WIDE_FROM`.

    python benchmarks/speed/blas_threads.py [--out results.json] [--seconds 3]
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import numpy as np
import scipy.linalg
from threadpoolctl import ThreadpoolController

from cocktailparty import blas, datasets
from cocktailparty.evaluation import compare
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, BackwardTRF

SIZES = {"cholesky": (128, 416, 832, 1664, 4096), "eigh": (128, 416), "product": (128, 416, 832)}
OPERATIONS = {
    "cholesky": lambda a: scipy.linalg.cho_factor(a, check_finite=False),
    "eigh": lambda a: scipy.linalg.eigh(a, check_finite=False, driver="evd"),
    "product": lambda a: a @ a,
}


def spin():
    while True:
        pass


@contextmanager
def busy():
    process = multiprocessing.get_context("spawn").Process(target=spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(functions, seconds, least=2):
    """Call each function in turn until the time is over; medians, spreads and their ratio."""
    times = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["all"]) < least:
        for name, function in functions.items():
            times[name].append(timed(function))
    found = {
        name: {"median_s": statistics.median(t), "spread_s": [min(t), max(t)], "runs": len(t)}
        for name, t in times.items()
    }
    return {**found, "ratio": found["all"]["median_s"] / found["one"]["median_s"]}


def operations(seconds, libraries, n_threads):
    def limited(function, number):
        def run():
            with libraries.limit(limits=number):
                function()

        return run

    found = {}
    for name, sizes in SIZES.items():
        for n in sizes:
            a = np.cov(np.random.default_rng(0).normal(size=(n, 64))) + np.eye(n)
            own = lambda name=name, a=a: OPERATIONS[name](a)  # noqa: E731
            functions = {"one": limited(own, 1), "all": limited(own, n_threads)}
            found[f"{name} {n}"] = in_turn(functions, seconds)
    return found


def comparison(seconds, libraries, n_threads):
    """Compare as users do, and with threads left to BLAS."""
    trials = datasets.simulate_two_talkers(n_trials=4, n_channels=16, random_state=0).trials
    ridge = AttentionDecoder(BackwardTRF(alpha=[1e-4, 1e-2, 1.0], alpha_convention="relative"))

    def run():
        with libraries.limit(limits=n_threads):
            compare({"ridge": ridge}, trials, cv="trial", windows=[5])

    def unlimited():
        none = mock.Mock(counted=lambda *_: nullcontext())
        with mock.patch.object(blas, "_THREADS", none):
            run()

    run()  # compile
    return in_turn({"one": run, "all": unlimited}, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case")
    options = parser.parse_args()
    libraries = ThreadpoolController().select(user_api="blas")
    n_threads = min(library.num_threads for library in libraries.lib_controllers)
    if n_threads < 2:
        sys.exit("BLAS has one thread here: unset OMP_NUM_THREADS, or take two cores")
    result = {"versions": versions(), "threads": n_threads}
    for name, surroundings in (("free", nullcontext), ("busy", busy)):
        with surroundings():
            result[name] = {
                "load average at the start": os.getloadavg()[0],
                "operations": operations(options.seconds, libraries, n_threads),
                "comparison": comparison(options.seconds, libraries, n_threads),
            }
        print(name, json.dumps(result[name], indent=2), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
