"""Count how often reports say "decides above chance" where attention makes no difference.

Each case draws data sets in which the EEG has nothing to do with which stimulus is called attended,
compares a ridge decoder in the usual windows, and counts verdicts; nominal is 5 %. "power" is the
same with a listener who attends. Finished data sets are counted in the file as they come.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/verdict.py [SHARED/data] [--sets 400] [--cases noise,gains]
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from sklearn.model_selection import RepeatedKFold

from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf, simulate_two_talkers
from cocktailparty.datasets.corpora import dtu_single_talker as dtu
from cocktailparty.evaluation import SharedStimulusWarning, compare
from cocktailparty.files import replacing
from cocktailparty.preprocessing import preprocess
from cocktailparty.report.verdict import findings
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, BackwardTRF

WINDOWS = (5, 10, 15, 30)
RIDGE = AttentionDecoder(BackwardTRF(0, 0.25, 64, alpha=0.01, alpha_convention="relative"))


def simulated(
    seed, n_trials=8, duration=30, gain_sd=0.0, snr=-24.0, same=False, attends=False, subject="S1"
):
    """Return trials of a listener whose EEG follows both talkers, or none at -150 dB."""
    rng = np.random.default_rng(seed)
    sounds = simulate_two_talkers(
        n_trials=n_trials, duration=duration, n_channels=2, random_state=seed
    ).trials
    trf = simulate_trf(8, 64, random_state=rng)
    labels = (
        np.full(n_trials, rng.integers(2)) if same else rng.permutation(np.arange(n_trials) % 2)
    )
    trials = []
    for k, sound in enumerate(sounds):
        prefers = np.array([0.15, -0.15]) if same else 0.0
        gains = np.exp(rng.normal(scale=gain_sd, size=2) + prefers)
        label = int(labels[k])
        if attends:
            gains[1 - label] *= 0.5
        heard = sound.stimuli * gains[:, None, None]
        eeg = simulate_eeg(heard, 0, 64, trf, unattended_gain=1.0, snr=snr, random_state=rng)
        trials.append(
            Trial(eeg, sound.stimuli, 64, label, subject=subject, story=f"s{k}", name=f"t{k}")
        )
    return preprocess(trials, 64, 1, 9)


def overlapping(seed):
    """Return halves of trials that overlap by half, with noise for EEG."""
    return [
        trial.crop(start, start + 15).replace(name=f"{trial.name} from {start:g} s")
        for trial in simulated(seed, snr=-150.0)
        for start in (0, 7.5, 15)
    ]


def recorded(folder, seed):
    """Return EEG of two listeners to one talker each, beside two sounds that neither heard."""
    rng = np.random.default_rng(seed)
    own = dtu.load(folder / "eeg" / "dtu_single_talker")
    subjects = sorted({trial.subject for trial in own})
    trials = []
    for subject in rng.choice(subjects, 2, replace=False):
        for trial in (t for t in own if t.subject == subject):
            trials.append((trial, subject))
    sounds = simulate_two_talkers(
        n_trials=len(trials), duration=max(t.duration for t, _ in trials), n_channels=2,
        random_state=seed,
    ).trials  # fmt: skip
    labels = rng.permutation(np.arange(len(trials)) % 2)
    found = []
    for i, ((trial, subject), sound) in enumerate(zip(trials, sounds, strict=True)):
        [unrelated] = preprocess([sound], trial.sfreq, 1, 9)
        stimuli = unrelated.stimuli[:, : trial.n_times]
        found.append(
            Trial(trial.eeg, stimuli, trial.sfreq, int(labels[i]), subject=str(subject),
                  story=f"s{i}", name=f"t{i}")
        )  # fmt: skip
    return found


def single(seed, **options):
    """Return trials of one sound each, with noise for EEG."""
    return [
        trial.replace(stimuli=trial.stimuli[:1], attended=0)
        for trial in simulated(seed, snr=-150.0, **options)
    ]


CASES = {
    "noise": lambda seed, _: (simulated(seed, snr=-150.0), "trial"),
    "16 trials of noise": lambda seed, _: (simulated(seed, 16, snr=-150.0), "trial"),
    "follows both, gains sd 0.3": lambda seed, _: (simulated(seed, gain_sd=0.3), "trial"),
    "constant label": lambda seed, _: (simulated(seed, gain_sd=0.3, same=True), "trial"),
    "repeated splitter": lambda seed, _: (
        simulated(seed, snr=-150.0),
        RepeatedKFold(n_splits=4, n_repeats=5, random_state=0),
    ),
    "overlapping trials": lambda seed, _: (overlapping(seed), "story"),
    "stretches of trials": lambda seed, _: (simulated(seed, gain_sd=0.3), "time"),
    "match-mismatch, noise": lambda seed, _: (single(seed), "trial"),
    "match-mismatch, stretches": lambda seed, _: (single(seed, n_trials=4, duration=60), "time"),
    "recorded EEG, unrelated sounds": lambda seed, folder: (recorded(folder, seed), "trial"),
    "power: attends, snr -24 dB": lambda seed, _: (
        simulated(seed, gain_sd=0.3, attends=True), "trial",
    ),
}  # fmt: skip


def said(trials, cv):
    """Tell what a report says of one data set."""
    table = compare({"ridge": RIDGE}, trials, cv, WINDOWS, allow_shared_stimuli=True)
    statements = [statement for statement, _ in findings(table)]
    if any("decides above chance" in statement for statement in statements):
        return "above"
    return "withheld" if any("No verdict" in statement for statement in statements) else "not above"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="folder with eeg/dtu_single_talker")
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="seed, of cases that were not begun")
    parser.add_argument("--cases", default="", help="beginnings of their names; all by default")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "results/verdict.json"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore", SharedStimulusWarning)
    kept = json.loads(options.out.read_text()) if options.out.exists() else {}
    cases = kept.setdefault("cases", {})
    for name, draw in CASES.items():
        if not name.startswith(tuple(options.cases.split(","))):
            continue
        if name.startswith("recorded") and options.data is None:
            print(f"{name}: left out, no folder of recordings given")
            continue
        counts = cases.setdefault(name, {"above": 0, "not above": 0, "withheld": 0})
        counts = cases[name] = {key: counts[key] for key in ("above", "not above", "withheld")}
        for seed in range(options.first + sum(counts.values()), options.first + options.sets):
            counts[said(*draw(seed, options.data))] += 1
            if seed % 20 == 19 or seed == options.first + options.sets - 1:
                kept["versions"] = versions()
                with replacing(options.out) as temporary:
                    temporary.write_text(json.dumps(kept, indent=1) + "\n")
        last = options.first + options.sets - 1
        low, high = binomtest(counts["above"], sum(counts.values())).proportion_ci()
        cases[name] = {**counts, "seeds": [options.first, last],
                       "rate": counts["above"] / sum(counts.values()),
                       "interval": [low, high]}  # fmt: skip
        print(f"{name}: {counts}, {100 * low:.1f}-{100 * high:.1f} %", flush=True)
        with replacing(options.out) as temporary:
            temporary.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
