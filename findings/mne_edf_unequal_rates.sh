#!/usr/bin/env bash
# MNE-Python reads wrong samples from EDF files whose channels have unequal rates, unless all is loaded.
#
# MNE-Python 1.13.2.
#
# If one channel of an EDF file has a higher rate than the others, these are interpolated to it. In a file
# that is not loaded, a stretch that begins within a data record comes out wrong for the slow channels:
# EEG at 128 Hz beside one EMG channel at 1024 Hz. The warning that is given speaks of edge artefacts.
# Expected: correlations of 1 wherever the stretch begins.
#
# Output:
#
#   10 s from 5.0 s on: correlation with the same stretch of the loaded file 1.00
#   10 s from 5.3 s on: correlation with the same stretch of the loaded file 0.02
#   10 s from 5.5 s on: correlation with the same stretch of the loaded file -0.10
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    mne==1.13.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import warnings

import mne
import numpy as np

warnings.simplefilter("ignore")  # MNE warns of "edge artifacts"
# Two channels at 128 Hz beside one at 1024 Hz, 30 records of 1 s; the slow ones are slow noise.
rng = np.random.default_rng(0)
n_records, rates = 30, [128, 128, 1024]
smooth = np.ones(32) / 32
signals = [np.convolve(rng.normal(size=n_records * r), smooth, "same") for r in rates]
digital = [np.round(8000 * x / np.abs(x).max()).astype("<i2") for x in signals]
fields = [
    (8, ["0"]), (80, ["X X X X"]), (80, ["Startdate 01-JAN-2020 X X X"]), (8, ["01.01.20"]),
    (8, ["10.00.00"]), (8, [256 * 4]), (44, [""]), (8, [n_records]), (8, [1]), (4, [3]),
    (16, ["EEG Fz", "EEG Cz", "EMG"]), (80, [""] * 3), (8, ["uV"] * 3), (8, [-3276.8] * 3),
    (8, [3276.7] * 3), (8, [-32768] * 3), (8, [32767] * 3), (80, [""] * 3), (8, rates),
    (32, [""] * 3),
]
with open("rates.edf", "wb") as file:
    file.write("".join(str(v).ljust(n) for n, values in fields for v in values).encode("ascii"))
    for i in range(n_records):
        for x, r in zip(digital, rates):
            file.write(x[i * r : (i + 1) * r].tobytes())

raw = mne.io.read_raw_edf("rates.edf", verbose="ERROR")
loaded = raw.copy().load_data(verbose="ERROR")
seen = {}
for onset in (5.0, 5.3, 5.5):
    start = round(onset * raw.info["sfreq"])
    stop = start + round(10 * raw.info["sfreq"])
    stretch = raw.get_data([0], start, stop)[0]
    seen[onset] = round(float(np.corrcoef(stretch, loaded.get_data([0], start, stop)[0])[0, 1]), 2)
    print(f"10 s from {onset} s on: correlation with the same stretch of the loaded file {seen[onset]:.2f}")
assert seen[5.0] > 0.99, "a stretch that starts with a record is no longer right"
assert abs(seen[5.3]) < 0.5, "a stretch that starts within a record is right now"
PY
