"""
Stems by a separator of your own, steered by EEG
================================================

Whatever splits a mixture can be steered: a trained network, a filter, stems that come with the
recording. The EEG then only has to tell which of the parts is attended, and that is something it can
do in a minute, while it can hardly tell which of many components belong together. Here a crossover
filter splits a bass from a lead, and EEG of a simulated listener chooses.
"""

# %%
# A mixture and its listeners
# ---------------------------
# Two instruments play at random. The brain follows both envelopes, that of the attended one more.

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from scipy.signal import butter, sosfiltfilt

from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass

RATE, SFREQ = 8000, 64


def play(rng, pitches, n_harmonics, decay, duration):
    """Notes at random moments, two a second on average."""
    sound, time = np.zeros(duration * RATE), np.arange(RATE) / RATE
    notes = [
        sum(
            0.5**k * np.sin(2 * np.pi * k * pitch * time)
            for k in range(1, n_harmonics + 1)
        )
        for pitch in pitches
    ]
    for start in rng.integers(0, len(sound) - RATE, 2 * duration):
        note = notes[rng.integers(len(notes))] * np.exp(-time / decay)
        sound[start : start + RATE] += rng.uniform(0.4, 1) * note
    return sound / sound.std()


def duet(rng, duration):
    bass = play(rng, (82, 98, 110, 131), 6, 0.25, duration)
    lead = play(rng, (659, 784, 880, 988), 4, 0.12, duration)
    return np.array([bass, lead])


trf = simulate_trf(n_channels=32, sfreq=SFREQ, random_state=0)


def listen(sounds, attended, rng):
    """What the cap records, and what plays."""
    envelopes = np.array(
        [speech_envelope(sound, RATE, SFREQ)[:, 0] for sound in sounds]
    )
    envelopes /= envelopes.std(axis=1, keepdims=True)
    eeg = simulate_eeg(
        envelopes, attended, SFREQ, trf, snr=-24, random_state=rng
    )
    return Trial(
        bandpass(eeg, SFREQ, 1, 9),
        bandpass(envelopes.T, SFREQ, 1, 9).T,
        SFREQ,
        attended=attended,
        audio=sounds.sum(axis=0).astype(np.float32),
        audio_sfreq=RATE,
    )


rng = np.random.default_rng(0)
training = [listen(duet(rng, 60), k % 2, rng) for k in range(6)]

# %%
# A separator of your own
# -----------------------
# A separator is anything with ``separate(mixture, sfreq)`` that returns 2 to 8 parts, and
# :class:`~cocktailparty.separation.FunctionSeparator` makes one of a function. This one is no good: the
# overtones of the bass end up in the part of the lead. A network of torch would stand in its place as
# ``lambda x, sfreq: model(torch.from_numpy(x)[None])[0].detach().numpy()``.

from cnmf import NeuroSteeredSeparator
from cocktailparty.separation import FunctionSeparator
from linear_aad import BackwardTRF


def crossover(mixture, sfreq):
    low = sosfiltfilt(butter(4, 400, fs=sfreq, output="sos"), mixture)
    return np.array([low, mixture - low])


decoder = BackwardTRF(
    tmax=0.4, sfreq=SFREQ, alpha=1e-2, alpha_convention="relative"
)
separator = NeuroSteeredSeparator(
    decoder, separator=FunctionSeparator(crossover)
)
separator.fit(training)

# %%
# Confidence over time
# --------------------
# A new piece, attended in one way and in the other, and EEG of somebody who heard another piece. All
# are decoded from the first 5 s, the first 10 s, and so on.

LENGTHS = np.array([5, 10, 15, 20, 30, 45, 60, 90, 120])
sounds = duet(rng, int(LENGTHS[-1]))
listeners = {
    "attends to the bass": listen(sounds, 0, rng),
    "attends to the lead": listen(sounds, 1, rng),
    "heard another piece": listen(duet(rng, int(LENGTHS[-1])), 0, rng),
}
confidence = {}
for name, whole in listeners.items():
    confidence[name] = []
    for length in LENGTHS:
        trial = Trial(
            whole.eeg[: length * SFREQ],
            None,  # the sounds are not known
            SFREQ,
            audio=sounds.sum(axis=0)[: length * RATE].astype(np.float32),
            audio_sfreq=RATE,
        )
        parts = separator.separate(trial)
        attention = separator.attention_
        confidence[name].append(attention.confidence)
        if name == "attends to the lead":
            lead, rest = parts
    print(
        f"{name}: after {LENGTHS[-1]} s part {attention.chosen}, "
        f"confidence {attention.confidence:.2f}, p {attention.p_value:.3f}"
    )

fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for name, values in confidence.items():
    ax.plot(LENGTHS, values, "o-", label=name)
ax.axhline(0.5, color="0.6", linewidth=1)
ax.set(xlabel="EEG (s)", ylabel="confidence", ylim=(-0.02, 1.02))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

# %%
# The output stays close to the mixture until the choice is sure, on purpose, and with EEG that has
# nothing to do with the mixture it stays there.
#
# What it sounds like
# -------------------
# The last seconds, for who attends to the lead, after two minutes of EEG:

from cocktailparty.metrics import bss_eval


class Player:
    """Sounds that a browser plays."""

    def __init__(self, **sounds):
        self.sounds = sounds

    def _repr_html_(self):
        rows = []
        for name, x in self.sounds.items():
            file = io.BytesIO()
            soundfile.write(
                file, 0.5 * x / np.abs(x).max(), RATE, format="WAV"
            )
            data = base64.b64encode(file.getvalue()).decode()
            rows.append(
                f'{name} <audio controls src="data:audio/wav;base64,{data}"></audio>'
            )
        return "<br>".join(rows)


before, after = (
    bss_eval(sounds[1:], sound[None])[0][0]
    for sound in (sounds.sum(axis=0), lead)
)
print(f"SDR of the lead: {before:.1f} dB in the mixture, {after:.1f} dB now")
last = slice(-6 * RATE, None)
Player(mixture=sounds.sum(axis=0)[last], attended=lead[last], rest=rest[last])

# %%
# What was done to the parts, and which share of the mixture is in none of them, is reported:

print(separator.notes_, separator.steered_.remainder, separator.lag_)

# %%
# With the true stems in place of the crossover there is nothing left to hear of the rest. From the
# command line, stems are files: ``cocktailparty separate MIX.wav --stems A.wav B.wav --eeg FILE
# --model M``. How often the choice is right is in :doc:`plot_measured_separation`.
