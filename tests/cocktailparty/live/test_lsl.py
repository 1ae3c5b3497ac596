"""Over Lab Streaming Layer, with outlets in another process."""

import subprocess
import sys
import uuid

import numpy as np
import pytest

from cocktailparty.live import LSL, LiveDecoder, Loop, rerun
from cocktailparty.live.session_log import read_log
from tests.cocktailparty.live.session import EEG_RATE, NAMES, RATE, eeg_of, sounds, trained

pytest.importorskip("mne_lsl", reason="mne-lsl is not installed")
DURATION = 10
OUTLETS = """
import sys, time
import numpy as np
from mne_lsl.lsl import StreamInfo, StreamOutlet, local_clock
name, path = sys.argv[1:]
data = np.load(path)
eeg, audio, names = data["eeg"], data["audio"], data["names"].tolist()
info = StreamInfo(name, "EEG", eeg.shape[1], float(data["eeg_rate"]), "float32", name)
info.set_channel_names(names)
info.set_channel_units(["uv"] * len(names))
one = StreamOutlet(info)
info = StreamInfo(name + "-audio", "Audio", 2, float(data["rate"]), "float32", name + "a")
two = StreamOutlet(info)
print("ready", flush=True)
one.wait_for_consumers(60)
two.wait_for_consumers(60)
time.sleep(1.0)
start, lost = local_clock(), float(data["lost"])
for k in range(int(25 * len(audio) / data["rate"])):
    i, j = (round(s * float(data["eeg_rate"]) / 25) for s in (k, k + 1))
    if j > i and not lost <= k / 25 < lost + 0.5:
        stamps = start + np.arange(i, j) / float(data["eeg_rate"])
        one.push_chunk(np.ascontiguousarray(eeg[i:j]), stamps)
    i, j = (round(s * float(data["rate"]) / 25) for s in (k, k + 1))
    two.push_chunk(np.ascontiguousarray(audio[i:j]), start + np.arange(i, j) / float(data["rate"]))
    time.sleep(0.008)
time.sleep(5)
"""


@pytest.fixture(scope="module")
def model():
    return trained()


@pytest.fixture
def outlets(tmp_path):
    """Start outlets that play EEG and sounds five times as fast as they were; return their name."""
    started = []

    def start(lost=-10.0):
        rng = np.random.default_rng(5)
        audio = sounds(rng, DURATION).astype(np.float32)
        eeg = (1e6 * eeg_of(audio.astype(float), 1, rng, -10.0)).astype(np.float32)
        rates = {"eeg_rate": EEG_RATE, "rate": RATE, "lost": lost}
        np.savez(tmp_path / "data.npz", eeg=eeg, audio=audio, names=NAMES, **rates)
        name = f"cocktailparty-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-c", OUTLETS, name, str(tmp_path / "data.npz")]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return name, eeg * 1e-6, audio.astype(float)

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_stream_gives_the_answer_of_its_samples(model, outlets, tmp_path):
    name, eeg, audio = outlets()
    try:
        source = LSL(name, f"{name}-audio", timeout=10)
    except ValueError as error:
        pytest.skip(f"loopback is closed: {error}")
    log = tmp_path / "session.log"
    loop = Loop(source, model, log=log)
    summary = loop.run(seconds=DURATION - 0.1)
    assert summary["errors"] == []
    assert len(loop.decisions) >= DURATION - 2
    chunks = list(read_log(log)[1])
    came = {
        kind: [np.concatenate([c[i] for c in chunks if c[0] == kind]) for i in (1, 2)]
        for kind in ("eeg", "audio")
    }
    # Every sample is there, once and in order, on a clock that is known to some milliseconds.
    np.testing.assert_allclose(came["eeg"][0], eeg[: len(came["eeg"][0])], rtol=1e-5)
    np.testing.assert_array_equal(came["audio"][0], audio[: len(came["audio"][0])])
    shift = came["eeg"][1][0] - came["audio"][1][0]
    assert abs(shift) < 0.02
    direct = LiveDecoder(model, EEG_RATE, RATE, dwell=30, steady=0, absent=0.03)
    direct.push_audio(audio, 50 + np.arange(len(audio)) / RATE)
    direct.push_eeg(eeg, 50 + shift + np.arange(len(eeg)) / EEG_RATE)
    expected = direct.advance()
    gaps = [
        np.abs(a.scores - b.scores).max()
        for a, b in zip(loop.decisions[:-1], expected, strict=False)
    ]
    assert np.median(gaps) <= 0.01
    again = [d.scores for d in rerun(log, model)]
    np.testing.assert_array_equal(again, [d.scores for d in loop.decisions])


def test_a_lost_chunk_is_known(model, outlets):
    name, _, _ = outlets(lost=4.0)
    try:
        source = LSL(name, f"{name}-audio", timeout=10)
    except ValueError as error:
        pytest.skip(f"loopback is closed: {error}")
    loop = Loop(source, model)
    loop.run(seconds=DURATION - 0.1)
    lost = sum(d.lost for d in loop.decisions)
    assert 0.3 < lost < 1.0
    assert loop.decisions[1].lost == 0


def test_streams_that_do_not_fit_are_named(model, outlets):
    with pytest.raises(ValueError, match="there is no stream 'nothing-of-that-name'"):
        LSL("nothing-of-that-name", "x", timeout=0.5)
    with pytest.raises(ValueError, match="give either"):
        LSL("x")
