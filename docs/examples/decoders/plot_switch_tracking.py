"""
Track switches of attention over time
=====================================

A listener turns from one talker to the other. A decoder that looks back over a fixed window has to
choose between a short one, which is often wrong, and a long one, which is late. A tracker adds up
what many short windows tell and knows how often attention switches. It gives a probability at every
moment.
"""

# %%
# A listener who switches
# -----------------------
# Of the trials of a simulated listener, the first part trains the decoders. Each pair of the others
# makes a trial of two minutes in which attention switches after one. The noise is lower than in
# most recordings: a window of ten seconds is right in nineteen of twenty cases.

import numpy as np

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers

trials = simulate_two_talkers(
    n_trials=136, n_channels=16, snr=-21, random_state=0
).trials
train, test = trials[:16], trials[16:]


def join(first, second):
    return Trial(
        np.concatenate([first.eeg, second.eeg]),
        np.concatenate([first.stimuli, second.stimuli], axis=1),
        first.sfreq,
    )


zeros = [trial for trial in test if trial.attended == 0]
ones = [trial for trial in test if trial.attended == 1]
pairs = [*zip(zeros, ones, strict=False)]


def both_ways(pairs):
    return [*pairs, *((second, first) for first, second in pairs)]


# One half of the trials to choose a parameter with, the other to report.
half = len(pairs) // 2
choosing, reporting = both_ways(pairs[:half]), both_ways(pairs[half:])
len(choosing), len(reporting)

# %%
# Tracker
# -------
# :class:`~linear_aad.AttentionTracker` takes any attention decoder. It learns from training trials
# that the decoder did not see how the scores of attended and unattended talkers differ in windows of
# one second. ``dwell`` is the time for which attention is expected to stay. A longer one gives fewer
# false alarms and more delay. To compare delays, we take the shortest with which the tracker is right
# as often as a window of ten seconds once both have settled, in the trials set aside for that choice.

from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

trf = BackwardTRF(
    tmin=0, tmax=0.3, sfreq=64, alpha=0.01, alpha_convention="relative"
)
tracker = AttentionTracker(AttentionDecoder(trf), window=1)
tracker.fit(train)
print(
    f"scores differ by {tracker.difference_:.2f} on average, with a standard "
    f"deviation of {np.sqrt(tracker.variance_):.2f}"
)


def by_tracker(trial):
    track = tracker.track(trial)
    return track.times, track.decision


def by_window(trial):
    scores = tracker.decoder_.window_scores(trial, window=10, hop=1)
    return 10 + np.arange(len(scores)), scores.argmax(axis=1)


def right_decisions(pairs, decide):
    """Times, and whether each decision about each pair is right."""
    rights = []
    for before, after in pairs:
        times, decision = decide(join(before, after))
        truth = np.where(times <= 60, before.attended, after.attended)
        rights.append(decision == truth)
    return times, np.array(rights)


def settled_accuracy(times, rights):
    settled = ((times > 20) & (times <= 60)) | (times > 90)
    return rights[:, settled].mean()


goal = settled_accuracy(*right_decisions(choosing, by_window))
for dwell in (20, 30, 45, 60, 90):
    tracker.set_params(dwell=dwell)
    if settled_accuracy(*right_decisions(choosing, by_tracker)) >= goal:
        break
print(f"dwell: {tracker.dwell} s")

# %%
# One switch
# ----------
# The probability is that of the model after each second, from the past alone. With a lag it also
# takes in the seconds that follow: the estimate is steadier, but comes later. Both are drawn at the
# time that they speak of.

from matplotlib import pyplot as plt

before, after = reporting[0]
switching = join(before, after)
track = tracker.track(switching)
tracker.set_params(lag=5)
smooth = tracker.track(switching)
tracker.set_params(lag=0)
scores = tracker.decoder_.window_scores(switching, window=10, hop=1)
times = 10 + np.arange(len(scores))

fig, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(8, 5), layout="constrained"
)
to = after.attended
top.plot(track.times, track.probability[:, to], label="filter")
top.plot(smooth.times, smooth.probability[:, to], label="smoother, 5 s lag")
top.axhline(0.5, color="0.6", lw=0.8)
top.set(ylabel="P(second talker)", ylim=(-0.02, 1.02))
bottom.plot(
    times, scores[:, to] - scores[:, 1 - to], color="C2", label="10 s window"
)
bottom.axhline(0, color="0.6", lw=0.8)
bottom.set(ylabel="difference of r", xlabel="time (s)", xlim=(0, 120))
for ax, place in ((top, "center left"), (bottom, "upper left")):
    ax.axvline(60, color="k", ls="--", lw=1)
    ax.legend(loc=place)
top.set_title("attention switches at 60 s")

# %%
# All switches
# ------------
# The share of right decisions over time from the switch, in the trials that took no part in any
# choice. How much the tracker gains depends on the decoder: with scores as noisy as in many
# recordings it is little.

fig, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
for name, decide, colour in (
    ("tracker", by_tracker, "C0"),
    ("10 s window", by_window, "C2"),
):
    when, rights = right_decisions(reporting, decide)
    ax.plot(when - 60, rights.mean(axis=0), color=colour, label=name)
    delay = when[when > 60][rights[:, when > 60].argmax(axis=1)] - 60
    print(
        f"{name}: settled accuracy {settled_accuracy(when, rights):.3f}, "
        f"mean time to the first right decision {delay.mean():.1f} s"
    )
ax.axvline(0, color="k", ls="--", lw=1)
ax.set(
    xlabel="time from the switch (s)",
    ylabel="share of right decisions",
    xlim=(-40, 60),
    ylim=(0, 1.02),
)
ax.legend(loc="lower right")
