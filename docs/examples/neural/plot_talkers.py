"""
Extract one talker from a mixture, by name or by voice
======================================================

A network learns to listen to one voice of several. Whom it listens to is told by a name from its
memory, or by a moment of the voice itself. The voices here are hums with syllables, which a small
network learns in seconds; speech takes it minutes, see :doc:`/guide/talkers`.
"""

# %%
# Voices
# ------
# A voice is a pitch with overtones, and syllables that come and go at random.

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from cocktailparty.metrics import si_sdr
from deep import ASAMSeparator

SFREQ = 8000
PITCHES = {"ann": 310.0, "bob": 120.0, "cleo": 220.0}


def hum(pitch, seconds, seed):
    time = np.arange(round(seconds * SFREQ)) / SFREQ
    rng = np.random.default_rng([seed, int(pitch)])
    wobble = pitch * (1 + 0.02 * np.sin(2 * np.pi * rng.uniform(3, 6) * time))
    phase = 2 * np.pi * np.cumsum(wobble) / SFREQ
    sound = sum(np.sin(k * phase) / k for k in range(1, int(3500 / pitch)))
    syllables = np.interp(time, np.arange(0, seconds + 0.4, 0.15), rng.random(99)[: len(
        np.arange(0, seconds + 0.4, 0.15))] ** 2)  # fmt: skip
    return sound * syllables


names = [name for name in PITCHES for _ in range(3)]
utterances = [hum(PITCHES[name], 4.0, seed) for seed, name in enumerate(names)]
asam = ASAMSeparator(
    SFREQ, n_channels=48, n_voice=16, n_layers=(1, 3), mixture_duration=1.0, cue_duration=1.0,
    n_mixtures=60, max_epochs=30, random_state=0,
)  # fmt: skip
asam.fit(utterances, names)

# %%
# By name
# -------
# Ann and Bob at once, in a recording that was in no training. The name recalls a voice from memory.

ann, bob = hum(PITCHES["ann"], 4.0, 20), hum(PITCHES["bob"], 4.0, 21)
mixture = ann + bob
found = asam.predict([mixture, mixture], cue=["ann", "bob"])
for name, target, estimate in zip(
    ("ann", "bob"), (ann, bob), found, strict=True
):
    print(
        f"{name}: {si_sdr(target, mixture):.1f} dB, then {si_sdr(target, estimate):.1f} dB"
    )

# %%
# Who of all in the memory is there, and how surely:

who = asam.separate(mixture, threshold=0.0)
print({name: round(talker.presence, 2) for name, talker in who.items()})

# %%
# They can be listened to:


class Player:
    """Sounds that a browser plays."""

    def __init__(self, **sounds):
        self.sounds = sounds

    def _repr_html_(self):
        rows = []
        for name, x in self.sounds.items():
            file = io.BytesIO()
            soundfile.write(
                file, 0.5 * x / np.abs(x).max(), SFREQ, format="WAV"
            )
            data = base64.b64encode(file.getvalue()).decode()
            rows.append(
                f'{name} <audio controls src="data:audio/wav;base64,{data}"></audio>'
            )
        return "<br>".join(rows)


Player(mixture=mixture, ann=found[0], bob=found[1])

# %%
# What it attends to
# ------------------
# The same mixture under two cues: how much of each bin of time and frequency is let through.

figure, axes = plt.subplots(
    1, 2, figsize=(9, 3.4), sharey=True, layout="constrained"
)
for ax, name in zip(axes, ("ann", "bob"), strict=True):
    mask = asam.attention(mixture, name)
    image = ax.imshow(mask[:, :65].T, origin="lower", aspect="auto", vmin=0, vmax=1,
                      extent=(0, 4, 0, 2), cmap="magma")  # fmt: skip
    ax.set(title=f"cue: {name}", xlabel="time (s)")
axes[0].set_ylabel("frequency (kHz)")
figure.colorbar(image, ax=list(axes), label="share of the magnitude")

# %%
# A stranger
# ----------
# Dora was in no training. Enrolling her is a single pass of the network, which stays as it is, and
# nobody else's voice changes. The memory tells how alike voices are.

PITCHES["dora"] = 170.0
asam.enroll(hum(PITCHES["dora"], 2.0, 30), "dora")
memory = asam.memory_
figure, ax = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
image = ax.imshow(
    memory.values @ memory.values.T, vmin=-1, vmax=1, cmap="RdBu_r"
)
ax.set_xticks(range(len(memory.names)), memory.names)
ax.set_yticks(range(len(memory.names)), memory.names)
figure.colorbar(image, label="cosine of voices")
who = {
    name: round(talker.presence, 2)
    for name, talker in asam.separate(mixture).items()
}
print("In the mixture:", who)

# %%
# A cue that was never heard
# --------------------------
# A voice itself as the cue, and no name. Hums are known after a quarter of a second; of speech,
# seconds are needed.

lengths = [0.25, 0.5, 1.0, 2.0]
ratios = []
for seconds in lengths:
    cues = [hum(PITCHES[name], seconds, 40) for name in ("ann", "bob")]
    estimates = asam.predict([mixture, mixture], cue=cues)
    ratios.append(
        [si_sdr(x, y) for x, y in zip((ann, bob), estimates, strict=True)]
    )
figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
ax.plot(lengths, ratios, "o-", label=("ann", "bob"))
ax.set_xticks(lengths, [f"{x:g}" for x in lengths])
ax.set(xlabel="stimulus (s)", ylabel="SI-SDR (dB)", ylim=(0, None))
ax.legend()
plt.show()
