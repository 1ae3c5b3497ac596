"""Rates at which a true and a false predictor are found to contribute something of their own.

In each data set 8 listeners hear 4 trials. Their EEG follows one predictor; the other is correlated
with it (r = 0.8) and has no response. The false one should be found in at most 5 % of the sets.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/unique_contribution.py [--sets 200]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from cocktailparty import Trial
from cocktailparty.files import replacing
from cocktailparty.statistics import ALPHA
from cocktailparty.versions import versions
from linear_aad import ForwardTRF, contribution_tests, unique_contribution

RESULTS = Path(__file__).parents[1] / "results" / "unique_contribution.json"
SFREQ, N_TIMES, N_SUBJECTS, N_TRIALS, N_CHANNELS = 32, 640, 8, 4, 2
NOISE = 10.0  # standard deviation of the EEG's noise, that of the predictors being 1
MODEL = ForwardTRF(0, 6 / SFREQ, SFREQ, alpha=[1e-3, 1e-1, 1e1], alpha_convention="relative")
PREDICTORS = {"true": [0], "false": [1]}


def trials(rng):
    """Simulate the trials of all listeners."""
    found = []
    for s in range(N_SUBJECTS):
        response = rng.normal(size=(7, N_CHANNELS))
        for k in range(N_TRIALS):
            true = rng.normal(size=N_TIMES)
            false = 0.8 * true + 0.6 * rng.normal(size=N_TIMES)
            eeg = np.stack([np.convolve(true, r)[:N_TIMES] for r in response.T], axis=1)
            eeg += NOISE * rng.normal(size=eeg.shape)
            sounds = np.stack([true, false], axis=1)[None]
            name = f"{s}/{k}"
            found.append(Trial(eeg, sounds, SFREQ, 0, subject=f"S{s}", story=name, name=name))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=200)
    options = parser.parse_args()
    tests = []
    for seed in range(options.sets):
        table = unique_contribution(MODEL, trials(np.random.default_rng(seed)), PREDICTORS)
        tests.append(contribution_tests(table).set_index("predictor"))
        if seed % 20 == 19:
            print(
                seed + 1,
                *(sum(t.loc[n, "p"] <= ALPHA for t in tests) for n in PREDICTORS),
                flush=True,
            )
    found = {
        name: {
            "found": float(np.mean([test.loc[name, "p"] <= ALPHA for test in tests])),
            "mean effect": round(float(np.mean([t.loc[name, "effect"] for t in tests])), 5),
        }
        for name in PREDICTORS
    }
    print(json.dumps(found, indent=1))
    settings = {
        "sets": options.sets, "subjects": N_SUBJECTS, "trials": N_TRIALS, "noise": NOISE,
        "versions": versions(),
    }  # fmt: skip
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"settings": settings, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
