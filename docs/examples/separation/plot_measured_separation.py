"""
How much does separation by EEG gain? Benchmark results
=======================================================

The figures of the benchmarks ``benchmarks/accuracy/cnmf_separation.py`` and ``benchmarks/accuracy/neuro_steered.py``, drawn
from the results that are kept beside them: real stems of music, guides of every quality, and the EEG
of simulated listeners. They take hours to compute and seconds to draw.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

RESULTS = Path("..", "..", "..", "benchmarks", "results")
separation = json.loads((RESULTS / "cnmf_separation.json").read_text())
steered = json.loads((RESULTS / "neuro_steered.json").read_text())

# %%
# Mixtures of seven seconds
# -------------------------
#
# 14 targets, three seeds. The guide is the target's true activation with noise, and what counts is the
# quality of that guide: with the best of them contrast pays, and the pairing of components and guides
# more than the published contrast of all with all. EEG gives a correlation of about 0.1 today. There
# nothing helps in seven seconds, and the steered separator stays at the mixture on purpose.
#
# Bars show the range of the seeds.

short = separation["short"]
rhos = [rho for rho in short if float(rho) >= 0.1]
methods = {
    "ideal ratio mask": "ideal ratio mask",
    "paired": "ContrastiveNMF, paired",
    "all-pairs": "ContrastiveNMF, all-pairs",
    "blind + correlation": "blind, best correlated",
    "steered": "NeuroSteeredSeparator",
    "mixture": "mixture",
}
positions = np.arange(len(rhos))
figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
for number, (method, label) in enumerate(methods.items()):
    rows = [short[rho][method] for rho in rhos]
    seeds = np.array([row["of each seed"] for row in rows])
    means = np.array([row["mean"] for row in rows])
    reach = np.abs(np.array([seeds.min(axis=1), seeds.max(axis=1)]) - means)
    place = positions + 0.13 * (number - (len(methods) - 1) / 2)
    axes.bar(place, means, 0.13, yerr=reach, capsize=2, label=label)
axes.axhline(0, color="0.3", linewidth=1)
axes.set_xticks(positions, rhos)
axes.set(
    xlabel="correlation of the guide with the target's activation",
    ylabel="SDR (dB)",
)
axes.legend(
    ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.25), frameon=False
)

# %%
# Longer mixtures, by the EEG of simulated listeners
# --------------------------------------------------
#
# Evidence grows with time. The decoder was trained on other pieces, and its reconstruction correlates
# with the attended stem by 0.14 and with the others by 0.05. On the left what is gained over the
# mixture, on the right how often the right stem was chosen, with the confidence that the separator
# reports and with chance.

lengths = [float(length) for length in steered["lengths"]]
values = list(steered["lengths"].values())
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.8), layout="constrained"
)
quartiles = np.array([value["quartiles"] for value in values])
left.fill_between(
    lengths, quartiles[:, 0], quartiles[:, 2], alpha=0.2, label="quartiles"
)
left.plot(lengths, quartiles[:, 1], "o-", label="median")
left.plot(lengths, [value["gain"] for value in values], "s--", label="mean")
left.plot(
    lengths,
    [value["worst"] for value in values],
    ":",
    color="0.4",
    label="worst case",
)
left.axhline(0, color="0.5", linewidth=1)
left.set(ylabel="SDR over the mixture (dB)")
seeds = np.array([value["right of each seed"] for value in values])
right.fill_between(
    lengths, seeds.min(axis=1), seeds.max(axis=1), alpha=0.2, label="listeners"
)
right.plot(
    lengths, [value["right"] for value in values], "o-", label="right choice"
)
right.plot(
    lengths,
    [value["confidence"] for value in values],
    "s--",
    label="confidence",
)
right.plot(
    lengths, [value["chance"] for value in values], color="0.5", label="chance"
)
right.set(ylabel="share", ylim=(0, 1.02))
for axes in (left, right):
    axes.set(xscale="log", xlabel="length of the mixture (s)")
    axes.set_xticks(lengths, [f"{length:g}" for length in lengths])
    axes.minorticks_off()
    axes.legend()

# %%
# A choice that is right more often than not, and a separation that has hardly begun in most mixtures of
# five minutes: this is what EEG of this quality allows today. The confidence says how sure it is that
# the chosen components follow the EEG, not that they hold one stem alone; where stems share
# components, as at five minutes here, it is larger than the share of right choices.
