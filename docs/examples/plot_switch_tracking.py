"""
Follow a switch of attention
============================

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
    n_trials=56, n_channels=16, snr=-21, random_state=0
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
pairs = [*zip(zeros, ones, strict=False), *zip(ones, zeros, strict=False)]
len(pairs)

# %%
# Tracker
# -------
# :class:`~linear_aad.AttentionTracker` takes any attention decoder. It learns from training trials
# that the decoder did not see how the scores of attended and unattended talkers differ in windows of
# one second. ``dwell`` is the time for which attention is expected to stay. A longer one gives fewer
# false alarms and more delay. With the 25 s here the tracker is right about as often as a window of
# ten seconds, so that the delays of the two can be compared.

from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

trf = BackwardTRF(
    tmin=0, tmax=0.3, sfreq=64, alpha=0.01, alpha_convention="relative"
)
tracker = AttentionTracker(
    AttentionDecoder(trf), window=1, dwell=25, cv="story"
).fit(train)
print(
    f"scores differ by {tracker.difference_:.2f} on average, with a standard "
    f"deviation of {np.sqrt(tracker.variance_):.2f}"
)

# %%
# One switch
# ----------
# The probability is that of the model after each second, from the past alone. With a lag it also
# takes in the seconds that follow: the estimate is steadier, but comes later. Both are drawn at the
# time that they speak of.

from matplotlib import pyplot as plt

before, after = pairs[0]
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
for ax in (top, bottom):
    ax.axvline(60, color="k", ls="--", lw=1)
    ax.legend(loc="upper left")
top.set_title("attention switches at 60 s")

# %%
# All switches
# ------------
# The share of right decisions over time from the switch. Once they have settled, the tracker and the
# window are right about equally often. The tracker notices a switch somewhat sooner. How much it
# gains depends on the decoder: with scores as noisy as in many recordings it is little.


def right(times, decision):
    truth = np.where(times <= 60, before.attended, after.attended)
    return decision == truth


tracked, windowed = [], []
for before, after in pairs:
    switching = join(before, after)
    track = tracker.track(switching)
    scores = tracker.decoder_.window_scores(switching, window=10, hop=1)
    tracked.append(right(track.times, track.decision))
    windowed.append(right(times, scores.argmax(axis=1)))

fig, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
for name, when, rights, colour in (
    ("tracker", track.times, np.array(tracked), "C0"),
    ("10 s window", times, np.array(windowed), "C2"),
):
    ax.plot(when - 60, rights.mean(axis=0), color=colour, label=name)
    settled = ((when > 20) & (when <= 60)) | (when > 90)
    later = when > 60
    delay = 1 + rights[:, later].argmax(axis=1)
    print(
        f"{name}: settled accuracy {rights[:, settled].mean():.3f}, median "
        f"time to the first right decision {np.median(delay):.1f} s"
    )
ax.axvline(0, color="k", ls="--", lw=1)
ax.set(
    xlabel="time from the switch (s)",
    ylabel="share of right decisions",
    xlim=(-40, 60),
    ylim=(0, 1.02),
)
ax.legend(loc="lower right")
