"""
How much does separation by EEG gain? Benchmark results
=======================================================

The figures of the benchmarks ``benchmarks/accuracy/cnmf_separation.py`` and
``benchmarks/accuracy/neuro_steered.py``, drawn from the results that are kept beside them: loops, music
that never repeats and talkers; guides of every quality, and the EEG of simulated listeners. Every
stem is a point, and medians come first: a mean is made by the few stems that come apart altogether.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

RESULTS = Path("..", "..", "..", "benchmarks", "results")
separation = json.loads((RESULTS / "cnmf_separation.json").read_text())
steered = json.loads((RESULTS / "neuro_steered.json").read_text())
KINDS = {
    "loops": "loops",
    "music": "music without repeats",
    "talkers": "talkers",
}

# %%
# A minute, and a guide as poor as EEG
# ------------------------------------
#
# The guide is the envelope of the attended stem with noise, at a correlation of 0.1. Each point is a
# stem, each bar the median. Components that a factorisation finds gain next to nothing, whether they
# are chosen one by one, in groups, or in the groups that the truth would form. Weights that know the
# truth show what these components could give. Known stems are another matter: the guide has to tell only
# which one it is, and 60 dB are the stem itself.

METHODS = {
    "blind + correlation": "best correlated",
    "components": "by evidence",
    "groups": "in groups",
    "groups by truth": "in true groups",
    "oracle group": "oracle group",
    "ideal mask": "ideal mask",
    "stems with -10 dB of the others": "leaky stems",
    "true stems": "true stems",
}
minute = separation["table"]["60 s"]
fig, axes = plt.subplots(
    1, 3, figsize=(10, 4.4), sharey=True, layout="constrained"
)
rng = np.random.default_rng(0)
for ax, (kind, title) in zip(axes, KINDS.items(), strict=True):
    for place, method in enumerate(METHODS):
        gains = np.array(list(minute[kind][method]["stems"].values()))
        jitter = place + rng.uniform(-0.2, 0.2, len(gains))
        color = "C1" if "stems" in method else "C0"
        color = "0.5" if method.startswith(("oracle", "ideal")) else color
        ax.plot(jitter, gains, "o", color=color, alpha=0.5, markersize=4)
        median = minute[kind][method]["median"]
        ax.hlines(median, place - 0.35, place + 0.35, color=color, linewidth=2)
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.set_title(f"{title}, {len(gains)} stems")
    ax.set_xticks(
        range(len(METHODS)), METHODS.values(), rotation=60, ha="right"
    )
axes[0].set_yscale("symlog", linthresh=5)
ticks = [-10, -5, -2, 0, 2, 5, 10, 20, 60]
axes[0].set_yticks(ticks, [str(tick) for tick in ticks])
axes[0].set_ylabel("SDR over the mixture (dB)")

# %%
# How good must a guide be?
# -------------------------
#
# Half a minute. What :class:`~cnmf.ContrastiveNMF` makes of a guide, against blind factorisation and a
# choice of the components that follow the guide best: medians over stems, shaded the quartiles.

curve = separation["curve"]
LINES = {
    "ContrastiveNMF": "ContrastiveNMF",
    "blind, 4 best correlated": "blind, best 4 of 16",
    "blind, 8 best correlated": "blind, best 8 of 16",
}
fig, axes = plt.subplots(
    1, 3, figsize=(10, 3.6), sharey=True, layout="constrained"
)
for ax, (kind, title) in zip(axes, KINDS.items(), strict=True):
    rhos = [rho for rho in curve[kind] if rho != "ceilings"]
    x = [float(rho) for rho in rhos]
    for method, label in LINES.items():
        rows = [curve[kind][rho][method] for rho in rhos]
        ax.plot(x, [row["median"] for row in rows], "o-", label=label)
        low, high = np.transpose([row["quartiles"] for row in rows])
        ax.fill_between(x, low, high, alpha=0.12)
    ceiling = curve[kind]["ceilings"]["oracle group"]["median"]
    ax.axhline(ceiling, color="0.5", linestyle=":", label="oracle group")
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.set(title=title, xlabel="correlation of the guide")
axes[0].set_ylabel("SDR over the mixture (dB)")
axes[0].legend(fontsize="small")

# %%
# By the EEG of simulated listeners
# ---------------------------------
#
# Decoders were trained on other pieces. On the left how often the right one of the true stems was
# chosen, with the share that chance has; on the right what the output gains over the mixture. It leaves
# the mixture only when the choice is sure.

listeners = next(value for key, value in steered.items() if key.endswith("dB"))
lengths = [int(label.split()[0]) for label in listeners]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for number, (kind, title) in enumerate(KINDS.items()):
    rows = [listeners[label][kind] for label in listeners]
    chosen = [row["true stems"]["choices"]["right"] for row in rows]
    left.plot(lengths, chosen, "o-", color=f"C{number}", label=title)
    chance = [row["chance"] for row in rows]
    left.plot(lengths, chance, ":", color=f"C{number}")
    medians = [row["true stems"]["median"] for row in rows]
    low, high = np.transpose([row["true stems"]["quartiles"] for row in rows])
    right.plot(lengths, medians, "o-", color=f"C{number}", label=title)
    right.fill_between(lengths, low, high, color=f"C{number}", alpha=0.1)
left.set(ylabel="right one of the true stems", ylim=(0, 1.02))
left.legend(title="dotted: chance", fontsize="small")
right.axhline(0, color="0.3", linewidth=0.8)
right.set(ylabel="SDR over the mixture (dB)")
for ax in (left, right):
    ax.set(xscale="log", xlabel="EEG (s)")
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.minorticks_off()

# %%
# So minutes of EEG tell which of a few known sounds is attended; what separates them has to come from
# elsewhere: stems, or a network such as :class:`~deep.ASAMSeparator`. :doc:`/guide/separation` has the
# tables.
