#!/usr/bin/env bash
# MNE-Python's resample by a whole factor moves the signal where the length is no multiple of it.
#
# MNE-Python 1.13.2.
#
# Raw.resample makes a whole number of samples and fits the signal into them. Where the length is no
# multiple of the factor, all of the signal moves, by up to half a new sample, while the times of the
# samples say nothing of it. Expected: 0 ms.
#
# Output:
#
#   60 s and 0 samples: the pulse moves by 0.0 ms
#   60 s and 1 samples: the pulse moves by -0.6 ms
#   60 s and 8 samples: the pulse moves by -2.5 ms
#   60 s and 15 samples: the pulse moves by -5.0 ms
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

# A pulse in the middle of about 60 s at 1600 Hz, resampled to 100 Hz; its centre of mass says where
# it is before and after.
seen = {}
for remainder in (0, 1, 8, 15):
    times = np.arange(60 * 1600 + remainder) / 1600
    pulse = np.exp(-0.5 * ((times - 30) / 0.05) ** 2)
    raw = mne.io.RawArray(pulse[None], mne.create_info(1, 1600.0), verbose="ERROR")
    raw.resample(100.0, verbose="ERROR")
    after = raw.get_data()[0]
    shift = 1e3 * (after @ raw.times / after.sum() - 30)
    seen[remainder] = round(float(shift), 1) + 0.0
    print(f"60 s and {remainder} samples: the pulse moves by {seen[remainder]:.1f} ms")
assert seen == {0: 0.0, 1: -0.6, 8: -2.5, 15: -5.0}, "the shift changed"
PY
