"""
Classify words and speakers by contrastive audio learning
=========================================================

A classifier of sounds may learn more than classes: who speaks, or with which device a breath was
recorded. :class:`~deep.ContrastiveAudioClassifier` contrasts such metadata by a second projection of
the same network (``method="mscl"``). Here two words are said by two voices, all of them synthetic.
"""

# %%
# Sounds
# ------
# A word is a glide of a formant, up or down. A voice is a pitch and the length of a vocal tract,
# which moves all formants.

import numpy as np

SFREQ = 8000
WORDS, VOICES = (
    ("up", "down"),
    {"low voice": (110, 1.0), "high voice": (190, 1.15)},
)
rng = np.random.default_rng(0)


def said(word, voice):
    pitch, tract = VOICES[voice]
    n = int(SFREQ * rng.uniform(0.25, 0.4))
    glide = np.linspace(0, 1, n) if word == "up" else np.linspace(1, 0, n)
    formant = tract * (600 + 1200 * glide) * rng.uniform(0.95, 1.05)
    time = np.arange(n) / SFREQ
    x = np.zeros(n)
    for k in range(1, 18):
        f = k * pitch * rng.uniform(0.99, 1.01)
        x += np.exp(-(((f - formant) / 250) ** 2)) * np.sin(
            2 * np.pi * f * time
        )
    return (x + 0.02 * rng.normal(size=n)).astype(np.float32)


words, voices = np.tile(WORDS, 24), np.repeat(list(VOICES), 24)
clips = [said(word, voice) for word, voice in zip(words, voices, strict=True)]

# %%
# Training
# --------
# Half of the clips train. The network is CNN6 of PANNs with a sixteenth of its features: enough
# for two words, and a matter of seconds.

from deep import ContrastiveAudioClassifier, Training

train, test = np.arange(0, 48) % 4 < 2, np.arange(0, 48) % 4 >= 2
classifier = ContrastiveAudioClassifier(
    "mscl",
    sfreq=SFREQ,
    width=1 / 16,
    training=Training(batch_size=24),
    max_epochs=30,
    random_state=0,
)
some = [clip for clip, chosen in zip(clips, train, strict=True) if chosen]
others = [clip for clip, chosen in zip(clips, test, strict=True) if chosen]
classifier.fit(some, words[train], metadata=voices[train])
print(
    f"{100 * classifier.score(others, words[test]):.0f} % of the other clips are right"
)

# %%
# What the embeddings hold
# ------------------------
# Neighbours in this map are neighbours in the embedding. Words and voices have each their place,
# since both were contrasted; with ``method="scl"`` only the words would have to.

import matplotlib.pyplot as plt

from cocktailparty.plots import confusion_matrix, embedding_map

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4), layout="constrained"
)
both = [
    f"{word}, {voice}"
    for word, voice in zip(words[test], voices[test], strict=True)
]
embedding_map(classifier.transform(others), both, ax=left)
confusion_matrix(words[test], classifier.predict(others), ax=right)

# %%
# :doc:`/guide/sounds` says which method is worth its time, and where weights are that were trained
# on two million sounds.
