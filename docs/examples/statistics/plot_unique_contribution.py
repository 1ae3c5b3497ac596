"""
What a predictor contributes of its own
=======================================

Words begin where the envelope of speech rises, so the two predict the same EEG. Does the brain answer to
words as well? A forward model with both is compared with one that lacks one of them, on trials that
neither has seen. Here the truth is known: six simulated listeners answer to the envelope and to the
surprisal of words, and not to their mere beginnings.
"""

import numpy as np

from cocktailparty import Trial
from cocktailparty.features import impulses
from linear_aad import ForwardTRF, contribution_tests, unique_contribution

SFREQ, DURATION = 32, 60
rng = np.random.default_rng(0)


def predictors():
    """Envelope, beginnings of words, and surprisal of words at these moments."""
    onsets = np.cumsum(rng.uniform(0.2, 0.6, size=200))
    words = impulses(onsets, SFREQ * DURATION, SFREQ)
    surprisal = impulses(
        onsets,
        SFREQ * DURATION,
        SFREQ,
        rng.uniform(0, 10, len(onsets)),
        standardise=True,
    )
    bump = np.exp(-0.5 * ((np.arange(12) - 4) / 2) ** 2)
    envelope = np.convolve(words[:, 0], bump)[
        : len(words), None
    ] + 0.3 * rng.random(words.shape)
    return np.concatenate([envelope, words, surprisal], axis=1)


lag = np.arange(16)
responses = [
    np.exp(-0.5 * ((lag - 3) / 1.5) ** 2),
    0.6 * np.exp(-0.5 * ((lag - 11) / 2) ** 2),
]
trials = []
for subject in range(6):
    gains = rng.normal(1, 0.2, size=(2, 4))
    for k in range(4):
        x = predictors()
        parts = [
            np.convolve(x[:, i], h)[: len(x)]
            for i, h in zip((0, 2), responses, strict=True)
        ]
        eeg = np.stack(parts, axis=1) @ gains + 3 * rng.normal(
            size=(len(x), 4)
        )
        trials.append(
            Trial(
                eeg,
                x[None],
                SFREQ,
                0,
                f"S{subject}",
                f"{subject}-{k}",
                f"{subject}-{k}",
            )
        )

# %%
# Predictors of one kind share a penalty (``bands``); words may be answered later than the envelope
# (``lags``). The reduced models keep the bands and lags of what stays, and tune their penalties anew.
model = ForwardTRF(
    tmin=0, tmax=0.25, sfreq=SFREQ, alpha=[1e-2, 1.0], alpha_convention="relative",
    bands=[1, 2], lags={1: (0, 0.5), 2: (0, 0.5)},
)  # fmt: skip
table = unique_contribution(
    model, trials, {"envelope": [0], "words": [1], "surprisal": [2]}
)
table.groupby("predictor")[["r_full", "r_reduced", "unique"]].mean().round(3)

# %%
# Each listener gives one number, the mean difference of r with and without the predictor.
contribution_tests(table).round(4)
