"""
Choose the ridge regularisation of a backward model
===================================================

A backward model has a weight for every channel and lag, hundreds of them, that are as correlated
as EEG is. Without a penalty on their size, they fit the noise of the training trials; with too
large a penalty, they ignore how the channels share noise. We let left-out trials choose, look at
how sharp that choice is, and at what the penalty does to weights and patterns.
"""

# %%
# One listener
# ------------
# Twelve trials of one minute with two talkers, 16 channels. The first nine are for training.
# Simulated EEG has the advantage that the response of the brain is known.

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.preprocessing import preprocess

listener = simulate_two_talkers(
    n_trials=12, duration=60, n_channels=16, snr=-28, random_state=6
)
trials = preprocess(listener.trials, l_freq=1, h_freq=9)
train, test = trials[:9], trials[9:]


def eeg_and_attended(trials):
    """EEG and attended envelope of each trial."""
    eeg = [trial.eeg for trial in trials]
    return eeg, [trial.stimuli[trial.attended] for trial in trials]


# %%
# The path
# --------
# Of a list of penalties, :class:`~linear_aad.BackwardTRF` takes the one that predicts left-out
# training trials best: each trial is predicted by the model of the others. With
# ``alpha_convention="relative"`` a penalty counts in mean variances of the lagged EEG. The same
# list then suits any amplifier, unit and amount of data.

import numpy as np

from cocktailparty import plots
from linear_aad import BackwardTRF

alphas = np.logspace(-8, 4, 13)
trf = BackwardTRF(
    tmin=0, tmax=0.25, sfreq=64, alpha=alphas, alpha_convention="relative"
)
trf.fit(*eeg_and_attended(train))
plots.regularisation_path(trf.cv_scores_, alphas)

# %%
# Trials differ more than penalties do, so compare along the thin lines, not between them. Around
# its best the path is flat: a penalty ten times smaller or larger costs next to nothing, and one
# for each power of ten is fine enough. Make the list wide instead. If the first or last of it wins,
# extend it.
#
# The marked correlation is the best of several, so on average a little too good. Trials that took
# no part in the choice tell what to expect; a few trials tell it roughly.

print(f"chosen: alpha = {trf.alpha_:g}")
print(f"left-out training trials: r = {trf.cv_scores_.mean(axis=1).max():.3f}")
print(
    f"test trials:              r = {trf.score(*eeg_and_attended(test)):.3f}"
)

# %%
# Weights and patterns
# --------------------
# Now one model with too small a penalty, the chosen one, and one with too large a penalty. Each
# line is a channel. The true response is blurred by the autocorrelation of the envelope, as in
# :ref:`sphx_glr_auto_examples_first_steps_plot_simulated.py`, since a pattern cannot be sharper than that.

from matplotlib import pyplot as plt
from scipy.linalg import toeplitz
from scipy.signal import correlate

envelope = np.concatenate(eeg_and_attended(trials)[1])[:, 0]
autocorrelation = correlate(envelope, envelope)[len(envelope) - 1 :]
blur = toeplitz(autocorrelation[: len(listener.lags)] / autocorrelation[0])
truth = listener.trf[0] @ blur[:, trf.lags_]

models = {
    "too small": alphas[0],
    "chosen": trf.alpha_,
    "too large": alphas[-1],
}
times = 1000 * trf.lags_ / trf.sfreq
fig, axes = plt.subplots(
    2, 3, figsize=(9, 5), sharex=True, layout="constrained"
)
for (name, alpha), (above, below) in zip(models.items(), axes.T, strict=True):
    model = BackwardTRF(0, 0.25, 64, alpha, alpha_convention="relative")
    model.fit(*eeg_and_attended(train))
    r = model.score(*eeg_and_attended(test))
    weights, patterns = model.coef_[0], model.patterns_[0]
    similar = [
        np.corrcoef(x.ravel(), truth.ravel())[0, 1]
        for x in (weights, patterns)
    ]
    above.plot(times, weights.T, color="0.4", lw=0.8)
    above.set_title(
        f"{name}: alpha = {alpha:g}\ntest trials: r = {r:.3f}\n"
        f"weights, {similar[0]:.2f} with truth",
        fontsize="small",
    )
    below.plot(times, patterns.T, color="C0", lw=0.8)
    below.set_title(f"patterns, {similar[1]:.2f} with truth", fontsize="small")
    below.set_xlabel("lag (ms)")
axes[0, 0].set_ylabel("weight (1/V)")
axes[1, 0].set_ylabel("pattern (V)")

# %%
# - **Too small.** Neighbouring lags and channels get huge weights of opposite sign, which cancel on
#   the training trials and amplify noise on others. Nothing of the response can be seen in them.
# - **Chosen.** The weights pick up the response and subtract noise that other channels share. They
#   serve both ends, so they are not a picture of the response either.
# - **Too large.** The weights become proportional to the covariance of EEG and envelope. They look
#   like the response, and decode worse: noise that channels share is no longer subtracted.
#
# So weights that look plausible are no sign of a good decoder, and weights that look wild are no
# sign of a bad one. The patterns hardly depend on the penalty up to the chosen one. Judge the
# penalty by left-out trials, and read the patterns.
