"""Time linear decoders against mTRFpy and MNE-Python on the same data in the same run.

The standard case: 60 trials of 60 s at 64 Hz, 64 channels, 26 lags, 10 penalties, exact
leave-one-trial-out. What it takes at least, in flops on one core at about 70 Gflop/s: products of
spectra 5 G (0.1 s), one eigendecomposition of 1664 unknowns 41 G (0.7 s), some six steps of
conjugate gradients for 600 systems 60 G (0.9 s): about 2 s. mTRFpy is timed on one penalty and
scaled by their number, which its cost is proportional to; --full times all of them.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/speed/linear.py [--out results.json]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from cocktailparty import datasets
from cocktailparty.versions import versions
from linear_aad import BackwardTRF, nested_leave_one_out, shift_test

SFREQ, LAGS = 64, 26
TMAX = (LAGS - 1) / SFREQ
ALPHAS = [10.0**k for k in range(-2, 8)]


def simulated(n_trials, n_channels=64):
    trials = datasets.simulate_two_talkers(
        n_trials=n_trials, n_channels=n_channels, random_state=0
    ).trials
    eeg = [(t.eeg - t.eeg.mean(axis=0)) / t.eeg.std(axis=0) for t in trials]
    return eeg, [t.stimuli[t.attended] for t in trials]


def resident():
    """Return the memory in use, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def timed(function):
    """Return result, seconds and peak memory above the start, in MB."""
    peak, before, done = [0.0], resident(), threading.Event()

    def watch():
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return result, seconds, peak[0]


def ours(eeg, envelopes, alphas):
    model = BackwardTRF(0, TMAX, SFREQ, alphas, alpha_convention="mtrfpy")
    return model.fit(eeg, envelopes)


def cross_validation(n_trials, repeats, full):
    from mtrf.model import TRF

    eeg, envelopes = simulated(n_trials)
    ours(eeg[:3], [e[:] for e in envelopes[:3]], ALPHAS)  # compile
    runs = [timed(lambda: ours(eeg, envelopes, ALPHAS)) for _ in range(repeats)]
    model, _, memory = runs[-1]
    tested = ALPHAS if full else ALPHAS[5:6]
    scores, seconds = [], 0.0
    for alpha in tested:
        # k=-1: leave one trial out
        score, took, their_memory = timed(
            lambda alpha=alpha: _mtrfpy_scores(TRF, eeg, envelopes, alpha)
        )
        scores.append(score)
        seconds += took
    seconds *= len(ALPHAS) / len(tested)
    own = [model.cv_scores_[ALPHAS.index(alpha)].mean() for alpha in tested]
    times = [run[1] for run in runs]
    return {
        "trials": n_trials,
        "ours_s": statistics.median(times),
        "ours_spread_s": [min(times), max(times)],
        "ours_peak_mb": memory,
        "mtrfpy_s": seconds,
        "mtrfpy_scaled_from": len(tested),
        "mtrfpy_peak_mb": their_memory,
        "ratio": seconds / statistics.median(times),
        "largest difference of r": float(np.max(np.abs(np.subtract(own, scores)))),
    }


def _mtrfpy_scores(TRF, eeg, envelopes, alpha):
    from mtrf.stats import crossval

    trf = TRF(direction=-1)
    return float(np.mean(crossval(trf, envelopes, eeg, SFREQ, 0, TMAX, alpha, k=-1, average=True)))


def one_fit(n_trials, repeats, dtype):
    import mne

    eeg, envelopes = simulated(n_trials)
    eeg, envelopes = ([x.astype(dtype) for x in part] for part in (eeg, envelopes))
    stacked = np.stack([x.astype(float) for x in eeg], axis=1)
    targets = np.stack([x.astype(float) for x in envelopes], axis=1)

    def theirs():
        estimator = mne.decoding.TimeDelayingRidge(
            -TMAX, 0, SFREQ, 1e3, fit_intercept=True, edge_correction=True, n_jobs=1
        )
        return estimator.fit(stacked, targets)

    mne.set_log_level("ERROR")
    times = {"ours": [], "mne": []}
    for _ in range(repeats):
        model, seconds, _ = timed(lambda: BackwardTRF(0, TMAX, SFREQ, 1e3).fit(eeg, envelopes))
        times["ours"].append(seconds)
        peer, seconds, _ = timed(theirs)
        times["mne"].append(seconds)
    weights = peer.coef_.reshape(64, LAGS)[:, ::-1]
    difference = np.linalg.norm(model.coef_[0] - weights) / np.linalg.norm(weights)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return {
        "trials": n_trials,
        "dtype": np.dtype(dtype).name,
        "ours_s": medians["ours"],
        "mne_s": medians["mne"],
        "spread_s": {name: [min(s), max(s)] for name, s in times.items()},
        "ratio": medians["mne"] / medians["ours"],
        "relative difference of weights": float(difference),
    }


def nested(n_trials):
    eeg, envelopes = simulated(n_trials)
    model = BackwardTRF(0, TMAX, SFREQ, ALPHAS, alpha_convention="mtrfpy")
    nested_leave_one_out(model, eeg[:3], envelopes[:3])  # compile
    result, seconds, memory = timed(lambda: nested_leave_one_out(model, eeg, envelopes))
    return {
        "trials": n_trials,
        "ours_s": seconds,
        "ours_peak_mb": memory,
        "mean r": float(result.scores.mean()),
    }


def null(n_trials, repeats):
    """Time 1000 circular shifts with new fits of five folds, and the fits beside them."""
    eeg, envelopes = simulated(n_trials)
    runs = {
        "fit, one penalty": lambda: BackwardTRF(0, TMAX, SFREQ, 1e3).fit(eeg, envelopes),
        "fit, choice of ten": lambda: BackwardTRF(0, TMAX, SFREQ, ALPHAS).fit(eeg, envelopes),
        "null, 1000 refits of five folds": lambda: shift_test(
            BackwardTRF(0, TMAX, SFREQ, 1e3), eeg, envelopes, n_shifts=1000, random_state=0
        ),
        "null, 1000 refits of two folds": lambda: shift_test(
            BackwardTRF(0, TMAX, SFREQ, 1e3),
            eeg,
            envelopes,
            n_shifts=1000,
            n_splits=2,
            random_state=0,
        ),
    }
    seconds = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            seconds[name].append(timed(run)[1])
    # The first round compiles.
    found = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    return {"trials": n_trials, **{f"{name}_s": value for name, value in found.items()}}


def memory(n_trials, n_channels, n_lags):
    """Measure the whole process on a large data set, input included."""
    rng = np.random.default_rng(0)
    eeg = [rng.normal(size=(60 * SFREQ, n_channels)) for _ in range(n_trials)]
    envelopes = [rng.normal(size=(60 * SFREQ, 1)) for _ in range(n_trials)]
    tmax = (n_lags - 1) / SFREQ
    found = {"trials": n_trials, "channels": n_channels, "lags": n_lags, "input_mb": resident()}
    for name, alpha in (("one penalty", 1e3), ("choice of three", [1e1, 1e3, 1e5])):
        model = BackwardTRF(0, tmax, SFREQ, alpha)
        _, seconds, peak = timed(lambda model=model: model.fit(eeg, envelopes))
        found |= {f"{name}_s": seconds, f"{name}_peak_mb": peak}
    return found


def scaling(counts):
    found = []
    eeg, envelopes = simulated(2, n_channels=16)
    BackwardTRF(0, TMAX, SFREQ, 1.0).fit(eeg, envelopes)  # compile
    for n_trials in counts:
        eeg, envelopes = simulated(n_trials, n_channels=16)
        _, seconds, _ = timed(lambda e=eeg, s=envelopes: BackwardTRF(0, TMAX, SFREQ, 1.0).fit(e, s))
        found.append(
            {"trials": n_trials, "ours_s": seconds, "per_trial_ms": 1e3 * seconds / n_trials}
        )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full", action="store_true")
    cases = ("cv12", "fit", "scaling", "null", "memory", "nested", "cv60")
    parser.add_argument("--only", choices=cases, nargs="*")
    options = parser.parse_args()
    wanted = options.only or cases
    result = {"versions": versions(), "threads": [p["num_threads"] for p in threadpool_info()]}
    for name in wanted:
        if len(wanted) > 1:  # in a process of its own, so that memory can be told apart
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "case.json"
                repeats = ["--repeats", str(options.repeats), *["--full"] * options.full]
                command = [sys.executable, __file__, "--only", name, "--out", out, *repeats]
                subprocess.run(command, check=True)
                result[name] = json.loads(out.read_text())[name]
            continue
        if name == "scaling":
            result[name] = scaling((10, 60, 600))
        elif name == "fit":
            result[name] = [one_fit(60, options.repeats, d) for d in (np.float64, np.float32)]
        elif name == "nested":
            result[name] = nested(60)
        elif name == "null":
            result[name] = null(60, options.repeats)
        elif name == "memory":
            result[name] = memory(300, 128, 30)
        else:
            result[name] = cross_validation(int(name[2:]), options.repeats, options.full)
        print(name, json.dumps(result[name], indent=2), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
