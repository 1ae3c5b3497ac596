"""Tables of the guide on separation, from the results of the benchmarks.

python benchmarks/accuracy/separation_tables.py     # writes docs/guide/separation_*.txt
"""

import json
from pathlib import Path

from separation_materials import KINDS

ROOT = Path(__file__).parents[2]
LABELS = {
    "loops": "Loops",
    "music": "Music without repeats",
    "talkers": "Talkers",
    "mixture": "*SDR of the mixture*",
    "blind + correlation": "components, those that correlate best",
    "components": "components, by evidence",
    "groups": "components, in groups",
    "groups by truth": "components, in the true groups",
    "oracle group": "*components that have most of the stem*",
    "oracle weights": "*best weights of the components*",
    "ideal mask": "*mask of true magnitudes*",
    "stems with -10 dB of the others": "stems with -10 dB of the others",
    "true stems": "true stems",
    "ContrastiveNMF": "ContrastiveNMF",
    "blind, 4 best correlated": "blind, best 4",
    "blind, 8 best correlated": "blind, best 8",
}


def table(head, rows, widths):
    """Write a list-table."""
    lines = [".. Written by benchmarks/accuracy/separation_tables.py.", "", ".. list-table::"]
    lines += ["   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for row in (head, *rows):
        lines += [f"   {' ' if i else '*'} - {text}" for i, text in enumerate(row)]
    return "\n".join(lines) + "\n"


def cell(found):
    """Write a median with its quartiles."""
    low, high = found["quartiles"]
    return f"{found['median']:.1f} ({low:.1f} to {high:.1f})".replace("-0.0", "0.0")


def gains(separation):
    """List what a guide of correlation 0.1 gains, by method, kind and length."""
    lengths = separation["table"]
    columns = [(length, kind) for length in lengths for kind in KINDS if kind in lengths[length]]
    methods = [m for m in LABELS if m in lengths["60 s"]["loops"]]
    head = ["", *(f"{LABELS[kind]}, {length}" for length, kind in columns)]
    rows = [[LABELS[m], *(cell(lengths[a][b][m]) for a, b in columns)] for m in methods]
    n_stems = [lengths[a][b]["components"]["n_stems"] for a, b in columns]
    return table(head, [*rows, ["number of stems", *n_stems]], [28, *[12] * len(columns)])


def curve(separation):
    """List medians that guides of every quality gain, blind ones with the better number."""
    curves = separation["curve"]
    blind = [method for method in LABELS if method.startswith("blind, ")]
    head = ["rho"]
    for kind in KINDS:
        head += [f"{LABELS[kind]}: ContrastiveNMF", "blind"]
    head.append("Difference, all stems")
    ahead = curves["ContrastiveNMF over the better blind choice"]
    rows = []
    for rho in ahead:
        row = [rho]
        for kind in KINDS:
            found = curves[kind][rho]
            best = max(found[method]["median"] for method in blind)
            row += [f"{found['ContrastiveNMF']['median']:.1f}", f"{best:.1f}"]
        rows.append([*row, cell(ahead[rho])])
    return table(head, rows, [8, *[12, 8] * 3, 18])


def by_eeg(steered):
    """List what the EEG of simulated listeners gains."""
    listeners = next(value for key, value in steered.items() if key.endswith("dB"))
    head = ["EEG", *(f"{LABELS[k]}: {w}" for k in KINDS for w in ("right", "gain in dB"))]
    head.append("Cases that lose 0.5 dB")
    rows = []
    for length, kinds in listeners.items():
        row = [length]
        for kind in KINDS:
            found = kinds[kind]["true stems"]
            row += [f"{found['choices']['right']:.2f}", cell(found)]
        lost = kinds["all"]["true stems"]
        rows.append([*row, f"{lost['share worse by 0.5 dB']:.1%} of {lost['n_cases']}"])
    return table(head, rows, [10, *[8, 16] * 3, 14])


def trust(separation):
    """List how often the choice is sure of guides that follow nothing in the mixture."""
    found = separation["unrelated"]
    ways = [way for way in ("true stems", "components", "groups") if way in found]
    head = ["Guide", *(LABELS[way] for way in ways)]
    rows = []
    for name in found["true stems"]:
        cells = [found[way].get(name) for way in ways]
        shown = [c and f"{c['confidence above 0.5']:.1%} of {c['n']}" for c in cells]
        rows.append([name, *(c or "" for c in shown)])
    return table(head, rows, [28, *[20] * len(ways)])


def main():
    results = ROOT / "benchmarks" / "results"
    separation, steered = (
        json.loads((results / f"{name}.json").read_text())
        for name in ("cnmf_separation", "neuro_steered")
    )
    written = {
        "gains": gains(separation),
        "curve": curve(separation),
        "eeg": by_eeg(steered),
        "trust": trust(separation),
    }
    for name, text in written.items():
        (ROOT / "docs" / "guide" / f"separation_{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
