"""
Separate the attended sound with EEG (neuro-steered NMF)
========================================================

Two instruments play at once, and a listener attends to one of them. From the mixture and the EEG
alone we find out which parts of the mixture the listener follows, and take them out. EEG tells very
little in a few seconds, so the figure at the end shows time: minutes are needed, and until then the
output stays close to the mixture, on purpose.
"""

# %%
# A simulated listener
# --------------------
# The brain follows the envelopes of both instruments, that of the attended one more. The noise is
# such that a linear decoder reaches the correlations that recordings give.

import numpy as np

from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass

RATE, SFREQ = 8000, 64


def play(rng, pitches, attack, decay, brightness, duration):
    """Chords of two notes with a rise and a fall, given in seconds."""
    sound = np.zeros(duration * RATE)
    time = np.arange(2 * RATE) / RATE
    shape = (1 - np.exp(-time / attack)) * np.exp(-time / decay)
    notes = [
        sum(
            brightness**k * np.sin(2 * np.pi * k * pitch * time + k)
            for k in range(1, int(RATE / 2 / pitch))
        )
        for pitch in pitches
    ]
    # Two chords a second, on average.
    for start in rng.integers(0, (duration - 2) * RATE, 2 * duration):
        first, second = rng.choice(len(pitches), 2, replace=False)
        chord = notes[first] + notes[second]
        sound[start : start + len(time)] += shape * chord * rng.uniform(0.5, 1)
    return sound / sound.std()


def duet(rng, duration):
    return np.array(
        [
            play(rng, (262, 330, 392), 0.003, 0.2, 0.8, duration),
            play(rng, (233, 294, 349), 0.05, 0.15, 0.5, duration),
        ]
    )


trf = simulate_trf(n_channels=32, sfreq=SFREQ, random_state=0)


def listen(sounds, attended, rng):
    """What the cap records, and what plays."""
    envelopes = np.array(
        [speech_envelope(sound, RATE, SFREQ)[:, 0] for sound in sounds]
    )
    envelopes /= envelopes.std(axis=1, keepdims=True)
    eeg = simulate_eeg(
        envelopes, attended, SFREQ, trf, snr=-25, random_state=rng
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
training[0]

# %%
# Decoder and separator
# ---------------------
# Training needs to know what was attended, and the sounds one by one. After it,
# :class:`~cnmf.NeuroSteeredSeparator` needs the mixture and the EEG only: the decoder reconstructs
# what the attended sound does over time, the mixture is split into components *without* looking at
# that, and evidence that a set of components follows the reconstruction is gathered over the whole
# mixture.

from cnmf import NeuroSteeredSeparator
from linear_aad import BackwardTRF

trf_back = BackwardTRF(
    tmax=0.4, sfreq=SFREQ, alpha=1e-2, alpha_convention="relative"
)
separator = NeuroSteeredSeparator(trf_back, n_components=6, random_state=0)
separator.fit(training)

# %%
# Longer and longer mixtures
# --------------------------
# Two new pieces, each attended once in one way and once in the other. The first 10 s, 60 s, ... are
# separated on their own.

from cocktailparty.metrics import bss_eval

LENGTHS = (10, 60, 120, 360)
gains = np.zeros((len(LENGTHS), 4))
confidence = np.zeros((len(LENGTHS), 4))
correlations = []
for case in range(4):
    if case % 2 == 0:
        sounds = duet(rng, max(LENGTHS))
    attended = case % 2
    whole = listen(sounds, attended, rng)
    correlations.append(
        np.corrcoef(
            separator.reconstruct(whole)[:, 0], whole.stimuli[attended, :, 0]
        )[0, 1]
    )
    for i, length in enumerate(LENGTHS):
        trial = Trial(
            whole.eeg[: length * SFREQ],
            None,  # the sounds are not known
            SFREQ,
            audio=whole.audio[: length * RATE],
            audio_sfreq=RATE,
        )
        parts = separator.separate(trial)
        mixture = np.array([trial.audio, trial.audio])
        stems = sounds[:, : length * RATE]
        if attended == 1:
            stems = stems[::-1]
        gains[i, case] = (
            bss_eval(stems, parts)[0] - bss_eval(stems, mixture)[0]
        )[0]
        confidence[i, case] = separator.attention_.confidence
print(f"correlation of reconstruction and truth: {np.mean(correlations):.2f}")
for length, some in zip(LENGTHS, gains, strict=True):
    print(
        f"{length} s: SDR over the mixture {some.mean():.1f} dB, from "
        f"{some.min():.1f} to {some.max():.1f} dB"
    )

# %%
# Each line is one case. The output leaves the mixture when the evidence is there, which takes longer
# in some cases than in others. Ten seconds can mislead: in one case they look convincing, and the
# output is worse than the mixture.

from matplotlib import pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.plot(LENGTHS, gains, color="C0", alpha=0.35)
left.plot(LENGTHS, gains.mean(axis=1), "o-", color="C0", lw=2, label="mean")
left.axhline(0, color="0.5", lw=1)
left.set(ylabel="SDR over the mixture (dB)")
right.plot(LENGTHS, confidence, color="C1", alpha=0.35)
right.plot(LENGTHS, confidence.mean(axis=1), "o-", color="C1", lw=2)
right.set(ylabel="confidence", ylim=(0, 1.02))
for ax in (left, right):
    ax.set(xscale="log", xlabel="length of the mixture (s)")
    ax.set_xticks(LENGTHS, [str(length) for length in LENGTHS])
    ax.minorticks_off()
left.legend()

# %%
# The last mixture
# ----------------

from cocktailparty.features import stft

seconds = slice(0, 12 * RATE)
panels = {
    "mixture": trial.audio[seconds],
    "attended": parts[0, seconds],
    "rest": parts[1, seconds],
}
loudest = np.abs(stft(panels["mixture"], 512, 128)).max()
fig, axes = plt.subplots(
    3, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, sound) in zip(axes, panels.items(), strict=True):
    level = 20 * np.log10(np.abs(stft(sound, 512, 128)) / loudest + 1e-6)
    image = ax.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        extent=(0, 12, 0, RATE / 2000),
        vmin=-60,
        vmax=0,
        cmap="magma",
    )
    ax.set(title=name, ylabel="kHz", ylim=(0, 3))
axes[-1].set_xlabel("time (s)")
fig.colorbar(image, ax=list(axes), label="level (dB)")

# %%
# What this does not show
# -----------------------
# The listener is simulated: attention never wanders, the response is the same in all trials, and the
# instruments differ in timbre, so that components belong to one of them. With recordings of real
# pieces the gain is smaller and comes later; :doc:`/guide/separation` has figures. No published
# system, this one included, separates by EEG within seconds.
