#!/usr/bin/env bash
# The fraction of a second at which an EDF+ recording starts: three readers, three accounts of it.
#
# MNE-Python 1.13.2, pyEDFlib 0.1.42, edfio 0.4.18.
#
# The header of an EDF+ file has the start of the recording in whole seconds, its first time-keeping
# annotation the fraction. Of a start at 10:00:00.25, MNE-Python leaves the fraction out, pyEDFlib gives a
# tenth of it and edfio all. Who brings such a file together with another clock by its start is wrong by
# up to a second. Annotations agree: in all three they count from the first sample.
# Expected: 10:00:00.25.
#
# Output:
#
#   MNE: starts at 10:00:00.000000, click at 5.30 s (it is at sample 530: 5.30 s)
#   pyEDFlib: starts at 10:00:00.025000, click at 5.30 s (it is at sample 530: 5.30 s)
#   edfio: starts at 10:00:00.250000, click at 5.30 s (it is at sample 530: 5.30 s)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    mne==1.13.2 pyEDFlib==0.1.42 edfio==0.4.18 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import edfio
import mne
import numpy as np
import pyedflib

# EDF+C, 100 Hz, 10 records of 1 s. The header says 10:00:00, the first record begins 0.25 s later
# (its time-keeping annotation is +0.25). A click is at sample 530, which is 5.55 s after 10:00:00.
n_records, rate = 10, 100
data = np.zeros(n_records * rate, "<i2")
data[530] = 1000
fields = [
    (8, ["0"]), (80, ["X X X X"]), (80, ["Startdate 01-JAN-2020 X X X"]), (8, ["01.01.20"]),
    (8, ["10.00.00"]), (8, [256 * 3]), (44, ["EDF+C"]), (8, [n_records]), (8, [1]), (4, [2]),
    (16, ["EEG Fz", "EDF Annotations"]), (80, ["", ""]), (8, ["uV", ""]), (8, [-3276.8, -1]),
    (8, [3276.7, 1]), (8, [-32768] * 2), (8, [32767] * 2), (80, ["", ""]), (8, [rate, 30]),
    (32, ["", ""]),
]
with open("start.edf", "wb") as file:
    file.write("".join(str(v).ljust(n) for n, values in fields for v in values).encode("ascii"))
    for i in range(n_records):
        file.write(data[i * rate : (i + 1) * rate].tobytes())
        notes = f"+{i + 0.25:g}\x14\x14\0" + ("+5.55\x14click\x14\0" if i == 0 else "")
        file.write(notes.encode("ascii").ljust(60, b"\0"))

raw = mne.io.read_raw_edf("start.edf", verbose="ERROR")
seen = {"MNE": (raw.info["meas_date"].strftime("%H:%M:%S.%f"), float(raw.annotations.onset[0]))}
with pyedflib.EdfReader("start.edf") as file:
    notes = file.readAnnotations()
    seen["pyEDFlib"] = (file.getStartdatetime().strftime("%H:%M:%S.%f"), float(notes[0][0]))
edf = edfio.read_edf("start.edf")
seen["edfio"] = (edf.starttime.strftime("%H:%M:%S.%f"), float(edf.annotations[0].onset))
for reader, (start, onset) in seen.items():
    print(f"{reader}: starts at {start}, click at {onset:.2f} s (it is at sample 530: 5.30 s)")
assert seen == {
    "MNE": ("10:00:00.000000", 5.3),
    "pyEDFlib": ("10:00:00.025000", 5.3),
    "edfio": ("10:00:00.250000", 5.3),
}, "the readers changed"
PY
