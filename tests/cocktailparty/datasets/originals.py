"""Small folders in the layouts in which the large corpora are published, from a random generator.

Where there are sounds, they are noise in the rhythm of an envelope that the EEG follows at once,
so that a trial tells by itself which sound its EEG belongs to.
"""

import json

import numpy as np
import pytest
import soundfile

from cocktailparty.electrodes.biosemi import BIOSEMI_64
from tests.cocktailparty.datasets.miniatures import listen, row_of_cells, save

AUDIO_SFREQ = 8000


def write_kul_aad(folder, rng, n_subjects=2, seconds=8, eeg_seconds=7):
    """Write 2 parts, heard in experiments 1 and 2 and in part again in 3."""
    (folder / "stimuli").mkdir()
    rhythms = {}
    for part in (1, 2):
        for track in (1, 2):
            sound, rhythm = noise_in_rhythm(rng, seconds)
            for prefix, length in (("", seconds), ("rep_", seconds - 2)):
                name = f"{prefix}part{part}_track{track}"
                rhythms[name] = rhythm
                write_wav(folder / "stimuli" / f"{name}_dry.wav", sound[: length * AUDIO_SFREQ])
                other, _ = noise_in_rhythm(rng, length)
                write_wav(folder / "stimuli" / f"{name}_hrtf.wav", other)
    for subject in range(1, n_subjects + 1):
        trials = []
        for experiment, part in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)):
            prefix, length = ("rep_", eeg_seconds - 2) if experiment == 3 else ("", eeg_seconds)
            track = 2 if experiment == 2 else 1
            left, right = (1, 2) if (part + experiment + subject) % 2 else (2, 1)
            condition = "HRTF" if part == 1 else "dry"
            names = [f"{prefix}part{part}_track{t}_{condition.lower()}.wav" for t in (left, right)]
            rhythm = rhythms[f"{prefix}part{part}_track{track}"]
            trials.append(
                {
                    "RawData": {
                        "EegData": follow(rhythm[: length * 128], 64, rng),
                        "Channels": np.arange(1, 65),
                        "HighPass": 0.5,
                    },
                    "FileHeader": {"SampleRate": 128, "ChannelCount": 64},
                    "TrialID": len(trials) + 1,
                    "attended_ear": "L" if track == left else "R",
                    "stimuli": row_of_cells(names).T,
                    "condition": condition,
                    "experiment": experiment,
                    "part": part,
                    "attended_track": track,
                    "repetition": int(experiment == 3),
                    "subject": f"S{subject}",
                }
            )
        save(folder, f"S{subject}.mat", trials=row_of_cells(trials))


def write_dtu_aad(folder, rng, subjects=(1, 12), n_trials=4, n_times=640, **changes):
    """Return the envelopes (subject, trial, [male, female], time) and who was attended."""
    envelopes = rng.random((len(subjects), n_trials, 2, n_times))
    attended = rng.permuted(np.tile([0, 1], (len(subjects), n_trials // 2)), axis=1)
    for i, subject in enumerate(subjects):
        pairs = list(zip(envelopes[i], attended[i], strict=True))
        data = {
            "eeg": row_of_cells([listen(pair[a], 66, 64, rng) for pair, a in pairs]),
            "wavA": row_of_cells([pair[a][:, None] for pair, a in pairs]),
            "wavB": row_of_cells([pair[1 - a][:, None] for pair, a in pairs]),
            "event": {"eeg": {"value": row_of_cells([row_of_cells([a + 1]) for _, a in pairs])}},
            "fsample": {"eeg": 64},
        }
        save(folder, f"S{subject}_data_preproc.mat", data={**data, **changes})
    return envelopes, attended


def write_dtu_raw(folder, rng, n_trials=4, seconds=6, sfreq=128, wrapped=True):
    """Write one subject; the second of the trials has one talker. Return the rows of the table."""
    (folder / "EEG").mkdir()
    (folder / "AUDIO").mkdir()
    eeg = 0.1 * rng.normal(size=((n_trials * (seconds + 2) + 1) * sfreq, 73))
    rows, samples = [], []
    for trial in range(1, n_trials + 1):
        names = [f"aske_story1_trial_{trial}.wav", f"marianne_story{trial % 2}_trial_{trial}.wav"]
        single = trial == 2
        attended = int(rng.integers(2))
        rhythms = []
        for name in ["dss.wav"] if single else names:
            sound, rhythm = noise_in_rhythm(rng, seconds + 1, sfreq)
            write_wav(folder / "AUDIO" / name, sound)
            rhythms.append(rhythm[: seconds * sfreq])
        start = sfreq + (trial - 1) * (seconds + 2) * sfreq + int(rng.integers(sfreq))
        stop = start + seconds * sfreq
        eeg[start:stop] += follow(rhythms[0 if single else attended], 73, rng)
        samples += [start + 1, stop + 1]
        rows.append(
            {
                "attend_mf": 1 if single else attended + 1,
                "attend_lr": 1,
                "acoustic_condition": 1,
                "n_speakers": 1 if single else 2,
                "wavfile_male": "dss.wav" if single else names[0],
                "wavfile_female": "" if single else names[1],
                "trigger": 10 + trial,
            }
        )
    channels = row_of_cells([*BIOSEMI_64, *(f"EXG{i}" for i in range(1, 9)), "Status"])
    data = {
        "eeg": row_of_cells([eeg]) if wrapped else eeg,
        "fsample": {"eeg": sfreq},
        "dim": {"chan": {"eeg": row_of_cells([channels]) if wrapped else channels}},
        "event": {"eeg": {"sample": np.array([samples]).T, "value": row_of_cells(samples)}},
    }
    save(folder / "EEG", "S1.mat", data=data)
    write_expinfo(folder / "EEG" / "S1_expinfo.csv", rows)
    return rows


def write_expinfo(file, rows):
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_broderick_cocktail_party(folder, rng, subjects=(2, 17, 18), runs=(1, 2, 10), n_times=640):
    """Return the envelopes by tale and run."""
    envelopes = {}
    for tale in ("20000", "Journey"):
        (folder / "Stimuli" / "Envelopes" / tale).mkdir(parents=True)
        for run in runs:
            envelopes[tale, run] = rng.random(n_times)
            save(
                folder / "Stimuli" / "Envelopes" / tale,
                f"{tale}_{run}_env.mat",
                envelope=envelopes[tale, run][:, None],
            )
    for subject in subjects:
        tale = "20000" if subject <= 17 else "Journey"
        _write_runs(folder, subject, {run: envelopes[tale, run] for run in runs}, rng)
    return envelopes


def write_broderick_natural_speech(folder, rng, subjects=(1, 2), runs=(1, 2, 10), n_times=640):
    """Return the envelopes by run."""
    (folder / "Stimuli" / "Envelopes").mkdir(parents=True)
    envelopes = {run: rng.random(n_times) for run in runs}
    for run, envelope in envelopes.items():
        save(folder / "Stimuli" / "Envelopes", f"audio{run}_128Hz.mat", env=envelope[None])
    for subject in subjects:
        _write_runs(folder, subject, envelopes, rng)
    return envelopes


def _write_runs(folder, subject, envelopes, rng):
    (folder / "EEG" / f"Subject{subject}").mkdir(parents=True)
    for run, envelope in envelopes.items():
        save(
            folder / "EEG" / f"Subject{subject}",
            f"Subject{subject}_Run{run}.mat",
            eegData=listen(envelope, 128, 128, rng)[:-5],
            mastoids=rng.normal(size=(len(envelope) - 5, 2)),
            fs=128,
        )


def write_sparrkulee(folder, rng, subjects=(1, 2), n_times=640, separator="_-_"):
    """Return the features by sound."""
    eeg_folder = folder / "derivatives" / "preprocessed_eeg"
    stimuli = folder / "derivatives" / "preprocessed_stimuli"
    stimuli.mkdir(parents=True)
    features = {}
    for sound in ("audiobook_1", "audiobook_1_shifted", "audiobook_5_1", "podcast_10"):
        for feature, width in (("envelope", 1), ("mel", 10)):
            features[sound, feature] = rng.random((n_times, width))
            np.save(stimuli / f"{sound}{separator}{feature}.npy", features[sound, feature])
    for subject in subjects:
        for session, run, sound in (
            ("ses-shortstories01", 1, "audiobook_5_1"),
            ("ses-shortstories01", 2, "audiobook_1"),
            ("ses-varyingStories02", 1, "audiobook_1_shifted"),
        ):
            own = eeg_folder / f"sub-{subject:03d}" / session
            own.mkdir(parents=True, exist_ok=True)
            eeg = listen(features[sound, "envelope"][:, 0], 64, 64, rng)[:-3].T
            np.save(own / f"{sparrkulee_stem(subject, session, run, sound)}.npy", eeg)
    return features


def sparrkulee_stem(subject, session, run, sound):
    return (
        f"sub-{subject:03d}_{session}_task-listeningActive_run-{run:02d}"
        f"_desc-preproc-audio-{sound}_eeg"
    )


def write_madeeg(folder, rng, subjects=("0001", "0007"), seconds=6, changes=None):
    """Write duos of two pieces with attention to either part, and one trio, a subject."""
    h5py = pytest.importorskip("h5py")
    labels = {}
    # A floating-point type that NumPy does not know, as in the published file.
    odd = h5py.h5t.IEEE_F64LE.copy()
    odd.set_size(16)
    odd.set_precision(128)
    odd.set_fields(127, 112, 15, 0, 112)
    odd.set_ebias(16383)
    solos = {
        (song, instrument): noise_in_rhythm(rng, seconds, 256)
        for song in ("morceau1", "morceau2")
        for instrument in ("Co", "Fl", "Ba")
    }
    with h5py.File(folder / "madeeg_preprocessed.hdf5", "w") as file:
        for subject in subjects:
            labels[subject] = {}
            for song, instruments, target in (
                ("morceau1", ["Co", "Fl"], "Co"),
                ("morceau1", ["Co", "Fl"], "Fl"),
                ("morceau2", ["Co", "Fl"], "Fl"),
                ("morceau2", ["Co", "Fl", "Ba"], "Ba"),
            ):
                ensemble = "duo" if len(instruments) == 2 else "trio"
                code = "".join(instruments)
                name = f"classique_{song}_{ensemble}_{code}_theme1_stereo_{target}"
                soli = np.zeros((3, seconds * AUDIO_SFREQ))
                for row, instrument in zip(soli, instruments, strict=False):
                    row[:] = solos[song, instrument][0]
                signals = {
                    "response": follow(solos[song, target][1], 20, rng).T,
                    "soli": soli,
                    "stimulus": np.stack([soli.sum(axis=0), soli[0]]),
                }
                for key, values in signals.items():
                    _write_odd(h5py, file, f"{subject}/{name}/{key}", values, odd)
                labels[subject][name] = {
                    "target": target,
                    "instruments": instruments,
                    "ensemble": ensemble,
                    "spatial": "stereo",
                    "genre": "classique",
                    "song": song,
                    "theme": "theme1",
                    "eeg_info": {"sfreq": 256, "ch_names": [f"E{i}" for i in range(20)]},
                    "wav_info": {"sfreq": AUDIO_SFREQ},
                } | (changes or {})
    # Every JSON text is a YAML text.
    (folder / "madeeg_preprocessed.yaml").write_text(json.dumps(labels), encoding="utf-8")


def _write_odd(h5py, file, key, values, kind):
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    space = h5py.h5s.create_simple(values.shape)
    dataset = h5py.h5d.create(file.id, key.encode(), kind, space, lcpl=links)
    everything = h5py.h5s.ALL
    dataset.write(
        everything, everything, np.ascontiguousarray(values, float), h5py.h5t.NATIVE_DOUBLE
    )


def noise_in_rhythm(rng, seconds, sfreq=128):
    """Return noise at `AUDIO_SFREQ` and its positive envelope at `sfreq`."""
    slow = np.convolve(rng.normal(size=seconds * 16 + 8), np.hanning(5), mode="same")[4:-4]
    moments = np.arange(seconds * 16) / 16
    knots = 0.1 + np.clip(slow, 0, None)
    audio = np.interp(np.arange(seconds * AUDIO_SFREQ) / AUDIO_SFREQ, moments, knots)
    rhythm = np.interp(np.arange(seconds * sfreq) / sfreq, moments, knots)
    return 0.2 * audio * rng.uniform(-1, 1, size=audio.size), rhythm


def follow(rhythm, n_channels, rng):
    """Return EEG that follows an envelope, each channel with another weight."""
    gains = np.linspace(1, 3, n_channels)
    eeg = np.outer(rhythm - rhythm.mean(), gains)
    return eeg + 0.05 * rng.normal(size=eeg.shape)


def followed(trial):
    """Find the stimulus that correlates most with the EEG of a trial, and the correlation."""
    correlations = [
        np.corrcoef(trial.eeg[:, -1] - trial.eeg[:, 0], stimulus[:, 0])[0, 1]
        for stimulus in trial.stimuli
    ]
    return int(np.argmax(correlations)), max(correlations)


def best_shift(trial):
    """Find by how many samples the attended stimulus has to move to fit the EEG best."""
    eeg, stimulus = trial.eeg[:, -1] - trial.eeg[:, 0], trial.stimuli[trial.attended, :, 0]
    shifts = range(-4, 5)
    inside = slice(4, -4)
    fits = [np.corrcoef(eeg[inside], np.roll(stimulus, shift)[inside])[0, 1] for shift in shifts]
    return shifts[int(np.argmax(fits))]


def write_wav(file, sound):
    soundfile.write(file, sound, AUDIO_SFREQ, subtype="PCM_16")
