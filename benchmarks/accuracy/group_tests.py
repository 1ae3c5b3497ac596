"""Rates of false alarms, power and coverage of tests over subjects, beside those that pool windows.

Windows of a trial are right or wrong together, and people differ: each subject has a skill, each
trial a shift, each window noise, in units of the noise. Without an effect, a test should fire in
5 % of the data sets; signs of 6 subjects allow 3.1 % and not 6.2 %.

    python benchmarks/accuracy/group_tests.py [--sets 4000]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import binom, norm, rankdata, t

from cocktailparty.files import replacing
from cocktailparty.statistics import ALPHA, sign_flip_test
from cocktailparty.versions import versions

RESULTS = Path(__file__).parents[1] / "results" / "group_tests.json"
SUBJECTS = (6, 13, 16, 85)
# An hour of each subject, in windows of five seconds.
N_TRIALS, N_WINDOWS = 12, 60
SKILL_SD, TRIAL_SD = 0.15, 0.4


def accuracies(rng, n_subjects, effect, n_sets):
    """Simulate accuracies (n_subjects, n_sets); the effect is the mean skill in SD of the noise."""
    skill = rng.normal(effect, SKILL_SD, (n_subjects, 1, n_sets))
    shift = rng.normal(0, TRIAL_SD, (n_subjects, N_TRIALS, n_sets))
    right = rng.binomial(N_WINDOWS, norm.cdf(skill + shift))
    return right.sum(axis=1) / (N_TRIALS * N_WINDOWS)


def expected(effect):
    """Accuracy of the population."""
    return float(norm.cdf(effect / np.sqrt(1 + SKILL_SD**2 + TRIAL_SD**2)))


def rates(rng, n_subjects, effect, n_sets):
    """Share of the data sets in which each test fires, and each interval covers the truth."""
    accuracy = accuracies(rng, n_subjects, effect, n_sets)
    truth, difference = expected(effect), accuracy - 0.5
    ranks = np.sign(difference) * rankdata(np.abs(difference), axis=0)
    mean, n_windows = accuracy.mean(axis=0), n_subjects * N_TRIALS * N_WINDOWS
    half = t.ppf(1 - ALPHA / 2, n_subjects - 1) * accuracy.std(axis=0, ddof=1) / n_subjects**0.5
    pooled_half = norm.ppf(1 - ALPHA / 2) * np.sqrt(mean * (1 - mean) / n_windows)
    right = np.round(mean * n_windows)
    tails = np.minimum(binom.cdf(right, n_windows, 0.5), binom.sf(right - 1, n_windows, 0.5))
    fired = {
        "sign flips": sign_flip_test(difference) <= ALPHA,
        "signed ranks": sign_flip_test(ranks) <= ALPHA,
        "t": np.abs(mean - 0.5) >= half,
        "binomial, windows pooled": 2 * tails <= ALPHA,
    }
    covers = {
        "t over subjects": np.abs(mean - truth) <= half,
        "windows pooled": np.abs(mean - truth) <= pooled_half,
    }
    return {
        "subjects": n_subjects,
        "accuracy": round(truth, 4),
        "fires": {name: round(float(x.mean()), 4) for name, x in fired.items()},
        "covers": {name: round(float(x.mean()), 4) for name, x in covers.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=4000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = [
        rates(rng, n, effect, options.sets) for effect in (0.0, 0.05, 0.1, 0.15) for n in SUBJECTS
    ]
    for row in rows:
        print(json.dumps(row))
    settings = {
        "sets": options.sets, "trials": N_TRIALS, "windows": N_WINDOWS, "skill_sd": SKILL_SD,
        "trial_sd": TRIAL_SD, "versions": versions(),
    }  # fmt: skip
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"settings": settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
