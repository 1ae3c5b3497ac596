"""Small folders in the layouts of corpora as they were recorded, from a random generator.

As in `originals`, sounds are noise in the rhythm of an envelope that the EEG follows at once.
"""

import gzip
import io

import numpy as np
import pytest

from cocktailparty.electrodes.biosemi import BIOSEMI_64
from tests.cocktailparty.datasets.originals import (
    AUDIO_SFREQ,
    follow,
    noise_in_rhythm,
    write_wav,
)

BANKS = tuple(f"{bank}{i}" for bank in "AB" for i in range(1, 33))
EXTERNAL = tuple(f"EXG{i}" for i in range(1, 9))
AT_REST, PULSE = 253, 254
# Amplifier in range, and its speed: bits that have nothing to do with the trigger input.
AMPLIFIER = 0x1C0000
# The EEG's clock starts so many seconds before the sound, and runs so much faster.
ONSET, DRIFT = 1.2507, 3e-3
SOUNDS = ("audiobook_1", "audiobook_1_shifted", "podcast_10")


def write_bdf(file, microvolts, names, status, sfreq):
    """Write 24-bit samples as the software of BioSemi does, records of one second, by gzip."""
    names = [*names, "Status"]
    n, n_records = len(names), len(status) // sfreq
    assert n_records * sfreq == len(status) == len(microvolts)
    digital = np.column_stack([np.round(microvolts * 32).astype(np.int64), status])
    fields = [
        (8, [b"\xffBIOSEMI".decode("latin-1")]),
        (80, ["S"]),
        (80, ["R"]),
        (8, ["01.02.21"]),
        (8, ["10.20.30"]),
        (8, [256 * (n + 1)]),
        (44, ["24BIT"]),
        (8, [n_records]),
        (8, [1]),
        (4, [n]),
        (16, names),
        (80, ["Active Electrode"] * (n - 1) + ["Triggers and Status"]),
        (8, ["uV"] * (n - 1) + ["Boolean"]),
        (8, [-262144] * (n - 1) + [-8388608]),
        (8, [262144] * (n - 1) + [8388607]),
        (8, [-8388608] * n),
        (8, [8388607] * n),
        (80, ["HP: DC; LP: 208 Hz"] * (n - 1) + ["No filtering"]),
        (8, [sfreq] * n),
        (32, ["Reserved"] * n),
    ]
    header = "".join(str(value).ljust(width) for width, values in fields for value in values)
    records = digital.reshape(n_records, sfreq, n).transpose(0, 2, 1).astype("<i4")
    lowest_bytes = np.ascontiguousarray(records).view(np.uint8).reshape(-1, 4)[:, :3]
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(header.encode("latin-1"))
        stream.write(lowest_bytes.tobytes())


def write_npz_gz(file, **arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    file.write_bytes(gzip.compress(packed.getvalue(), compresslevel=1))


def write_sparrkulee_raw(
    folder,
    rng,
    subjects=(1, 2),
    sounds=SOUNDS,
    seconds=8,
    sfreq=1024,
    names=(*BIOSEMI_64, *EXTERNAL),
    missing_triggers=0,
    eeg_seconds=None,
):
    """Write one session a subject, one sound a run; return the rhythm of each sound at 1024 Hz."""
    stimuli = folder / "stimuli" / "eeg"
    stimuli.mkdir(parents=True)
    rhythms = {}
    pulses = np.zeros(seconds * AUDIO_SFREQ, dtype=np.float32)
    for onset in range(seconds):  # the first of them starts with the sound
        pulses[onset * AUDIO_SFREQ : onset * AUDIO_SFREQ + 80] = 1
    for sound in sounds:
        audio, rhythms[sound] = noise_in_rhythm(rng, seconds, 1024)
        write_npz_gz(stimuli / f"{sound}.npz.gz", audio=audio, fs=AUDIO_SFREQ)
        write_npz_gz(stimuli / f"t_{sound}.npz.gz", audio=pulses, fs=AUDIO_SFREQ)
        write_npz_gz(stimuli / f"noise_{sound}.npz.gz", audio=pulses, fs=AUDIO_SFREQ)
    n_times = (eeg_seconds or seconds + 3) * sfreq
    in_sound = (np.arange(n_times) / sfreq - ONSET) / (1 + DRIFT)  # the sound's clock
    playing = (in_sound >= 0) & (in_sound < seconds)
    status = np.where(playing & (in_sound % 1 < 0.01), PULSE, AT_REST) | AMPLIFIER
    status[in_sound < missing_triggers - 0.5] = AT_REST | AMPLIFIER
    status[:sfreq] |= 0x10000  # a new epoch
    for subject in subjects:
        own = folder / f"sub-{subject:03d}" / "ses-shortstories01" / "eeg"
        own.mkdir(parents=True)
        for run, sound in enumerate(sounds, start=1):
            moments = np.arange(len(rhythms[sound])) / 1024
            rhythm = np.interp(in_sound, moments, rhythms[sound])
            eeg = 20 * follow(rhythm, 64, rng) + 5000  # electrodes have an offset
            external = 1000 * rng.normal(size=(n_times, len(names) - 64))
            stem = own / f"sub-{subject:03d}_ses-shortstories01_task-listeningActive_run-{run:02d}"
            write_bdf(f"{stem}_eeg.bdf.gz", np.hstack([eeg, external]), names, status, sfreq)
            write_events(stem.with_name(f"{stem.name}_events.tsv"), f"eeg/{sound}.npz.gz")
        rest = f"sub-{subject:03d}_ses-shortstories01_task-restingState_run-01_eeg.bdf.gz"
        (own / rest).write_bytes(b"not to be read")
    return rhythms


def write_events(file, sound, n_rows=1):
    folder, name = sound.rsplit("/", 1)
    row = {
        "onset": "0.0",
        "duration": "8.0",
        "stim_file": sound,
        "trigger_file": f"{folder}/t_{name}",
        "noise_file": "n/a",
        "video_file": "n/a",
        "condition": "n/a",
        "snr": "100.0",
    }
    lines = ["\t".join(row), *["\t".join(row.values())] * n_rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_etard_raw(
    folder, rng, subjects=(0, 3), conditions=("fM", "fW", "clean"), n_parts=2, seconds=6
):
    """Write the same parts for all subjects; return the rhythm of each sound at 1000 Hz."""
    h5py = pytest.importorskip("h5py")
    rhythms = {}
    for condition in conditions:
        (folder / "audiobooks" / condition).mkdir(parents=True)
        roles = ("story", "distractor") if condition in ("fM", "fW") else ("story",)
        for part in range(1, n_parts + 1):
            for role in roles:
                sound, rhythm = noise_in_rhythm(rng, seconds, 1000)
                rhythms[condition, part, role] = rhythm
                write_wav(folder / "audiobooks" / condition / f"part_{part}_{role}.wav", sound)
    for subject in subjects:
        with h5py.File(folder / f"P{subject:02d}.h5", "w") as file:
            for condition in conditions:
                for part in range(1, n_parts + 1):
                    eeg = follow(rhythms[condition, part, "story"], 63, rng).T
                    file[f"{condition}/part_{part}"] = eeg.astype(np.float32)
    return rhythms
