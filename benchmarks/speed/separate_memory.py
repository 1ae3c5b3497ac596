"""Peak memory and time of ``cocktailparty separate`` on stereo of 1, 10 and 30 minutes at 44.1 kHz.

The mixture is two beats of noise in different bands, left and right, and the guide the loudness of
one of them at 64 Hz with noise. Each run is a process of its own; its peak is the maximum resident
set that the kernel counted, imports and the mixture itself included. The real-time factor is time
of the processor over the length of the mixture, on one thread. With --max-iter, iterations are
fewer than the 100 of the command: that changes the time and not the memory.

    python benchmarks/speed/separate_memory.py [--minutes 1 10 30] [--max-iter N] [--out FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from cocktailparty.versions import versions

RATE, SFREQ = 44100, 64
# The command, in a process that says at its end what it took.
CHILD = """
import functools, json, resource, sys
import cnmf.steering as steering
from cocktailparty.cli import main
n, *arguments = sys.argv[1:]
if int(n):
    steering.NeuroSteeredSeparator = functools.partial(
        steering.NeuroSteeredSeparator, max_iter=int(n))
main(["separate", *arguments])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_maxrss / 1024, used.ru_utime + used.ru_stime]))
"""


def write(folder, minutes):
    """Write stems, mixture and guide, a minute at a time."""
    rng = np.random.default_rng(0)
    names = ("mixture", "high", "low")
    paths = [Path(folder, f"{name}.wav") for name in names]
    files = [soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") for path in paths]
    guide = []
    for _ in range(minutes):
        loudness = rng.random((2, 60 * 4)) ** 3
        noise = rng.normal(size=60 * RATE + 1)
        high, low = 0.1 * np.diff(noise), 0.1 * np.convolve(noise, np.ones(16) / 4, "same")[1:]
        beats = loudness.repeat(RATE // 4, axis=1)
        high, low = np.outer(beats[0] * high, [1.0, 0.3]), np.outer(beats[1] * low, [0.5, 1.0])
        for file, sound in zip(files, (high + low, high, low), strict=True):
            file.write(sound)
        guide.append(loudness[0].repeat(SFREQ // 4))
    for file in files:
        file.close()
    clean = np.concatenate(guide)
    np.save(Path(folder, "guide.npy"), clean + 2 * clean.std() * rng.normal(size=len(clean)))
    return paths, Path(folder, "guide.npy")


def measure(minutes, max_iter, stems):
    """Separate so many minutes; returns what it took."""
    with tempfile.TemporaryDirectory() as folder:
        (mixture, *parts), guide = write(folder, minutes)
        arguments = [mixture, "--guide", guide, "--out", Path(folder, "out")]
        arguments += ["--stems", *parts] if stems else []
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, str(max_iter), *map(str, arguments)],
            stdout=subprocess.PIPE, text=True, check=True, env=os.environ | one_thread,
        )  # fmt: skip
    peak, spent = json.loads(done.stdout.splitlines()[-1])
    return {
        "minutes": minutes,
        "parts": "stems" if stems else "components",
        "iterations": "none" if stems else max_iter or 100,
        "peak (MB)": round(peak),
        "mixture in float32 (MB)": round(minutes * 60 * RATE * 2 * 4 / 2**20),
        "time of the processor (s)": round(spent, 1),
        "real-time factor": round(spent / (60 * minutes), 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--max-iter", type=int, default=0, help="fewer iterations than the command")
    parser.add_argument("--stems", action="store_true", help="with the two stems as parts")
    parser.add_argument("--out", type=Path, help="rows are added to this file")
    options = parser.parse_args()
    rows = []
    if options.out and options.out.exists():
        rows = json.loads(options.out.read_text())["rows"]
    for minutes in options.minutes:
        rows.append(measure(minutes, options.max_iter, options.stems))
        print(json.dumps(rows[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps({"versions": versions(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
