"""
Decode auditory attention from EEG: a first example
===================================================

Three simulated listeners hear two talkers at once and attend to one of them. We reconstruct the
attended envelope from the EEG, decide by correlation which talker it was, and ask how far the
accuracy can be trusted. The simulation knows the true response of each brain, so the last figure
can compare what the decoder found with the truth.
"""

# %%
# Trials
# ------
# A :class:`~cocktailparty.Trial` holds the EEG of one listening trial, the competing stimuli and
# the index of the attended one. Here the EEG is a known response to both envelopes, weaker for the
# ignored one, in coloured noise. EEG and envelopes pass the same band.

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.preprocessing import preprocess

listeners = simulate_two_talkers(
    n_subjects=3,
    n_trials=12,
    n_stories=4,
    n_channels=16,
    snr=-30,
    random_state=0,
)
trials = preprocess(listeners.trials, l_freq=1, h_freq=9)
trials[0]

# %%
# Decoder
# -------
# :class:`~linear_aad.BackwardTRF` reconstructs the envelope by ridge regression on the EEG of the
# following 250 ms. Of several penalties it takes the one that predicts left-out *training* trials
# best. :class:`~linear_aad.AttentionDecoder` trains it on the attended stimuli and decides.

from linear_aad import AttentionDecoder, BackwardTRF

ridge = AttentionDecoder(
    BackwardTRF(
        tmin=0,
        tmax=0.25,
        sfreq=64,
        alpha=[0.01, 0.1, 1, 10],
        alpha_convention="relative",
    )
)
own = [trial for trial in trials if trial.subject == "sub-01"]
ridge.fit(own[:9])
print("penalty:", ridge.regressor_.alpha_)
print(
    "left-out training trials, mean r:",
    ridge.regressor_.cv_scores_.mean(axis=1).round(3),
)
print(
    "attended talker of the other trials:",
    [trial.attended for trial in own[9:]],
)
print("decoded:", ridge.predict(own[9:]))

# %%
# Accuracy
# --------
# :func:`~cocktailparty.evaluation.compare` leaves out one story at a time, for each listener alone.
# The decoder, its penalty included, is trained anew on the other stories. The table has a row for
# each listener, fold and window length; :func:`~cocktailparty.report.html.summarise` pools them.

from cocktailparty import evaluation, plots
from cocktailparty.evaluation import summarise
from cocktailparty.report import verdict

windows = [1, 2, 5, 10, 30, 60]
table = evaluation.compare(
    {"ridge": ridge}, trials, cv="story", windows=windows
)
plots.accuracy_by_window(table)
summary = summarise(table)
summary[
    ["window", "n_windows", "n_correct", "accuracy", "chance", "itr"]
].round(3)

# %%
# ``chance`` is the accuracy that guessing reaches with a probability of at most 5 %. It falls
# towards one half as windows get shorter, because there are more of them. Long windows are decoded
# better, but a device that waits for them is slow. The minimal expected switch duration weighs one
# against the other: the time that the best controller takes to follow a switch of attention.

print(f"minimal expected switch duration: {summary['mesd'][0]:.1f} s")
print(*verdict(table), sep="\n")

# %%
# Shuffled labels
# ---------------
# With attended labels drawn at random there is nothing to learn about attention, and the same
# procedure has to end near one half. If it does not, training and test data share something.

import numpy as np

labels = np.random.default_rng(0).integers(2, size=len(trials)).tolist()
relabelled = zip(trials, labels, strict=True)
shuffled = [trial.replace(attended=label) for trial, label in relabelled]
null = evaluation.compare(
    {"ridge": ridge}, shuffled, cv="story", windows=windows
)
summarise(null)[["window", "n_windows", "accuracy", "chance", "p"]].round(3)

# %%
# What the decoder responds to
# ----------------------------
# The weights of a backward model cannot be read as brain activity; its pattern can. Neighbouring
# samples of an envelope are alike, so the best that a pattern can show is the true response blurred
# by the autocorrelation of the envelope. We blur the truth in the same way and compare. The scales
# differ, because the reconstruction explains only a small part of the envelope.

from matplotlib import pyplot as plt
from scipy.linalg import toeplitz
from scipy.signal import correlate

regressor = ridge.fit(own).regressor_
pattern = regressor.patterns_[0]
attended = np.concatenate(
    [trial.stimuli[trial.attended, :, 0] for trial in own]
)
autocorrelation = correlate(attended, attended)[len(attended) - 1 :][
    : len(listeners.lags)
]
blur = toeplitz(autocorrelation / autocorrelation[0])
truth = listeners.trf[0] @ blur[:, regressor.lags_]
print(
    f"correlation of the two: {np.corrcoef(truth.ravel(), pattern.ravel())[0, 1]:.2f}"
)

names = trials[0].channel_names
top, bottom = plt.figure(figsize=(8, 9), layout="constrained").subfigures(2)
top.suptitle("true response of listener 1, blurred")
plots.trf_topomap(truth, regressor.lags_ / 64, names, fig=top)
bottom.suptitle("pattern of the decoder")
plots.trf_topomap(pattern, regressor.lags_ / 64, names, fig=bottom)
