"""What a guide of a given quality separates: components of a mixture, or parts that are known.

Three kinds of mixtures (`separation_materials`). Guides are the envelope of the attended stem at
64 Hz with noise of the same spectrum to a correlation of rho. Gains are in SDR of BSS Eval, version
3, over the mixture, in decibels; a gain of some 60 dB is the stem itself. Four parts:

- table: rho 0.1, 60 and 300 s. Components that the EEG chooses one by one ("components"), in groups
  ("groups") or in the groups that the truth would form; the share of them that correlates best;
  true stems, and stems with all others in them at -10 dB; beside, what best weights of the same
  components (oracle weights), those of one stem (oracle group) and a mask of true magnitudes give.
- curve: rho from 0.1 to 1, 10 s. `ContrastiveNMF`, whose guide is eight columns, the activations
  of the isolated stem with noise to the correlation rho, against blind factorisation and choice of
  the 4 or 8 of 16 components that follow these columns best.
- stems: true stems by rho 0.1 at 10, 30 and 60 s, many seeds: how often it loses, and is wrong.
- unrelated: guides that have nothing to do with the mixture, and how sure the choice is of them.

Constants of the steered separator were set on the loops, with seeds from 100; here seeds are below.
Solved cases are kept in a file beside the result, so that a run can be resumed.

    export OMP_NUM_THREADS=1
    python benchmarks/accuracy/cnmf_separation.py SHARED/data [--out FILE] [--parts table ...]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from separation_materials import KINDS, PIECES, loop_stems, mixture, names_of, strangers
from separation_systems import (
    HOP,
    N_COMPONENTS,
    N_FFT,
    SFREQ,
    Factorised,
    envelope,
    ideal_ratio_mask,
    judge_components,
    judge_parts,
    leaky,
    noisy,
    resumed,
    sdr,
    spread,
)

from cnmf import ContrastiveNMF
from cocktailparty.features import stft
from cocktailparty.separation import separate_waveform
from cocktailparty.versions import versions

RHO = 0.1
CURVE = 1.0, 0.85, 0.7, 0.5, 0.3, 0.1
PARTS = "table", "stems", "unrelated", "curve"
# Pieces of what takes long: 7 stems of loops, 7 of music, 5 talkers.
SOME = {
    "loops": PIECES["loops"][:2],
    "music": PIECES["music"][2:],
    "talkers": (PIECES["talkers"][0], PIECES["talkers"][3]),
}


def cases(parts):
    """List all cases: what, seconds of the mixture, seed, kind and piece."""
    planned = {
        "table": [(60, 0, PIECES), (60, 1, PIECES), (300, 0, PIECES)],
        "stems": [(length, seed, PIECES) for length in (10, 30, 60) for seed in (3, 4)],
        "unrelated": [(60, seed, PIECES) for seed in (6, 7, 8)],
        "curve": [(10, 2, SOME)],
    }
    return [
        [part, length, seed, kind, piece]
        for part in parts
        for length, seed, pieces in planned[part]
        for kind in KINDS
        for piece in pieces[kind]
    ]


def solve(data, what, length, seed, kind, piece):
    """Solve a case: a row for each stem or guide."""
    stems = mixture(data, kind, piece, length, seed)
    arguments = (data, kind, piece, length, seed, stems)
    return {"table": table, "curve": curve, "stems": known, "unrelated": unrelated}[what](
        *arguments
    )


def fixed(stems, target, system=None):
    """Measure what does not depend on a guide: the mixture, and ceilings."""
    mixed = stems.sum(axis=0)
    sounds = {"mixture": mixed, "ideal mask": ideal_ratio_mask(mixed, stems[target])}
    if system is not None:
        sounds |= {name: system.output(w) for name, w in system.oracles(target).items()}
    values = sdr(stems[target], list(sounds.values()))
    return {name: {"sdr": v} for name, v in zip(sounds, values, strict=True)}


def table(data, kind, piece, length, seed, stems):
    """Separate each stem of a piece by a guide of correlation 0.1."""
    system = Factorised(stems, seed)
    rows = []
    for target, name in enumerate(names_of(kind, piece)):
        guide = noisy(envelope(stems[target]), RHO, [seed, target, length])
        row = {"stem": name, **fixed(stems, target, system)}
        row |= judge_components(system, stems, target, guide)
        row["true stems"] = judge_parts(stems, target, guide)
        row["stems with -10 dB of the others"] = judge_parts(stems, target, guide, leaky(stems))
        rows.append(row)
    return rows


def activations_of(target, rho, seed, n_refs=8):
    """Return activations of the isolated target with noise to correlation rho, rectified."""
    nmf = ContrastiveNMF(
        n_refs, 1, contrast_weight=0, init="random", max_iter=100, random_state=seed
    )
    clean = nmf.fit_transform(np.abs(stft(target, N_FFT, HOP))) * nmf.components_.sum(axis=1)
    noise = np.random.default_rng(seed).normal(size=clean.shape)
    return np.maximum(clean + clean.std(axis=0) * np.sqrt(1 / rho**2 - 1) * noise, 0)


def contrastive(X, guides, seed):
    """Factorise with a guide; returns activations and components, the attended half first."""
    n_attended = guides.shape[1]
    nmf = ContrastiveNMF(N_COMPONENTS, n_attended, max_iter=100, random_state=seed)
    return nmf.fit_transform(X, guides), nmf.components_


def curve(data, kind, piece, length, seed, stems):
    """Separate each stem of a piece by guides of every quality."""
    system = Factorised(stems, seed)
    mixed = stems.sum(axis=0)
    X = np.abs(stft(mixed, N_FFT, HOP))
    rows = []
    for target, name in enumerate(names_of(kind, piece)):
        row = {"stem": name, **fixed(stems, target, system)}
        for rho in CURVE:
            guides = activations_of(stems[target], rho, seed)
            factors = contrastive(X, guides, seed)
            half = np.arange(N_COMPONENTS) < guides.shape[1]
            outputs = {
                "ContrastiveNMF": separate_waveform(mixed, *factors, half * 1.0, N_FFT, HOP)[0]
            }
            for n in (4, 8):
                chosen = system.best_correlated(guides, n)
                outputs[f"blind, {n} best correlated"] = system.output(chosen)
            values = sdr(stems[target], list(outputs.values()))
            row[str(rho)] = {m: {"sdr": v} for m, v in zip(outputs, values, strict=True)}
        rows.append(row)
    return rows


def known(data, kind, piece, length, seed, stems):
    """Choose among the true stems of a piece, each being attended with two noises."""
    rows = []
    for target, name in enumerate(names_of(kind, piece)):
        before = sdr(stems[target], [stems.sum(axis=0)])[0]
        for noise in range(2):
            guide = noisy(envelope(stems[target]), RHO, [seed, target, length, noise])
            row = {"stem": name, "mixture": {"sdr": before}}
            rows.append(row | {"true stems": judge_parts(stems, target, guide)})
    return rows


def unrelated(data, kind, piece, length, seed, stems):
    """Steer by guides that follow none of the stems, with true stems and with components."""
    rng = np.random.default_rng([seed, KINDS.index(kind), PIECES[kind].index(piece)])
    other = str(rng.choice(strangers(kind, piece)))
    elsewhere = mixture(data, kind, other, length, seed + 50)
    components = seed == 6 and piece in SOME[kind]  # they take long
    system = Factorised(stems, seed) if components else None
    guides = []
    for i, stem in enumerate(stems):
        wrong = envelope(elsewhere[i % len(elsewhere)])
        guides += [
            ("noise", noisy(envelope(stem), 0, [seed, i]), stems, system),
            ("another listener", noisy(wrong, 0.3, [seed, i]), stems, None),
            ("wrong song", wrong, stems, system),
        ]
    if kind == "loops":
        guides += beats(data, piece, length, seed, rng)
    rows = []
    for name, guide, parts, components in guides:
        by_parts = judge_parts(parts, 0, guide)
        row = {"guide": name, "true stems": by_parts}
        if components is not None:
            row |= {
                way: {"confidence": found.confidence, "p_value": found.p_value}
                for way, found in components.attentions(guide).items()
                if way != "groups by truth"
            }
        rows.append(row)
    return rows


def beats(data, piece, length, seed, rng):
    """Steer loops that repeat exactly by loops of other songs, brought to the same tempo."""
    n_times = length * SFREQ
    loops = loop_stems(data, piece)
    stems = np.tile(loops, -(-length * 16000 // loops.shape[1]))[:, : length * 16000]
    for other in strangers("loops", piece):
        for k, loop in enumerate(loop_stems(data, other)):
            once = envelope(loop)
            period = loops.shape[1] / HOP
            phase = (np.arange(n_times) / period + rng.random()) % 1
            beat = np.interp(phase * len(once), np.arange(len(once)), once)
            for rho in (1.0, 0.5):
                yield "beat of the same tempo", noisy(beat, rho, [seed, k]), stems, None


def summary(done):
    """Summarise all parts that were run."""
    found = {}
    for part in PARTS:
        some = [(case, rows) for case, rows in done if case[0] == part]
        if some:
            make = {"table": tabled, "curve": curved, "stems": promised, "unrelated": trusted}
            found[part] = make[part](some)
    return found


def gains_of(some, method, pick=lambda row: row):
    """Gains of a method over the mixture, for each stem: a list for each of its cases."""
    by_stem = {}
    for (_, _, _, _, piece), rows in some:
        for row in rows:
            gain = pick(row)[method]["sdr"] - row["mixture"]["sdr"]
            by_stem.setdefault(f"{piece}: {row['stem']}", []).append(gain)
    return by_stem


def described(by_stem):
    """Summarise over stems, each counting by the median of its cases; all cases in the rest."""
    points = {stem: round(float(np.median(gains)), 2) for stem, gains in by_stem.items()}
    every = spread(np.concatenate(list(by_stem.values())))
    over_stems = spread(list(points.values()))
    return {
        "median": over_stems["median"],
        "quartiles": over_stems["quartiles"],
        "stems": points,
        "n_stems": len(points),
        "n_cases": every["n"],
        "worst": every["worst"],
        "share worse by 0.5 dB": every["share worse by 0.5 dB"],
        "mean": every["mean"],
    }


def choices(rows):
    """Summarise how sure choices were, and how often right."""
    confidence, right = (np.array([row[k] for row in rows]) for k in ("confidence", "right"))
    sure = confidence > 0.9
    return {
        "right": round(float(right.mean()), 3),
        "confidence": round(float(confidence.mean()), 3),
        "confidence above 0.9": int(sure.sum()),
        "of these right": round(float(right[sure].mean()), 3) if sure.any() else None,
        "n": len(rows),
    }


def tabled(some):
    found = {}
    for length, kind in sorted({(case[1], case[3]) for case, _ in some}):
        these = [(case, rows) for case, rows in some if (case[1], case[3]) == (length, kind)]
        rows = [row for _, rows in these for row in rows]
        place = found.setdefault(f"{length} s", {})[kind] = {}
        for method in (key for key in rows[0] if key != "stem"):
            place[method] = described(gains_of(these, method))
            if "right" in rows[0][method]:
                place[method] |= {"choices": choices([row[method] for row in rows])}
        place["mixture"] = spread([row["mixture"]["sdr"] for row in rows])
    return found


def curved(some):
    found = {}
    for kind in (*KINDS, "all"):
        these = [(case, rows) for case, rows in some if kind in (case[3], "all")]
        if not these:
            continue
        for rho in map(str, CURVE):
            methods = these[0][1][0][rho]
            found.setdefault(kind, {})[rho] = {
                method: described(gains_of(these, method, lambda row, rho=rho: row[rho]))
                for method in methods
            }
        ceilings = ("ideal mask", "oracle weights", "oracle group")
        found[kind]["ceilings"] = {m: described(gains_of(these, m)) for m in ceilings}
        if kind != "all":
            continue
        ahead = {}
        for rho in map(str, CURVE):
            gains = {m: gains_of(these, m, lambda row, rho=rho: row[rho]) for m in METHODS}
            best = np.maximum(*(np.concatenate(list(gains[m].values())) for m in METHODS[1:]))
            ahead[rho] = spread(np.concatenate(list(gains[METHODS[0]].values())) - best)
        found["ContrastiveNMF over the better blind choice"] = ahead
    return found


METHODS = "ContrastiveNMF", "blind, 4 best correlated", "blind, 8 best correlated"


def promised(some):
    found = {}
    for length, kind in sorted({(case[1], case[3]) for case, _ in some}):
        these = [(case, rows) for case, rows in some if (case[1], case[3]) == (length, kind)]
        rows = [row["true stems"] for _, rows in these for row in rows]
        gains = described(gains_of(these, "true stems"))
        found.setdefault(f"{length} s", {})[kind] = gains | {"choices": choices(rows)}
    gains = np.concatenate(list(gains_of(some, "true stems").values()))
    rows = [row["true stems"] for _, rows in some for row in rows]
    found["all"] = spread(gains) | {"choices": choices(rows)}
    return found


def trusted(some):
    found = {}
    for way in ("true stems", "components", "groups"):
        for name in ("noise", "another listener", "wrong song", "beat of the same tempo", "all"):
            confidence = [
                row[way]["confidence"]
                for _, rows in some
                for row in rows
                if way in row and name in (row["guide"], "all")
            ]
            if confidence:
                trust = np.array(confidence)
                found.setdefault(way, {})[name] = {
                    "confidence above 0.5": round(float(np.mean(trust > 0.5)), 4),
                    "confidence above 0.9": round(float(np.mean(trust > 0.9)), 4),
                    "largest": round(float(trust.max()), 3),
                    "n": len(trust),
                }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the shared recordings")
    parser.add_argument("--out", type=Path, default=Path("cnmf_separation.json"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--only-kept", action="store_true", help="summarise what is solved")
    options = parser.parse_args()
    kept = options.out.with_suffix(".jsonl")
    solver = None if options.only_kept else lambda *case: solve(options.data, *case)
    done = list(resumed(kept, cases(options.parts), solver))
    found = {"versions": versions(), **summary(done)}
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
