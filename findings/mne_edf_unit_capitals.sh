#!/usr/bin/env bash
# MNE-Python takes the unit "UV" of an EDF file for volts, and shows it as microvolts.
#
# MNE-Python 1.13.2.
#
# The reader scales "uV", "µV" and "mV" to volts and takes every other unit for volts; "UV" and "uv" are
# shown as "µV" all the same. Expected: 5e-05 V wherever microvolts are shown.
#
# Output:
#
#   'uV': largest value 5e-05 V, shown as µV
#   'UV': largest value 50 V, shown as µV
#   'uv': largest value 50 V, shown as µV
#   'mV': largest value 0.05 V, shown as mV
#   'mv': largest value 50 V, shown as mv
#   'nV': largest value 50 V, shown as nV
#   'V': largest value 50 V, shown as V
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

# Two seconds of one channel, 100 Hz, whose largest value is 50 (of the unit that the header names).
data = np.zeros(200, "<i2")
data[50] = 500


def write(name, unit):
    fields = [
        (8, "0"), (80, "X X X X"), (80, "Startdate 01-JAN-2020 X X X"), (8, "01.01.20"),
        (8, "10.00.00"), (8, 512), (44, ""), (8, 2), (8, 1), (4, 1), (16, "EEG Fz"), (80, ""),
        (8, unit), (8, -3276.8), (8, 3276.7), (8, -32768), (8, 32767), (80, ""), (8, 100), (32, ""),
    ]
    header = "".join(str(value).ljust(n) for n, value in fields).encode("latin-1")
    with open(name, "wb") as file:
        file.write(header + data.tobytes())


seen = {}
for i, unit in enumerate(["uV", "UV", "uv", "mV", "mv", "nV", "V"]):
    write(f"{i}.edf", unit)
    raw = mne.io.read_raw_edf(f"{i}.edf", verbose="ERROR")
    largest, shown = raw.get_data().max(), raw._orig_units[raw.ch_names[0]]
    seen[unit] = (float(f"{largest:.3g}"), shown)
    print(f"{unit!r}: largest value {largest:.3g} V, shown as {shown}")
assert seen == {
    "uV": (5e-05, "µV"), "UV": (50.0, "µV"), "uv": (50.0, "µV"), "mV": (0.05, "mV"),
    "mv": (50.0, "mv"), "nV": (50.0, "nV"), "V": (50.0, "V"),
}, "the scale of a unit changed"
PY
