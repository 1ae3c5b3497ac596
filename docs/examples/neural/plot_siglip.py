"""
Contrastive neural decoder of EEG and speech (SigLIP)
=====================================================

Ridge regression reconstructs the envelope of the attended talker and correlates. If the brain
follows something else than the envelope, such as onsets relative to what was just heard, that
leaves something on the table, since the envelope is what the reconstruction is compared with.
:class:`~deep.SigLIPDecoder` learns what to compare: it embeds EEG and sounds so that those which
belong together are alike.
"""

# %%
# A listener who answers onsets
# -----------------------------
# The simulated brain follows onsets under adaptive gain
# (:func:`~cocktailparty.datasets.neural_drive`), of which the decoders know nothing: the trials hold
# envelopes, as those of recordings do. The last story tests, the others train.

from cocktailparty.datasets import simulate_two_talkers

trials = simulate_two_talkers(
    n_trials=15,
    duration=40,
    n_channels=16,
    nonlinearity=1,
    snr=-26,
    random_state=3,
).trials
train = [trial for trial in trials if trial.story != "story-5"]
test = [trial for trial in trials if trial.story == "story-5"]

# %%
# Three decoders
# --------------
# All see the EEG from 0 to 0.4 s after a moment of sound, and choose penalties on training trials
# that are left out. The contrastive decoder starts from ridge models of several features of the
# envelope and trains a small readout on top; training stops by trials that it holds out itself.
# The stack has ridge models of the same features and weighs their correlations by logistic
# regression: what it gains over ridge regression needs no contrast.

from deep import SigLIPDecoder
from linear_aad import AttentionDecoder, BackwardTRF, StackedTRF

alphas = [0.001, 0.01, 0.1, 1, 10]
ridge = AttentionDecoder(
    BackwardTRF(0, 0.4, sfreq=64, alpha=alphas, alpha_convention="relative")
).fit(train)
stacked = StackedTRF(0, 0.4, sfreq=64, alpha=alphas).fit(train)
siglip = SigLIPDecoder(random_state=0).fit(train)

# %%
# How the training went
# ---------------------
# Share of windows of 3 s in which the attended talker has the larger similarity. Epoch -1 would say
# that nothing was better than the ridge models the network started from.

import matplotlib.pyplot as plt
import numpy as np

history = siglip.history_
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(100 * np.array(history["accuracy"]), label="learnt from")
ax.plot(100 * np.array(history["val_accuracy"]), label="held out")
ax.axvline(siglip.best_epoch_, color="0.6", ls=":", label="used")
ax.set(xlabel="epoch", ylabel="right windows (%)")
ax.legend()
plt.show()

# %%
# On the story that was left out
# ------------------------------
# The interval is that of a share of the windows, side by side, and guessing is right in half of
# them. One simulated listener is no result: it shows what the three do.

from scipy.stats import binomtest

windows = [1, 3, 5, 10]
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for offset, (name, decoder) in enumerate(
    {"ridge": ridge, "stacked": stacked, "siglip": siglip}.items()
):
    shares, errors = [], []
    for window in windows:
        scores = [decoder.window_scores(trial, window) for trial in test]
        right = np.concatenate(
            [
                s.argmax(axis=1) == t.attended
                for s, t in zip(scores, test, strict=True)
            ]
        )
        low, high = binomtest(int(right.sum()), len(right)).proportion_ci(
            method="wilson"
        )
        shares.append(100 * right.mean())
        errors.append((shares[-1] - 100 * low, 100 * high - shares[-1]))
    place = np.arange(len(windows)) + 0.15 * (offset - 1)
    ax.errorbar(
        place, shares, np.transpose(errors), fmt="o", capsize=3, label=name
    )
ax.axhline(50, color="0.6", ls=":", label="guessing")
ax.set_xticks(range(len(windows)), windows)
ax.set(
    xlabel="decision window (s)", ylabel="right windows (%)", ylim=(30, 102)
)
ax.legend(loc="upper left")
plt.show()
