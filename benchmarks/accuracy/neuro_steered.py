"""Separate what a simulated listener attends to, from EEG alone, in mixtures of growing length.

Three kinds of mixtures (`separation_materials`). A listener attends to one stem of a piece. Each
stem drives the EEG by its envelope through a known response, unattended ones less; the noise is
that of `cocktailparty.datasets.simulate_eeg`. A backward model is trained on the same listener's
EEG to pieces of this kind that have no recording in common with what is separated. Short mixtures
are the first seconds of long ones. The EEG chooses among the true stems; among stems that hold all
others at -10 dB, as a network may give them; among components of the mixture, and groups of them.
With the true stems, it is also asked about the EEG of the same person to another piece ("another
listener").

Gains are in SDR of BSS Eval, version 3, over the mixture, in decibels; a gain of some 60 dB is the
stem itself. A choice of parts is right if it is the attended one; an output of components, if of
all stems it rises most in its likeness to the attended one. Solved cases are kept in a file beside
the result, so that a run can be resumed.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/neuro_steered.py SHARED/data [--out FILE]
"""

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
from cnmf_separation import SOME, choices, described, gains_of
from separation_materials import KINDS, PIECES, RATE, mixture, names_of, strangers
from separation_systems import (
    SFREQ,
    Factorised,
    judge_components,
    judge_parts,
    leaky,
    resumed,
    sdr,
)

from cnmf import NeuroSteeredSeparator
from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass
from cocktailparty.versions import versions
from linear_aad import BackwardTRF

BAND, N_CHANNELS = (1.0, 9.0), 32
LENGTHS = 10, 30, 60, 300
TRAINING, TRAINING_SEED = 120, 100  # seconds of each stem of the other pieces
LEAKY = "stems with -10 dB of the others"


@cache
def envelopes_of(data, kind, piece, seconds, seed):
    """Return what the brain follows: an envelope for each stem."""
    stems = mixture(data, kind, piece, seconds, seed)
    found = np.array([speech_envelope(stem, RATE, SFREQ)[: seconds * SFREQ, 0] for stem in stems])
    return found / found.std(axis=1, keepdims=True)


def listen(envelopes, attended, trf, snr, seed):
    """Return a trial of a listener who attends to one stem."""
    eeg = simulate_eeg(envelopes, attended, SFREQ, trf, snr=snr, random_state=seed)
    stimuli = [bandpass(envelope[:, None], SFREQ, *BAND) for envelope in envelopes]
    return Trial(bandpass(eeg, SFREQ, *BAND), stimuli, SFREQ, attended=attended)


def trained(data, kind, piece, trf, snr, seed):
    """Train the decoder of a listener on pieces of the same kind without these recordings."""
    trials = []
    for i, other in enumerate(strangers(kind, piece)):
        envelopes = envelopes_of(data, kind, other, TRAINING, TRAINING_SEED)
        trials += [listen(envelopes, k, trf, snr, [seed, i, k, 1]) for k in range(len(envelopes))]
    regressor = BackwardTRF(0.0, 0.4, SFREQ, alpha=1e-2, alpha_convention="relative")
    return NeuroSteeredSeparator(regressor).fit(trials)


def solve(data, snr, seed, kind, piece):
    """Return a row for each attended stem and length of one piece, heard by one listener."""
    trf = simulate_trf(N_CHANNELS, SFREQ, random_state=seed)
    separator = trained(data, kind, piece, trf, snr, seed)
    # Five minutes and components take long: one listener, and a piece of each kind.
    some = seed == 0 and piece == SOME[kind][0]
    lengths = LENGTHS if some else LENGTHS[:-1]
    stems = mixture(data, kind, piece, max(lengths), seed)
    envelopes = envelopes_of(data, kind, piece, max(lengths), seed)
    other = strangers(kind, piece)[0]
    elsewhere = envelopes_of(data, kind, other, TRAINING, TRAINING_SEED + 1)
    stranger = separator.reconstruct(listen(elsewhere, 0, trf, snr, [seed, 2]))[:, 0]
    number = PIECES[kind].index(piece)
    whole = [
        listen(envelopes, k, trf, snr, [seed, KINDS.index(kind), number, k])
        for k in range(len(stems))
    ]
    rows = []
    for length in lengths:
        heard, n_times = stems[:, : length * RATE], length * SFREQ
        system = Factorised(heard, seed) if some and length == 60 else None
        for attended, (name, trial) in enumerate(zip(names_of(kind, piece), whole, strict=True)):
            guide = separator.reconstruct(Trial(trial.eeg[:n_times], None, SFREQ))
            guide = guide[:, 0]
            row = {"stem": name, "length": length}
            row["r"] = [np.corrcoef(guide, s[:n_times, 0])[0, 1] for s in trial.stimuli]
            row["attended"] = attended
            row["mixture"] = {"sdr": sdr(heard[attended], [heard.sum(axis=0)])[0]}
            row["true stems"] = judge_parts(heard, attended, guide)
            if length == 60:
                row[LEAKY] = judge_parts(heard, attended, guide, leaky(heard))
            if system is not None:
                row |= judge_components(system, heard, attended, guide)
            rows.append(row)
        if length <= TRAINING:
            # What the others of this piece are asked about: somebody who heard another one.
            parts = judge_parts(heard, 0, stranger[:n_times])
            rows.append({"length": length, "another listener": parts})
    return rows


def summary(done):
    """Summarise by noise of the EEG, length and kind of mixture, and all kinds together."""
    found = {}
    for snr in sorted({case[0] for case, _ in done}, reverse=True):
        place = found[f"{snr:g} dB"] = {}
        for length in LENGTHS:
            for kind in (*KINDS, "all"):
                some = [
                    ([None, length, *case[1:]], [r for r in rows if r["length"] == length])
                    for case, rows in done
                    if case[0] == snr and kind in (case[2], "all")
                ]
                if some:
                    place.setdefault(f"{length} s", {})[kind] = summarised(some)
    return found


def summarised(some):
    rows = [row for _, rows in some for row in rows]
    strange = [row["another listener"]["confidence"] for row in rows if "another listener" in row]
    rows = [row for row in rows if "stem" in row]
    found = {
        "r with the attended stem": round(np.mean([r["r"][r["attended"]] for r in rows]), 3),
        "r with the others": round(
            np.mean([np.mean(np.delete(r["r"], r["attended"])) for r in rows]), 3
        ),
        "chance": round(np.mean([1 / len(r["r"]) for r in rows]), 3),
    }
    methods = (
        "true stems",
        LEAKY,
        "components",
        "groups",
        "groups by truth",
        "blind + correlation",
    )
    for method in methods:
        those = [(case, [row for row in rows if method in row]) for case, rows in some]
        here = [row[method] for _, rows in those for row in rows]
        if here:
            found[method] = described(gains_of(those, method))
            if "right" in here[0]:
                found[method] |= {"choices": choices(here)}
    if strange:
        above = round(float(np.mean(np.array(strange) > 0.5)), 4)
        found["another listener"] = {"confidence above 0.5": above, "n": len(strange)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the shared recordings")
    parser.add_argument("--out", type=Path, default=Path("neuro_steered.json"))
    parser.add_argument("--listeners", type=int, default=3)
    parser.add_argument("--snr", type=float, nargs="+", default=[-30.0], help="of the EEG, in dB")
    parser.add_argument("--only-kept", action="store_true", help="summarise what is solved")
    options = parser.parse_args()
    cases = [
        [snr, seed, kind, piece]
        for snr in options.snr
        for seed in range(options.listeners)
        for kind in KINDS
        for piece in PIECES[kind]
    ]
    kept = options.out.with_suffix(".jsonl")
    solver = None if options.only_kept else lambda *case: solve(str(options.data), *case)
    done = list(resumed(kept, cases, solver))
    found = {"versions": versions(), **summary(done)}
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
