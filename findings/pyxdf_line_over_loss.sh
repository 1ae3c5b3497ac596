#!/usr/bin/env bash
# pyxdf's removal of jitter draws one line over a loss of up to 500 samples, and moves all by seconds.
#
# pyxdf 1.17.5.
#
# load_xdf replaces time stamps by a straight line between breaks (dejitter_timestamps, on by default). A
# loss is a break from 1 s or 500 samples on, whichever is longer: 4.9 s of a stream at 100 Hz are none,
# though each sample states its time. Nothing is printed. Expected: times as they are stored.
#
# Output:
#
#   dejitter_timestamps=False: times are wrong by up to 0.00 s, by 0.00 s in the median
#   dejitter_timestamps=True: times are wrong by up to 2.72 s, by 1.08 s in the median
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    pyxdf==1.17.5 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import struct

import numpy as np
import pyxdf


def chunk(tag, content):
    content = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(content)) + content


# One channel at 100 Hz, every sample with the time at which it was taken; 4.9 s of 600 s
# are lost after 200 s. The clocks agree.
times = np.arange(600 * 100) / 100
times = times[(times < 200) | (times >= 204.9)]
header = (
    "<?xml version='1.0'?><info><name>eeg</name><type>EEG</type><channel_count>1</channel_count>"
    "<nominal_srate>100</nominal_srate><channel_format>float32</channel_format></info>"
)
samples = b"\x04" + struct.pack("<I", len(times))
samples += b"".join(struct.pack("<Bdf", 8, time, 0.0) for time in times)
with open("loss.xdf", "wb") as file:
    file.write(b"XDF:")
    file.write(chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>"))
    file.write(chunk(2, struct.pack("<I", 1) + header.encode()))
    file.write(chunk(3, struct.pack("<I", 1) + samples))
    for now in range(0, 600, 5):
        file.write(chunk(4, struct.pack("<Idd", 1, now, 0.0)))
    file.write(chunk(6, struct.pack("<I", 1) + b"<?xml version='1.0'?><info></info>"))

seen = {}
for dejitter in (False, True):
    (stream,), _ = pyxdf.load_xdf("loss.xdf", dejitter_timestamps=dejitter)
    wrong = np.abs(stream["time_stamps"] - times)
    seen[dejitter] = round(float(wrong.max()), 2)
    print(
        f"dejitter_timestamps={dejitter}: times are wrong by up to {seen[dejitter]:.2f} s, "
        f"by {np.median(wrong):.2f} s in the median"
    )
assert seen[False] == 0, "times as stored are no longer as stored"
assert seen[True] > 1, "the loss is minded now"
PY
