"""
Estimate a temporal response function (TRF) and its error
=========================================================

How much EEG does it take to see the response of a brain to speech, and how sure can we be of its
shape? In simulated EEG the response is known. We estimate it with a forward model, lay the
estimate over the truth, and watch the error while noise and the length of the recording change.
"""

# %%
# A known system
# --------------
# One listener with 32 channels hears speech-like envelopes. The EEG is the convolution of the
# envelope with a response that peaks at 50, 100 and 180 ms, plus 1/f noise that neighbouring
# channels share. :func:`~cocktailparty.datasets.simulate_eeg` sets the power of the response over
# that of the noise, averaged over channels, in decibels.

from cocktailparty.datasets import simulate_eeg, simulate_two_talkers

SFREQ = 64
listener = simulate_two_talkers(
    n_trials=32, duration=60, n_talkers=1, n_stories=32, random_state=3
)
names = listener.trials[0].channel_names
truth, lags = listener.trf[0], listener.lags
envelopes = [trial.stimuli[0] for trial in listener.trials]


def record(snr):
    """EEG of all trials, with noise of its own for each."""
    return [
        simulate_eeg(
            envelope[None],
            0,
            SFREQ,
            truth,
            channel_names=names,
            snr=snr,
            random_state=i,
        )
        for i, envelope in enumerate(envelopes)
    ]


# %%
# Estimate
# --------
# :class:`~linear_aad.ForwardTRF` predicts the EEG of each channel from the envelope at several
# lags. It is given lags before zero as well: nothing can be there, so what it finds there shows
# the size of the estimation error. The penalty is the one that predicts left-out trials best.
#
# The noise has a spectrum of its own, and ridge regression knows nothing of it. Slow noise, which
# is the strongest, is best removed from EEG and envelope by one and the same filter: what passes
# both is still related by the same response.

import numpy as np

from cocktailparty.preprocessing import bandpass
from linear_aad import ForwardTRF

filtered = [bandpass(x, SFREQ, 1, 15) for x in envelopes]


def estimate(eeg, n_trials):
    """Forward model of the first trials."""
    trf = ForwardTRF(
        tmin=-0.1,
        tmax=lags[-1],
        sfreq=SFREQ,
        alpha=np.logspace(-5, 1, 13),
        alpha_convention="relative",
    )
    return trf.fit(filtered[:n_trials], eeg[:n_trials])


snrs = (0, -10, -20, -30)
recordings = {
    snr: [bandpass(x, SFREQ, 1, 15) for x in record(snr)] for snr in snrs
}

# %%
# Estimate and truth
# ------------------
# Half an hour of EEG at three levels of noise, at the channel with the strongest response. Minus
# thirty decibels is about what recordings have. Weights are volts of EEG for one unit of envelope,
# which is one standard deviation here.

from matplotlib import pyplot as plt

strongest = np.abs(truth).max(axis=1).argmax()
fig, axes = plt.subplots(
    1, 3, figsize=(9, 3.5), sharex=True, sharey=True, layout="constrained"
)
for ax, snr in zip(axes, (0, -20, -30), strict=True):
    model = estimate(recordings[snr], 32)
    ax.axvspan(-100, 0, color="0.95", lw=0)
    ax.plot(1e3 * lags, 1e6 * truth[strongest], color="0.6", lw=4)
    ax.plot(
        1e3 * model.lags_ / SFREQ, 1e6 * model.coef_[0, strongest], color="C0"
    )
    ax.set_title(f"{snr} dB, alpha = {model.alpha_:.2g}", fontsize="medium")
    ax.set_xlabel("lag (ms), brain after sound")
axes[0].set_ylabel(f"response of {names[strongest]} (µV)")
fig.legend(
    ["before the sound", "truth", "estimate"],
    loc="outside upper center",
    ncols=3,
    frameon=False,
)

# %%
# The deflections of the estimate in the grey stretch, where the truth is zero, are of the same
# size as its errors elsewhere. Real recordings have no known truth, but they do have lags before
# zero.
#
# Error against length and noise
# ------------------------------
# The error is the root mean square of estimate minus truth over all channels and lags, as a part
# of the root mean square of the truth: an estimate of zero everywhere has an error of 1.

minutes = (2, 4, 8, 16, 32)
padded = np.pad(truth, ((0, 0), (round(0.1 * SFREQ), 0)))
size = np.sqrt(np.mean(padded**2))


def relative_error(model):
    """Size of the error as a part of the size of the truth."""
    return np.sqrt(np.mean((model.coef_[0] - padded) ** 2)) / size


fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for snr, eeg in recordings.items():
    errors = [relative_error(estimate(eeg, n)) for n in minutes]
    ax.loglog(minutes, errors, "o-", label=f"{snr} dB")
    print(f"{snr:4d} dB:", *(f"{error:.3f}" for error in errors))
ax.axhline(1, color="0.5", ls="--", lw=1)
ax.annotate("zero everywhere", (minutes[-1], 1.03), color="0.4", ha="right")
guide = 0.6 / np.sqrt(minutes)
ax.plot(minutes, guide, color="0.7", ls=":", label="1 / square root of length")
ax.set_xticks(minutes, [str(n) for n in minutes])
ax.minorticks_off()
ax.set(xlabel="EEG (minutes)", ylabel="relative error of the response")
ax.legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left")

# %%
# Four times as much EEG takes the error down by about 40 %, a little less than the half that
# averaging alone would give, because the penalty shrinks as well. Ten decibels more noise are like
# a recording of a tenth of the length. At -30 dB a few minutes give nothing better than zero, and
# half an hour leaves an error of half the response: the peaks can be told, their heights cannot.
#
# Where the brain follows the sound
# ---------------------------------
# A response can look convincing and predict nothing. The honest measure is how well it predicts
# EEG that it was not fitted to. :func:`~linear_aad.prediction_map` leaves out one trial
# at a time and correlates each channel with its prediction.

from cocktailparty.plots import channel_topomap
from linear_aad import prediction_map

trials = [
    trial.replace(eeg=eeg, stimuli=envelope[None])
    for trial, eeg, envelope in zip(
        listener.trials, recordings[-30], filtered, strict=True
    )
]
model = ForwardTRF(0, 0.4, SFREQ, alpha=0.1, alpha_convention="relative")
predicted = prediction_map(model, trials, cv="trial").mean()

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
channel_topomap(
    1e6 * np.sqrt(np.mean(truth**2, axis=1)),
    names,
    left,
    label="size of the true response (µV)",
)
channel_topomap(predicted, names, right, label="left-out trials: r")

# %%
# Correlations at single channels are small because most of EEG is something else, but their map
# is that of the response: large where the response is strong.
