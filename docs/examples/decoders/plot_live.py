"""
Decode attention while the sounds play
======================================

A device cannot look ahead, hears samples in chunks, and loses some. Here a recording is played again
as it would have come: chunk by chunk, with a gap. Gains follow the probability, and the mixture is
written at once.
"""

# %%
# A listener with sounds
# ----------------------
# Two sounds with the rhythm of syllables play in each trial. The EEG answers their envelopes. In
# the session to decode, attention moves from one to the other and back.

import numpy as np

from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope

rng = np.random.default_rng(0)
AUDIO, EEG, N_CHANNELS, SNR = 8000, 128, 16, -17.0
trf = simulate_trf(N_CHANNELS, EEG, random_state=0)


def sounds(seconds):
    times = np.arange(seconds * AUDIO) / AUDIO
    syllables = rng.lognormal(size=(2, 5 * seconds + 1))
    envelopes = [
        np.interp(times, np.arange(5 * seconds + 1) / 5, s) for s in syllables
    ]
    noise = rng.uniform(-1, 1, (2, len(times)))
    return (0.05 * np.array(envelopes) * noise).T


def eeg_of(audio, attended):
    heard = [speech_envelope(x, AUDIO, EEG)[:, 0] for x in audio.T]
    heard = np.array([envelope / envelope.std() for envelope in heard])
    return simulate_eeg(heard, attended, EEG, trf, snr=SNR, random_state=rng)


# %%
# A model that never looks ahead
# ------------------------------
# Trials pass causal filters, and the model says so: a zero-phase one would be refused.

from cocktailparty.decoding import train_model
from cocktailparty.preprocessing import preprocess
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

trials = []
for i in range(10):
    audio = sounds(40)
    envelopes = [
        speech_envelope(x, AUDIO, EEG, phase="causal") for x in audio.T
    ]
    eeg = eeg_of(audio, i % 2)
    eeg -= eeg.mean(axis=1, keepdims=True)
    trials.append(Trial(eeg, envelopes, EEG, attended=i % 2, story=str(i)))
decoder = AttentionDecoder(BackwardTRF(0, 0.4, 64, alpha="ledoit-wolf"))
model = train_model(
    AttentionTracker(decoder),
    preprocess(trials, 64, 1, 9, phase="causal"),
    phase="causal",
)

# %%
# The session, chunk by chunk
# ---------------------------
# Chunks of 50 ms are pushed with their times. Five seconds of EEG are lost on the way: the jump of
# the time stamps says so.

from cocktailparty.live import LiveDecoder, Mixer

SECONDS = 180
audio = sounds(SECONDS)
attended = (np.arange(SECONDS) // 60) % 2
eeg = [eeg_of(audio, k) for k in (0, 1)]
which = np.repeat(attended, EEG)
eeg = np.where(which[:, None] == 0, eeg[0], eeg[1])

live = LiveDecoder(model, EEG, AUDIO, dwell=30, steady=0.0, absent=0.1)
mixer = Mixer(AUDIO, 2)
decisions, moving, mixture = [], [], []
for k in range(20 * SECONDS):
    times = np.arange(round(k * EEG / 20), round((k + 1) * EEG / 20))
    if not 145 <= k / 20 < 150:
        live.push_eeg(eeg[times], times / EEG)
    samples = np.arange(400 * k, 400 * (k + 1))
    live.push_audio(audio[samples], samples / AUDIO)
    for decision in live.advance():
        decisions.append(decision)
        mixer.decide(decision.gains_db)
    mixture.append(mixer.mix(audio[samples]))
    moving.append(mixer.gains_db)

# %%
# What was attended, and what was heard
# -------------------------------------
# After a switch the evidence has to add up; without data the gains return to neutral.

import matplotlib.pyplot as plt

ends = np.array([d.end for d in decisions])
fig, (top, bottom) = plt.subplots(
    2, 1, sharex=True, figsize=(8, 5), layout="constrained"
)
for k, name in enumerate(("talker 0", "talker 1")):
    top.plot(ends, [d.probability[k] for d in decisions], label=name)
    bottom.plot(
        np.arange(len(moving)) / 20, np.array(moving)[:, k], label=name
    )
top.plot(
    ends, [d.nobody for d in decisions], "--", color="0.5", label="nobody"
)
for axes in (top, bottom):
    axes.axvspan(145, 150, color="0.85", lw=0)
    for switch in (60, 120):
        axes.axvline(switch, color="0.6", lw=0.8, ls=":")
top.set(
    ylabel="Probability",
    ylim=(-0.02, 1.02),
    title="Attention: 0, then 1, then 0",
)
top.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
bottom.set(xlabel="Time (s); grey: EEG lost", ylabel="Gain (dB)")

# %%
# Offline, the same samples give the same answer; with the gap, there is none in its windows.

right = [d.probability[attended[int(d.end - 1)]] > 0.5 for d in decisions]
print(f"right in {np.mean(right):.0%} of {len(right)} decisions")
print(f"lost: {sum(d.lost for d in decisions):.1f} s")
# sphinx_gallery_thumbnail_number = 1
