"""Separate what a simulated listener attends to, from EEG alone, in mixtures of growing length.

Loops are repeated with random shifts, and a listener attends to one stem of such a piece. Each
stem drives the EEG by its envelope through a known response, unattended ones less; the noise is
that of `cocktailparty.datasets.simulate_eeg`. A backward model is trained on the same listener's
EEG to the two other pieces, so that it has heard nothing of what is separated. Short mixtures are
the first seconds of the long ones. SDR of BSS Eval version 3 in decibels; the choice is right if,
of all stems, the SDR of the attended one rises most. An output that does not depend on the EEG is
right once for each piece: this is chance. Finished cases are kept in a file beside the result, so
that a run can be resumed.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/neuro_steered.py SHARED/data/separation [--out FILE]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import separation_baselines as base
from tqdm import tqdm

from cnmf import NeuroSteeredSeparator
from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope
from cocktailparty.metrics import bss_eval
from cocktailparty.preprocessing import bandpass
from cocktailparty.versions import versions
from linear_aad import BackwardTRF

SFREQ, BAND, N_CHANNELS = 64, (1.0, 9.0), 32
LENGTHS = (10, 30, 60, 120, 300)
TRAINING = 120  # seconds of each stem of the other pieces


def heard(folder, name, duration, seed):
    """Return the stems of a piece, and the envelopes that the brain follows."""
    stems = base.retiled(base.load_stems(folder, name), duration, seed)
    envelopes = np.array([speech_envelope(stem, base.RATE, SFREQ)[:, 0] for stem in stems])
    return stems, envelopes[:, : duration * SFREQ]


def listen(envelopes, attended, trf, snr, seed, audio=None):
    """Return a trial of a listener who attends to one stem."""
    scaled = envelopes / envelopes.std(axis=1, keepdims=True)
    eeg = simulate_eeg(scaled, attended, SFREQ, trf, snr=snr, random_state=seed)
    stimuli = [bandpass(envelope[:, None], SFREQ, *BAND) for envelope in envelopes]
    return Trial(
        bandpass(eeg, SFREQ, *BAND),
        stimuli,
        SFREQ,
        attended=attended,
        audio=audio,
        audio_sfreq=None if audio is None else base.RATE,
    )


def trained(folder, left_out, trf, snr, seed):
    trials = []
    for piece, name in enumerate(base.LOOPS):
        if name != left_out:
            _, envelopes = heard(folder, name, TRAINING, [seed, piece, 1])
            trials += [
                listen(envelopes, k, trf, snr, [seed, piece, k, 1]) for k in range(len(envelopes))
            ]
    regressor = BackwardTRF(0.0, 0.4, SFREQ, alpha=1e-2, alpha_convention="relative")
    return NeuroSteeredSeparator(regressor, random_state=seed).fit(trials)


def sdr(stems, sound):
    """Return the SDR of a sound as an estimate of each stem."""
    return np.array(
        [bss_eval(stem[None, : len(sound)], sound[None].astype(float))[0][0] for stem in stems]
    )


def solve(folder, name, seed, snr):
    """Return a row for each attended stem and length of one piece."""
    piece = base.LOOPS.index(name)
    trf = simulate_trf(N_CHANNELS, SFREQ, random_state=seed)
    separator = trained(folder, name, trf, snr, seed)
    stems, envelopes = heard(folder, name, max(LENGTHS), [seed, piece, 0])
    mixture = stems.sum(axis=0).astype(np.float32)
    befores = [sdr(stems, mixture[: length * base.RATE]) for length in LENGTHS]
    for attended in range(len(stems)):
        whole = listen(envelopes, attended, trf, snr, [seed, piece, attended, 0], mixture)
        for length, before in zip(LENGTHS, befores, strict=True):
            n_times, n_samples = length * SFREQ, length * base.RATE
            trial = Trial(
                whole.eeg[:n_times], None, SFREQ, audio=mixture[:n_samples], audio_sfreq=base.RATE
            )
            after = sdr(stems, separator.separate(trial)[0])
            guide = separator.reconstruct(trial)[:, 0]
            r = [np.corrcoef(guide, s[:n_times, 0])[0, 1] for s in whole.stimuli]
            attention = separator.attention_
            yield {
                "piece": name,
                "attended": attended,
                "seed": seed,
                "length": length,
                "gain": (after - before)[attended],
                "mixture": before[attended],
                "right": bool(np.argmax(after - before) == attended),
                "n_stems": len(stems),
                "r_attended": r[attended],
                "r_unattended": np.mean(np.delete(r, attended)),
                "confidence": attention.confidence,
            }


def summary(rows):
    found = {}
    for length in LENGTHS:
        some = [row for row in rows if row["length"] == length]
        if not some:
            continue
        seeds = sorted({row["seed"] for row in some})
        gains = np.array([row["gain"] for row in some])
        found[str(length)] = {
            "gain": float(gains.mean()),
            "gain of each seed": [
                float(np.mean([row["gain"] for row in some if row["seed"] == s])) for s in seeds
            ],
            "standard deviation over cases": float(gains.std(ddof=1)),
            "quartiles": np.quantile(gains, [0.25, 0.5, 0.75]).tolist(),
            "worst": float(gains.min()),
            "share below the mixture by 0.5 dB": float(np.mean(gains < -0.5)),
            "right": float(np.mean([row["right"] for row in some])),
            "right of each seed": [
                float(np.mean([row["right"] for row in some if row["seed"] == s])) for s in seeds
            ],
            "chance": float(np.mean([1 / row["n_stems"] for row in some])),
            "confidence": float(np.mean([row["confidence"] for row in some])),
            "r_attended": float(np.mean([row["r_attended"] for row in some])),
            "r_unattended": float(np.mean([row["r_unattended"] for row in some])),
            "n": len(some),
        }
    return found


def figure(found, path):
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(10, 4), layout="constrained")
    left, right = canvas.subplots(1, 2)
    lengths = [float(length) for length in found]
    values = list(found.values())
    left.fill_between(lengths, *np.array([v["quartiles"] for v in values])[:, [0, 2]].T, alpha=0.2)
    left.plot(lengths, [v["gain"] for v in values], "o-", label="mean; shaded: quartiles")
    left.plot(lengths, [v["worst"] for v in values], ":", color="0.4", label="worst case")
    left.axhline(0, color="0.5", linewidth=1)
    left.set(xscale="log", xlabel="length of the mixture (s)", ylabel="SDR over the mixture (dB)")
    left.legend()
    seeds = np.array([v["right of each seed"] for v in values])
    right.fill_between(lengths, seeds.min(axis=1), seeds.max(axis=1), alpha=0.2)
    right.plot(lengths, [v["right"] for v in values], "o-", label="right choice; shaded: listeners")
    right.plot(lengths, [v["confidence"] for v in values], "s--", label="confidence")
    right.plot(lengths, [v["chance"] for v in values], color="0.5", linewidth=1, label="chance")
    right.set(xscale="log", xlabel="length of the mixture (s)", ylabel="share", ylim=(0, 1.02))
    right.legend()
    for axes in (left, right):
        axes.set_xticks(lengths, [f"{length:g}" for length in lengths])
    r = values[-1]
    canvas.suptitle(
        f"EEG of simulated listeners: r = {r['r_attended']:.2f} with the attended stem, "
        f"{r['r_unattended']:.2f} with the others"
    )
    canvas.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the stems")
    parser.add_argument("--out", type=Path, default=Path("neuro_steered.json"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="listeners")
    parser.add_argument("--snr", type=float, default=-30.0, help="of the EEG, in decibels")
    options = parser.parse_args()
    kept = options.out.with_suffix(".jsonl")
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    finished = {(row["piece"], row["seed"]) for row in rows}
    left = [(n, s) for s in options.seeds for n in base.LOOPS if (n, s) not in finished]
    for name, seed in tqdm(left):
        new = list(solve(options.folder, name, seed, options.snr))
        new = json.loads(json.dumps(new, default=float))
        rows += new
        with kept.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in new)
    found = summary(rows)
    result = {"versions": versions(), "snr": options.snr, "lengths": found}
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    figure(found, options.out.with_suffix(".png"))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
