"""
Compare attention decoders: ridge, CCA and unsupervised
=======================================================

Three ways to learn the link between EEG and speech, on the same trials and the same folds: ridge
regression reconstructs the attended envelope, canonical correlation analysis (CCA) filters EEG and
envelope towards each other, and the adaptive decoder does without attended labels. Two questions
decide which one to take: whether there are labelled recordings of the listener, and how much there
is to train on.
"""

# %%
# Listeners
# ---------
# Four simulated listeners hear two talkers for 12 minutes each. The simulated brain is linear and
# never changes, which suits all of these decoders; a real one is neither.

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.preprocessing import preprocess

listeners = simulate_two_talkers(
    n_subjects=4, n_trials=12, n_stories=4, n_channels=16, random_state=0
)
trials = preprocess(listeners.trials, l_freq=1, h_freq=9)
trials[0]

# %%
# Decoders
# --------
# :class:`~linear_aad.BackwardTRF` weighs EEG channels and lags so that the sum resembles the
# attended envelope as it is. :class:`~linear_aad.CCADecoder` need not hit the envelope itself: it
# filters the envelope as well, and so drops the parts that EEG does not follow. It gives several
# correlations a window, which are weighted by how well they told the talkers apart in left-out
# training trials.

from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    BackwardTRF,
    CCADecoder,
)

alphas = [0.01, 0.1, 1, 10]
ridge = BackwardTRF(
    tmin=0, tmax=0.25, sfreq=64, alpha=alphas, alpha_convention="relative"
)
decoders = {
    "ridge": AttentionDecoder(ridge),
    "CCA": CCADecoder(tmin=0, tmax=0.25, sfreq=64, alpha=alphas, n_folds=3),
}

# %%
# :class:`~linear_aad.AdaptiveDecoder` is given the training trials without their labels. It labels
# them itself, over and over, until the labels no longer change.

one_alpha = BackwardTRF(
    tmin=0, tmax=0.25, sfreq=64, alpha=0.1, alpha_convention="relative"
)
decoders["adaptive, no labels"] = AdaptiveDecoder(one_alpha, random_state=0)

# %%
# Comparison
# ----------
# :func:`~cocktailparty.evaluation.compare` leaves out one story at a time, for each listener alone.

from cocktailparty import evaluation, plots
from cocktailparty.evaluation import summarise

windows = [1, 2, 5, 10, 30, 60]
table = evaluation.compare(decoders, trials, cv="story", windows=windows)
plots.accuracy_by_window(table)

# %%
# ``mesd`` is the time that the best controller takes to follow a switch of attention, in seconds;
# less is better.

summary = summarise(table)
summary.pivot(index="window", columns="decoder", values="accuracy").round(3)

# %%

summary.groupby("decoder")["mesd"].first().round(1)

# %%
# When to use which
# -----------------
# - **Ridge** first. It has one penalty to choose, trains fastest, and what it gives is an envelope
#   that can be looked at or handed to other software. Everybody reports it.
# - **CCA** when accuracy counts and there is labelled EEG of the same listener. It has more to
#   learn than ridge, the weights of its components in particular, and takes longer to train. With
#   little data take fewer components, and leave ``combine="dprime"``: ``"lda"`` has yet more to
#   estimate.
# - **Adaptive** when nobody knows what the listener attended to, as in daily life. It follows the
#   sound that drives the EEG most, which need not be the attended one. If there is a decoder of
#   other listeners, let it give the first labels (``initial``).
#
# Where the curves lie this close together, listeners differ more than decoders do: compare them on
# your own data, with all of your listeners, before you choose.
#
# What CCA looks at
# -----------------
# Fitted on one listener, the decoder shows how it came to its choice: canonical correlations on the
# training data, which are always too good, and the weights of the components, which come from
# trials that the filters had not seen. The filters of the envelope tell which modulations each
# component uses.

import numpy as np
from matplotlib import pyplot as plt

own = [trial for trial in trials if trial.subject == "sub-01"]
cca = decoders["CCA"].fit(own)
print("penalty:", cca.alpha_)
print("correlations on the training data:", cca.correlations_.round(3))
print("weights of the components:", cca.weights_.round(2))

gain = np.abs(np.fft.rfft(cca.coef_stimulus_[:, 0], 256))
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for k, curve in enumerate(gain):
    label = f"component {k + 1}, weight {cca.weights_[k]:.2f}"
    ax.plot(np.fft.rfftfreq(256, 1 / 64), curve / curve.max(), label=label)
ax.set(
    xlim=(1, 9),
    xlabel="modulation frequency (Hz)",
    ylabel="gain (relative)",
    title="envelope filters of listener 1",
)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
