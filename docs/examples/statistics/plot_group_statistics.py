"""
What holds over listeners
=========================

A report tests trials: would other labels have given as many right decisions? Whether a decoder works for
*people* is another question, with the listener as the unit. Eight simulated listeners differ in how well
their EEG can be decoded; two decoders are compared.
"""

import numpy as np

from cocktailparty import evaluation, plots
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.report.listeners import listeners_text
from linear_aad import AttentionDecoder, BackwardTRF

trials = []
for subject in range(8):
    snr = (
        -27 + 6 * np.random.default_rng(subject).random()
    )  # dB, not the same for all
    own = simulate_two_talkers(
        n_trials=6,
        n_channels=8,
        n_stories=3,
        duration=40,
        snr=snr,
        random_state=subject,
    ).trials
    trials += [trial.replace(subject=f"S{subject + 1}") for trial in own]

# %%
# One decoder sees 250 ms of EEG after each moment of the sound, the other 60 ms.


def ridge(tmax):
    return AttentionDecoder(
        BackwardTRF(tmax=tmax, alpha=0.01, alpha_convention="relative")
    )


decoders = {"250 ms": ridge(0.25), "60 ms": ridge(0.06)}
table = evaluation.compare(decoders, trials, cv="story", windows=[5, 20])

# %%
# Each listener gives one number, and tests are exact: signs of the differences change in all possible
# ways. Below six listeners nothing could be significant.
tests = evaluation.group_tests(table)
columns = [
    "decoder",
    "against",
    "window",
    "effect",
    "low",
    "high",
    "p",
    "p_corrected",
]
tests[columns].round(3)

# %%
# The same in words, as the report has it:
print("\n".join(listeners_text(table, tests)))

# %%
# Every line is a listener. Diamonds are means with their 95 % interval by Student's t.
plots.subject_accuracies(evaluation.subject_rows(table), window=20)
