"""A simulated listener on disk: sounds as wave files, EEG as recordings, a table of trials."""

import mne
import numpy as np
import soundfile

from cocktailparty.datasets import simulate_eeg, simulate_trf
from cocktailparty.features import speech_envelope

AUDIO_SFREQ, SFREQ, N_CHANNELS = 8000, 128, 8
NAMES = [f"E{i}" for i in range(N_CHANNELS)]
# Where the sounds of the new recording start, when attention switches, and how long they last.
START, SWITCH, DURATION = 7.25, 40, 80
N_TRIALS, TRIAL = 6, 25


def write_sound(path, rng, duration):
    """Write noise with a syllable-like envelope; return that envelope as the brain follows it."""
    points = np.exp(rng.normal(size=duration * 5 + 1))
    times = np.arange(duration * AUDIO_SFREQ) / AUDIO_SFREQ
    modulation = np.interp(times, np.arange(points.size) / 5, points / points.max())
    soundfile.write(path, 0.5 * modulation * rng.uniform(-1, 1, times.size), AUDIO_SFREQ, "PCM_16")
    return speech_envelope(soundfile.read(path)[0], AUDIO_SFREQ, SFREQ)[:, 0]


def responses(envelopes, attended, rng, snr):
    scaled = [envelope / envelope.std() for envelope in envelopes]
    trf = simulate_trf(N_CHANNELS, SFREQ, random_state=0)
    return simulate_eeg(scaled, attended, SFREQ, trf, snr=snr, random_state=rng)


def save_raw(path, eeg, names=NAMES):
    info = mne.create_info(list(names), SFREQ, "eeg")
    mne.io.RawArray(eeg.T, info, verbose="ERROR").save(path, overwrite=True, verbose="ERROR")


def write_listener(folder, seed=0, snr=-10.0):
    """Write trials to train on, and a recording in which attention switches from a to b."""
    rng = np.random.default_rng(seed)
    train = folder / "train"
    train.mkdir()
    rows, parts = ["eeg,audio,attended,onset,subject,story"], []
    for i in range(N_TRIALS):
        sounds = [f"{talker}{i}.wav" for talker in "fm"]
        envelopes = [write_sound(train / sound, rng, TRIAL) for sound in sounds]
        parts.append(responses(envelopes, i % 2, rng, snr))
        rows.append(f"listener_raw.fif,{';'.join(sounds)},{i % 2},{i * TRIAL},S1,story {i}")
    save_raw(train / "listener_raw.fif", np.concatenate(parts))
    (train / "trials.csv").write_text("\n".join(rows) + "\n")

    envelopes = [write_sound(folder / f"{name}.wav", rng, DURATION) for name in "ab"]
    eeg = [responses(envelopes, attended, rng, snr) for attended in (0, 1)]
    eeg = np.concatenate([eeg[0][: SWITCH * SFREQ], eeg[1][SWITCH * SFREQ :]])
    before = 1e-5 * rng.normal(size=(round(START * SFREQ), N_CHANNELS))
    eeg = np.concatenate([before, eeg])
    save_raw(folder / "new_raw.fif", eeg)
    np.save(folder / "new.npy", eeg)
    return folder
