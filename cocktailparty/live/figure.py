"""Figure of a session: probability, gains and lost data over time, and the latency."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.live.loop import Decision


def plot_session(decisions: Sequence[Decision], latencies: Sequence[float], figure: Any) -> None:
    """Draw decisions and their latencies, in seconds, into a matplotlib figure."""
    ends = np.array([d.end for d in decisions])
    ends = ends - ends[0] + (ends[1] - ends[0] if len(ends) > 1 else 1.0)
    step = ends[0]
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(3, 2, 1.4))
    probability = np.array([d.probability for d in decisions])
    gains = np.array([d.gains_db for d in decisions])
    for k in range(probability.shape[1]):
        (line,) = top.plot(ends, probability[:, k], label=f"talker {k}")
        middle.plot(ends, gains[:, k], color=line.get_color(), drawstyle="steps-pre")
    top.plot(ends, [d.nobody for d in decisions], color="0.5", ls="--", label="nobody")
    for end, decision in zip(ends, decisions, strict=True):
        if decision.lost:
            for axes in (top, middle):
                axes.axvspan(
                    end - step, end, color="0.85", alpha=min(1.0, 0.3 + decision.lost), lw=0
                )
    top.set(ylim=(-0.02, 1.02), ylabel="Probability", title="Attention (grey: data lost)")
    top.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    middle.axhline(0, color="0.7", lw=0.8)
    middle.set(xlabel="Time (s)", ylabel="Gain (dB)")
    bottom.hist(1000 * np.asarray(latencies), bins=40, color="0.4")
    bottom.set(xlabel="From the last sample of a window to its decision (ms)", ylabel="Decisions")
