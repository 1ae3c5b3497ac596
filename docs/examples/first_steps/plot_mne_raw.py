"""
Decode attention from an MNE Raw recording and audio files
==========================================================

A listening experiment leaves three things behind: one long EEG recording, the triggers in it that
say when the sounds started, and the audio files that were played. This example takes them to a
cross-validated attention decoder:

1. open the recording with MNE-Python and find the triggers;
2. cut it into trials, with :func:`cocktailparty.recordings.trials_from_raw`: re-reference,
   resample and filter the EEG, compute the envelopes of the sounds, put both on one clock;
3. train a backward model on all stories but one, and ask which talker was attended in that one;
4. look at the correlations it decides from, and at the scalp pattern behind the weights.

The method is that of O'Sullivan et al. (2015), doi:10.1093/cercor/bht355; the steps that come
before it follow Biesmans et al. (2017), doi:10.1109/TNSRE.2016.2571900. Listener and speech are
simulated, so nothing is downloaded.
"""

# %%
# A recording session
# -------------------
# First a session to work on: 32 channels at 256 Hz, in which twelve trials of 40 s follow each
# other with pauses. In each, two talkers speak and one is attended. For every talker there is a
# wav file of noise that has the envelope of the simulated speech.
# With your own data, skip to the next section.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np
import soundfile
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.metrics import chance_level
from cocktailparty.recordings import read_eeg, trials_from_raw
from linear_aad import AttentionDecoder, BackwardTRF

EEG_SFREQ, AUDIO_SFREQ, DURATION, PAUSE = 256, 8000, 40, 5
rng = np.random.default_rng(1)
directory = tempfile.TemporaryDirectory()
folder = Path(directory.name)

session = simulate_two_talkers(
    n_trials=12,
    duration=DURATION,
    sfreq=EEG_SFREQ,
    n_channels=32,
    n_stories=4,
    random_state=1,
).trials

info = mne.create_info(list(session[0].channel_names), EEG_SFREQ, "eeg")
info.set_montage("biosemi32")
rest = np.std(session[0].eeg) * rng.normal(
    size=(PAUSE * EEG_SFREQ, info["nchan"])
)
recording = np.concatenate(
    [rest] + [part for trial in session for part in (trial.eeg, rest)]
)
raw = mne.io.RawArray(recording.T, info, verbose="ERROR")
raw.set_annotations(
    mne.Annotations(
        onset=[PAUSE + i * (DURATION + PAUSE) for i in range(len(session))],
        duration=DURATION,
        description="trial",
    )
)
raw.save(folder / "session-raw.fif", verbose="ERROR")

audio_time = np.arange(DURATION * AUDIO_SFREQ) / AUDIO_SFREQ
for trial in session:
    for talker, envelope in enumerate(trial.stimuli[:, :, 0]):
        # Loudness grows as amplitude to the power 0.6, which the envelope of a sound accounts for.
        amplitude = np.interp(
            audio_time, np.arange(envelope.size) / EEG_SFREQ, envelope
        )
        sound = amplitude ** (1 / 0.6) * rng.normal(size=audio_time.size)
        file = folder / f"{trial.name}_talker-{talker}.wav"
        soundfile.write(file, 0.5 * sound / np.abs(sound).max(), AUDIO_SFREQ)

# %%
# From the recording to trials
# ----------------------------
# The recording is opened, not yet read: of each trial, only its own stretch is read from disk,
# plus what resampling and filter need before and after it. Nothing has to be filtered or
# cut in MNE beforehand. The order of the sounds in a trial is up to you; `attended` says which one
# was listened to, and `story` keeps together what must not be split between training and test.

raw = read_eeg(folder / "session-raw.fif")
events, _ = mne.events_from_annotations(raw, verbose="ERROR")

trials = trials_from_raw(
    raw,
    events,
    sounds=[
        [folder / f"{t.name}_talker-{k}.wav" for k in range(2)]
        for t in session
    ],
    attended=[t.attended for t in session],
    story=[t.story for t in session],
    name=[t.name for t in session],
    sfreq=64,
    l_freq=1,
    h_freq=9,
    reference="average",
)
directory.cleanup()
trials[0]

# %%
# Decode
# ------
# The backward model reconstructs the envelope of the attended talker from the EEG of the 250 ms
# that follow. Its penalty is given relative to the power of the EEG; a list of penalties would
# have the best one chosen, by leaving out one training trial after the other. A trial is the
# sample of scikit-learn's tools, so that cross-validation over stories is one line.

decoder = AttentionDecoder(
    BackwardTRF(
        tmin=0.0, tmax=0.25, sfreq=64, alpha=0.01, alpha_convention="relative"
    )
)
attended = np.array([trial.attended for trial in trials])
stories = [trial.story for trial in trials]
cv = LeaveOneGroupOut()
accuracy = cross_val_score(decoder, trials, attended, groups=stories, cv=cv)
chance = chance_level(n_windows=len(trials))
print(
    f"accuracy {accuracy.mean():.2f}, a coin reaches {chance:.2f} in one of twenty sessions"
)

# %%
# What the decision is based on
# -----------------------------
# In each left-out story, the reconstruction is correlated with both envelopes. A trial above the
# diagonal is decoded correctly. The shorter the window over which the correlation is taken, the
# more the points scatter, and the more often they fall on the wrong side.

figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained"
)
for ax, window in zip(axes, (40, 5), strict=True):
    for train, test in cv.split(trials, groups=stories):
        fitted = decoder.fit([trials[i] for i in train])
        for i in test:
            scores = fitted.window_scores(trials[i], window=window)
            ax.scatter(
                scores[:, 1 - attended[i]],
                scores[:, attended[i]],
                s=12,
                color="tab:blue",
            )
    ax.axline((0, 0), slope=1, color="gray", linewidth=1)
    ax.set(
        xlabel="correlation with unattended",
        title=f"windows of {window} s",
        aspect="equal",
    )
axes[0].set_ylabel("correlation with attended")

# %%
# Where the response comes from
# -----------------------------
# The weights of a backward model cannot be read as brain activity: they suppress noise as much as
# they collect signal. The patterns can (Haufe et al. 2014, doi:10.1016/j.neuroimage.2013.10.067).
# Channel names came along from the recording, so MNE-Python can draw them over the head.

fitted = decoder.fit(trials).regressor_
pattern = fitted.patterns_[0]
strength = pattern.std(axis=0)
strongest = int(strength.argmax())

figure, (ax_time, ax_map) = plt.subplots(
    1, 2, figsize=(8, 3.5), layout="constrained"
)
ax_time.plot(1e3 * fitted.lags_ / fitted.sfreq, strength)
ax_time.axvline(
    1e3 * fitted.lags_[strongest] / fitted.sfreq, color="gray", linewidth=1
)
ax_time.set(
    xlabel="EEG after sound (ms)",
    ylabel="pattern, SD over channels",
    ylim=(0, None),
)
mne.viz.plot_topomap(pattern[:, strongest], raw.info, axes=ax_map, show=False)
ax_map.set_title(f"{1e3 * fitted.lags_[strongest] / fitted.sfreq:.0f} ms")
plt.show()
