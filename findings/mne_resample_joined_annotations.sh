#!/usr/bin/env bash
# MNE-Python's resample of joined recordings moves the signal of later runs but not their annotations.
#
# MNE-Python 1.13.2.
#
# Raw.resample treats the runs of a joined recording one by one and rounds the length of each; annotations
# keep their times. They come later than their signal by the sum of all that was rounded off before.
# Expected: 0 ms in all runs, or an error.
#
# Output:
#
#   joined at 512 Hz: annotations are late by 0.0 ms in the first run, 0.0 ms in the last
#   then at 64 Hz: annotations are late by 3.9 ms in the first run, 115.2 ms in the last
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    mne==1.13.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import mne
import numpy as np

# 20 runs of 30 s and 3 samples at 512 Hz; in each, an annotation marks a pulse at 10 s.
runs = []
for _ in range(20):
    times = np.arange(30 * 512 + 3) / 512
    pulse = np.exp(-0.5 * ((times - 10) / 0.05) ** 2)
    run = mne.io.RawArray(pulse[None], mne.create_info(1, 512.0), verbose="ERROR")
    runs.append(run.set_annotations(mne.Annotations([10.0], [0.0], ["pulse"])))
raw = mne.concatenate_raws(runs, verbose="ERROR")


def late(raw):
    """Milliseconds by which the annotation of each run comes after its pulse."""
    data, values = raw.get_data()[0], []
    for mark in raw.annotations:
        if mark["description"] == "pulse":
            onset = mark["onset"] - raw.first_time
            near = np.abs(raw.times - onset) < 1
            centre = data[near] @ raw.times[near] / data[near].sum()
            values.append(round(1e3 * float(onset - centre), 1) + 0.0)
    return values


before = late(raw)
raw.resample(64.0, verbose="ERROR")
after = late(raw)
print(f"joined at 512 Hz: annotations are late by {before[0]} ms in the first run, {before[-1]} ms in the last")
print(f"then at 64 Hz: annotations are late by {after[0]} ms in the first run, {after[-1]} ms in the last")
assert max(map(abs, before)) < 0.1, "joining alone moves annotations now"
assert after[-1] > 100, "annotations follow the signal now"
PY
