"""
Hyper-parameter search: what is the best score worth?
=====================================================

A decoder has parameters that cross-validation can choose. A search that tries many of them keeps
the best score, and the best of many scores is too good, even if there is nothing to decode. We
search twice, on a simulated listener and on one who does not listen, and hold one story out both
times.
"""

# %%
# A listener, and one who does not listen
# ---------------------------------------
# For the second one, the EEG belongs to other trials: no decoder can be better than chance.

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.preprocessing import preprocess

listener = simulate_two_talkers(
    n_trials=12,
    duration=60,
    n_channels=8,
    snr=-24,
    n_stories=6,
    random_state=1,
).trials
absent = [
    trial.replace(eeg=other.eeg)
    for trial, other in zip(listener, listener[3:] + listener[:3], strict=True)
]
listener, absent = (
    preprocess(trials, l_freq=1, h_freq=9) for trials in (listener, absent)
)

# %%
# The space
# ---------
# A function of an Optuna trial draws parameters and returns what the decoder is to be given.

from cocktailparty.search import search
from linear_aad import AttentionDecoder, BackwardTRF

decoder = AttentionDecoder(BackwardTRF(alpha_convention="relative"))


def space(trial):
    """Penalty and lags of a backward model."""
    tmin = trial.suggest_float("tmin", 0.0, 0.2, step=0.05)
    length = trial.suggest_float("length", 0.05, 0.3, step=0.05)
    return {
        "regressor__alpha": trial.suggest_float("alpha", 1e-6, 1e4, log=True),
        "regressor__tmin": tmin,
        "regressor__tmax": tmin + length,
    }


# %%
# Two searches
# ------------
# The accuracy in windows of 5 s is averaged over the folds, one story each. From the second fold
# on, the lower half of the trials stops.

results = {}
for who, trials in {"listener": listener, "absent": absent}.items():
    results[who] = search(
        decoder,
        trials,
        space,
        n_trials=20,
        window=5,
        holdout="story",
        random_state=0,
    )
    print(f"{who}:")
    print("\n".join(results[who].verdict()), end="\n\n")

# %%
# The course of the first search. Grey crosses were stopped early; the green point is the score on the
# story that the search never saw, with its interval.

from cocktailparty.search.figure import draw_search

draw_search(results["listener"])

# %%
# And of the second one. There is nothing to find, and yet the orange line climbs. Whoever reports
# its end reports luck.

draw_search(results["absent"])
