"""Small folders in the exact layouts of the corpora, made from a random generator.

The EEG follows the attended envelope 100 ms later, so that decoders find something.
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat


def write_two_talker(folder, rng, n_trials=3, n_times=256, blocks=(1,)):
    """Return the female envelopes, the male ones and the orders of the ignored stories."""
    female, male = (list(rng.random((40, n_times))) for _ in range(2))
    orders = {block: rng.permutation(np.arange(21, 41)) for block in (1, 2)}
    save(folder, "F_env.mat", stim1=row_of_cells([e[:, None] for e in female]))
    save(folder, "M_env.mat", stim1=row_of_cells([e[:, None] for e in male]))
    save(
        folder,
        "competing_speaker_order.mat",
        blk1_M_Order=orders[1][None].astype(np.uint8),
        blk2_F_Order=orders[2][None].astype(np.uint8),
    )
    for block in blocks:
        for trial in range(1, n_trials + 1):
            eeg = listen((female if block == 1 else male)[trial - 1], 128, 128, rng)
            mastoids = rng.normal(size=(n_times, 2)).astype(np.float32)
            save(folder, f"{block}_{trial}.mat", eeg=eeg, mast=mastoids)
    return female, male, orders


def write_dtu(folder, rng, subjects=(2, 4), n_trials=2, n_times=640):
    """Return the envelope, the same in all files."""
    envelope = rng.random((n_times, 1)).astype(np.float32)
    for subject in subjects:
        for trial in range(n_trials):
            eeg = listen(envelope[:, 0], 64, 64, rng)
            np.savez(folder / f"DTU_S{subject}_{trial:03d}.npz", eeg=eeg, envelope=envelope)
    return envelope


def write_etard(folder, rng, subjects=("YH00", "YH01"), n_times=1250):
    """Return the attended and unattended envelope of each condition."""
    stimuli = {}
    for condition, extra in {"fM": 0, "fW": 50}.items():
        stimuli[condition] = rng.random((2, n_times + extra))
        for role, envelope in zip(("attended", "unattended"), stimuli[condition], strict=True):
            np.save(folder / f"{condition}_{role}_truth.npy", envelope)
        for subject in subjects:
            output = stimuli[condition][0] + rng.normal(size=n_times + extra)
            np.save(folder / f"{condition}_predictions_{subject}_ridge.npy", output)
    return stimuli


def write_kul(folder, rng, n_subjects=3, windows=(60, 30, 10)):
    """Return the correlations, an object array of subjects by windows."""
    corrs = np.empty((n_subjects, len(windows)), dtype=object)
    for index in np.ndindex(corrs.shape):
        n_windows = 600 // windows[index[1]]
        corrs[index] = rng.normal([0.1, 0.0], 0.1, size=(n_windows, 2))
    accuracy = [[np.mean(cell[:, 0] > cell[:, 1]) for cell in row] for row in corrs]
    save(
        folder,
        "corrs-linearDecoder-das2016.mat",
        acc=np.array(accuracy),
        corrs=corrs,
        paramsAAD={
            "dataset": "das-2016",
            "subjects": np.arange(1, n_subjects + 1, dtype=np.uint8)[None],
            "windowLengths": np.array([windows], dtype=np.uint8),
            "fs": np.uint8(20),
        },
    )
    return corrs


def write_cnd(
    folder, rng, n_subjects=2, n_trials=3, n_times=256, n_channels=4, eeg=None, stim=None
):
    """Write with fields of the two structs replaced, or left out if None; return the features."""
    features = np.empty((2, n_trials), dtype=object)
    for trial in range(n_trials):
        features[0, trial] = rng.random((n_times + trial, 1))
        features[1, trial] = rng.random((n_times + trial, 5))
    stimuli = {
        "names": row_of_cells(["Speech Envelope Vectors", "Spectrogram"]),
        "data": features,
        "fs": np.uint8(64),
        "stimIdxs": np.arange(1, n_trials + 1, dtype=np.uint8)[None],
        "condIdxs": np.ones((1, n_trials), dtype=np.uint8),
        "condNames": row_of_cells(["Listening"]),
    }
    save(folder, "dataStim.mat", stim=_changed(stimuli, stim))
    for subject in range(1, n_subjects + 1):
        recording = {
            "dataType": "EEG",
            "deviceName": "BioSemi",
            "origTrialPosition": np.arange(1, n_trials + 1, dtype=np.uint8)[None],
            "fs": np.uint8(64),
            "data": row_of_cells(
                [listen(cell[:n_times, 0], n_channels, 64, rng) for cell in features[0]]
            ),
            "extChan": {
                "data": row_of_cells([rng.normal(size=(n_times, 2)) for _ in range(n_trials)]),
                "description": "Mastoids",
            },
            "chanlocs": struct_array(
                [{"labels": f"A{i + 1}", "X": 0.0, "Y": 0.0, "Z": 1.0} for i in range(n_channels)]
            ),
        }
        save(folder, f"dataSub{subject}.mat", eeg=_changed(recording, eeg))
    return features


def save(folder, name, **variables):
    savemat(Path(folder) / name, variables, do_compression=True)


def row_of_cells(values):
    row = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):  # a whole assignment would stack arrays of equal shape
        row[0, i] = value
    return row


def struct_array(structs):
    rows = np.empty((1, len(structs)), dtype=[(key, object) for key in structs[0]])
    for i, struct in enumerate(structs):
        rows[0, i] = tuple(struct.values())
    return rows


def truncate(file, share=0.6):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])


def _changed(fields, changes):
    changed = {**fields, **(changes or {})}
    return {field: value for field, value in changed.items() if value is not None}


def listen(envelope, n_channels, sfreq, rng):
    answer = np.roll(envelope - envelope.mean(), round(0.1 * sfreq))
    eeg = rng.normal(size=(len(envelope), n_channels)) + np.outer(
        answer, rng.normal(size=n_channels)
    )
    return eeg.astype(np.float32)
