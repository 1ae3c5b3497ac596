"""Separate real stems with guides of every quality, and compare with simple systems.

Short mixtures: 14 targets of about 7 s, the guide being activations of the isolated target with
noise ("rho" is their correlation). Long mixtures: 10 loops, repeated with random shifts, the guide
being the target's envelope at 64 Hz, or 31.25 Hz, at correlation 0.1 with noise of the same
spectrum. SDR of BSS Eval version 3 in decibels. The mixtures, starts and noise of a seed are the
same for all methods. Constants of the steered separator were set on the same stems, with seeds 100
to 103. Finished cases are kept in a file beside the result, so that a run can be resumed.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/cnmf_separation.py SHARED/data/separation [--out FILE]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import separation_baselines as base
from joblib import Parallel, delayed
from reference_cnmf import reference_cnmf
from tqdm import tqdm

from cnmf import ContrastiveNMF
from cnmf.steering import NeuroSteeredSeparator
from cocktailparty.features import stft
from cocktailparty.metrics.separation import bss_eval
from cocktailparty.separation import separate_waveform
from cocktailparty.versions import versions

SHORT_RHO = (1.0, 0.5, 0.3, 0.1, 0.05)
WEIGHTS = (0.03, 0.1, 0.3)


def sdr(target, mixture, estimates):
    """Return the SDR of several estimates of one target."""
    both = np.zeros((len(estimates), 2, len(target)))
    both[:, 0] = estimates
    return bss_eval(np.array([target, mixture - target]), both)[0][:, 0]


def contrastive(mixture, guides, seed, **options):
    nmf = ContrastiveNMF(16, 8, max_iter=100, tol=0, random_state=seed, **options)
    X = np.abs(stft(mixture, base.N_FFT, base.HOP))
    activations = nmf.fit(X, guides).activations_
    weights = np.repeat([1.0, 0.0], 8)
    return separate_waveform(mixture, activations, nmf.components_, weights, base.N_FFT, base.HOP)[
        0
    ]


def reference(mixture, guides, seed, weight, init):
    """Run the published rule, with the weight brought to the size of the spectrogram."""
    X = np.abs(stft(mixture, base.N_FFT, base.HOP))
    rng = np.random.default_rng(seed)
    start = None
    if init == "guide":
        rest = rng.random((len(X), 8)) * guides.mean()
        start = np.concatenate([guides, rest], axis=1) + 1e-3 * guides.mean()
    delta = weight * X.sum() / 8
    activations, components, _ = reference_cnmf(
        X, guides, 16, 8, mu=0, beta=0, delta=delta, n_iter=100, H0=start, seed=seed
    )
    weights = np.repeat([1.0, 0.0], 8)
    return separate_waveform(mixture, activations, components, weights, base.N_FFT, base.HOP)[0]


def short_case(folder, name, index, seed):
    stems = base.load_stems(folder, name)
    target, mixture = stems[index], stems.sum(axis=0)
    fixed = sdr(target, mixture, [mixture, base.ideal_ratio_mask(mixture, target)])
    found = {}
    for rho in SHORT_RHO:
        guides = base.oracle_activations(target, rho, seed)
        separator = NeuroSteeredSeparator(random_state=seed)
        methods = {
            "blind + correlation": base.blind_and_correlation(mixture, guides, seed),
            "paired": contrastive(mixture, guides, seed),
            "paired, blind start": contrastive(
                mixture, guides, seed, init="blind", contrast_weight=0.3
            ),
            "all-pairs": contrastive(mixture, guides, seed, contrast="all-pairs", init="random"),
            "steered": separator.separate_by_guide(
                mixture, base.RATE, guides, base.RATE / base.HOP
            )[0],
        }
        for weight in WEIGHTS if rho >= 0.5 else ():  # the rule helps with good guides only
            for init in ("random", "guide"):
                methods[f"reference, {init}, {weight}"] = reference(
                    mixture, guides, seed, weight, init
                )
        values = sdr(target, mixture, list(methods.values()))
        found[str(rho)] = {
            "mixture": fixed[0],
            "ideal ratio mask": fixed[1],
            **dict(zip(methods, values, strict=True)),
        }
    return found


def long_case(folder, name, index, seed, duration, frame_rate, rho=0.1):
    """Steer by an envelope. A duration of 0 stands for the stems as they are."""
    stems = base.load_stems(folder, name)
    piece = list(base.STEMS).index(name)
    if duration:
        stems = base.retiled(stems, duration, [seed, piece, duration])
    target, mixture = stems[index], stems.sum(axis=0)
    hop = round(base.RATE / frame_rate)
    guide = base.noisy_envelope(base.envelope(target, hop), rho, [seed, piece, index, duration])
    guide = guide[: -(-len(mixture) // hop)]
    separator = NeuroSteeredSeparator(random_state=seed)
    audio = mixture.astype(np.float32)
    steered = separator.separate_by_guide(audio, base.RATE, guide, frame_rate)[0]
    activations, components = separator.activations_, separator.components_
    score = base.shift_z_score(guide, activations[: len(guide)].astype(float))
    weights = np.maximum(np.clip((score - 0.5) / 3, 0, 1), 1e-6)
    sketch = separate_waveform(
        audio, activations, components, weights.astype(np.float32), base.N_FFT, hop
    )[0]
    values = sdr(target, mixture, [mixture, steered, sketch])
    attention = separator.attention_
    return {
        **dict(zip(("mixture", "steered", "sketch"), values, strict=True)),
        "confidence": attention.confidence,
        "p_value": attention.p_value,
    }


def cases(seeds, parts, rates):
    targets = [(name, i) for name, stems in base.STEMS.items() for i in range(len(stems))]
    for seed in seeds:
        for name, i in targets:
            if "short" in parts:
                yield ("short", name, i, seed)
            for part in parts:
                if part.isdigit() and (part == "0" or name in base.LOOPS):
                    yield from (("long", name, i, seed, int(part), r) for r in rates)


def solve(folder, case):
    kind, *arguments = case
    found = (short_case if kind == "short" else long_case)(folder, *arguments)
    return json.loads(json.dumps(found, default=float))


def spread(values):
    """Return mean over targets and seeds, each seed's mean, and the worst."""
    by_seed = {}
    for seed, value in values:
        by_seed.setdefault(seed, []).append(value)
    means = [float(np.mean(v)) for v in by_seed.values()]
    return {
        "mean": float(np.mean(means)),
        "of each seed": means,
        "worst": float(min(value for _, value in values)),
        "n_targets": len(values) // len(by_seed),
    }


def summary(done):
    found = {"short": {}, "long": {}}
    for rho in map(str, SHORT_RHO):
        rows = [(case[3], result[rho]) for case, result in done if case[0] == "short"]
        for method in rows[0][1] if rows else ():
            values = [(seed, row[method]) for seed, row in rows]
            found["short"].setdefault(rho, {})[method] = spread(values)
    for duration, rate in sorted({(c[4], c[5]) for c, _ in done if c[0] == "long"}):
        rows = [(c[3], r) for c, r in done if c[0] == "long" and (c[4], c[5]) == (duration, rate)]
        label = f"{duration or 7} s, guide at {rate:g} Hz"
        found["long"][label] = {
            method: spread([(seed, row[method] - row["mixture"]) for seed, row in rows])
            for method in ("steered", "sketch")
        }
        lost = [row["steered"] - row["mixture"] < -0.5 for _, row in rows]
        found["long"][label]["steered"]["share below the mixture by 0.5 dB"] = float(np.mean(lost))
    return found


def figure(found, path):
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(10, 4), layout="constrained")
    left, right = canvas.subplots(1, 2)
    if found["short"]:
        rhos = [float(rho) for rho in found["short"]]
        for method in ("mixture", "blind + correlation", "all-pairs", "paired", "steered"):
            curve = [found["short"][rho][method]["mean"] for rho in found["short"]]
            left.plot(rhos, curve, "o-", label=method)
        good = [rho for rho in found["short"] if float(rho) >= 0.5]
        best = [
            max(v["mean"] for m, v in found["short"][rho].items() if m.startswith("reference"))
            for rho in good
        ]
        left.plot([float(rho) for rho in good], best, "o--", label="published rule, best weight")
        left.legend()
        left.set(xscale="log")
    left.set(xlabel="correlation of the guide", ylabel="SDR (dB)", title="7 s")
    for method in ("steered", "sketch"):
        lengths = [label for label in found["long"] if "64 Hz" in label]
        curves = [found["long"][label][method] for label in lengths]
        seconds = [float(label.split()[0]) for label in lengths]
        right.plot(seconds, [c["mean"] for c in curves], "o-", label=method)
        seeds = [c["of each seed"] for c in curves]
        low, high = [min(s) for s in seeds], [max(s) for s in seeds]
        right.fill_between(seconds, low, high, alpha=0.2)
    right.axhline(0, color="0.5", linewidth=1)
    if found["long"]:
        right.set(xscale="log")
    right.set(xlabel="length of the mixture (s)", ylabel="gain over the mixture (dB)")
    right.set_title("guide of correlation 0.1; shaded: seeds")
    if found["long"]:
        right.legend()
    canvas.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the stems")
    parser.add_argument("--out", type=Path, default=Path("cnmf_separation.json"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--parts", nargs="+", default=["short", "0", "60", "120", "300"])
    parser.add_argument("--rates", type=float, nargs="+", default=[64.0, 31.25])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    kept = options.out.with_suffix(".jsonl")
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    finished = {json.dumps(case) for case, _ in done}
    left = [
        c
        for c in cases(options.seeds, options.parts, options.rates)
        if json.dumps(c) not in finished
    ]
    runs = Parallel(n_jobs=options.jobs, return_as="generator")(
        delayed(lambda case: (case, solve(options.folder, case)))(case) for case in left
    )
    with kept.open("a") as file:
        for case, result in tqdm(runs, total=len(left)):
            done.append([list(case), result])
            print(json.dumps(done[-1]), file=file, flush=True)
    found = summary(done)
    options.out.write_text(json.dumps({"versions": versions(), **found}, indent=2) + "\n")
    figure(found, options.out.with_suffix(".png"))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
