import builtins
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from cocktailparty.cli import main
from cocktailparty.live.session import rerun
from tests.cocktailparty.live.session import EEG_RATE, RATE, eeg_of, sounds, trained

DURATION = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    rng = np.random.default_rng(5)
    audio = sounds(rng, DURATION)
    np.save(folder / "eeg.npy", eeg_of(audio, 1, rng, -10.0))
    for name, sound in zip("ab", audio.T, strict=True):
        soundfile.write(folder / f"{name}.wav", sound, RATE, "FLOAT")
    soundfile.write(folder / "fast.wav", audio[:, 0], 2 * RATE, "FLOAT")
    soundfile.write(folder / "silent.wav", 0 * audio[:, 0], RATE, "FLOAT")
    soundfile.write(folder / "clipped.wav", np.sign(audio[:, 0]), RATE, "FLOAT")
    np.save(folder / "few.npy", np.ones((1000, 3)))
    (folder / "broken.wav").write_text("no sound")
    trained().save(folder / "model")
    trained(phase="zero").save(folder / "zero")
    return folder


def words(folder, **changes):
    arguments = {
        "--model": "model",
        "--replay": "eeg.npy",
        "--eeg-sfreq": str(EEG_RATE),
        "--audio": "a.wav b.wav",
        "--out": "out",
        "--speed": "max",
    } | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    files = ("--model", "--replay", "--audio", "--out", "--rerun")
    found = ["live"]
    for name, value in arguments.items():
        if value is None:
            continue
        parts = value.split() if name == "--audio" else [value]
        found += [name, *(str(folder / part) if name in files else part for part in parts)]
    return found


def test_a_replay_is_decoded_reported_and_made_again(folder, capsys):
    assert main([*words(folder), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["n_decisions"] == DURATION
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == {
        "mixture.wav", "decisions.jsonl", "session.log", "live.png", "summary.json"
    }  # fmt: skip
    assert main(["live", "--rerun", str(out / "session.log")]) == 0
    assert capsys.readouterr().out == (out / "decisions.jsonl").read_text()
    assert main(words(folder, out="words")) == 0
    assert "8 decisions" in capsys.readouterr().out


def test_a_dry_run_checks_and_writes_nothing(folder, capsys):
    assert main([*words(folder, out="dry"), "--dry-run"]) == 0
    assert "all fits: eeg_sfreq 128" in capsys.readouterr().out
    assert not (folder / "dry").exists()


BAD = {
    "neither stream nor replay": ({"replay": None, "eeg_sfreq": None, "speed": None},
                                  "give --eeg-stream NAME or --replay"),
    "no model": ({"model": None}, "--model FILE is needed"),
    "no sounds": ({"audio": None}, "give the sounds"),
    "replay with a stream of sounds": ({"audio": None, "audio_stream": "x"}, "takes the sounds as"),
    "one sound": ({"audio": "a.wav"}, "two or more sounds, got 1"),
    "speed of a stream": ({"replay": None, "eeg_sfreq": None, "eeg_stream": "x"},
                          "--speed is for --replay"),
    "array without rate": ({"eeg_sfreq": None}, "which needs it"),
    "negative dwell": ({"dwell": "-3"}, "--dwell must be positive"),
    "no seconds": ({"seconds": "0"}, "--seconds must be positive"),
    "missing model": ({"model": "nothing"}, "does not exist"),
    "missing sound": ({"audio": "a.wav z.wav"}, "does not exist"),
    "no model file": ({"model": "a.wav"}, "a.wav"),
    "zero-phase model": ({"model": "zero"}, "--causal --save-model"),
    "sounds of different rates": ({"audio": "a.wav fast.wav"}, "different sampling rates"),
    "silent sound": ({"audio": "a.wav silent.wav"}, "is silent"),
    "clipped sound": ({"audio": "a.wav clipped.wav"}, "is clipped"),
    "broken sound": ({"audio": "a.wav broken.wav"}, "broken.wav"),
    "other channels": ({"replay": "few.npy"}, "(n_times, 6)"),
    "rate below the band": ({"eeg_sfreq": "16"}, "more than twice the h_freq"),
    "start after the end": ({"start": "99"}, "lies outside the recording"),
    "output is a file": ({"out": "a.wav"}, "is a file"),
    "negative gain": ({"max_db": "-1"}, "max_db must be"),
    "log of another kind": ({"replay": None, "rerun": "a.wav"}, "is no log"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_before_anything_runs(folder, capsys, case):
    changes, message = BAD[case]
    assert main(words(folder, **{"out": "never", **changes})) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (folder / "never").exists()


def test_without_mne_lsl_the_extra_is_named(folder, capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("mne_lsl"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for words_ in (["live", "--list"], words(folder, replay=None, eeg_sfreq=None, speed=None,
                                              eeg_stream="x")):  # fmt: skip
        assert main(words_) == 2
        assert "cocktailparty[stream]" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(folder, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(words(folder, out="never")) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_killed_session_can_be_made_again(folder):
    command = [*words(folder, out="killed", speed="2")]
    process = subprocess.Popen([sys.executable, "-m", "cocktailparty", *command])
    log, lines = folder / "killed" / "session.log", folder / "killed" / "decisions.jsonl"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if lines.exists() and lines.read_text().count("\n") >= 4:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    from cocktailparty.live.sinks import as_dict

    found = [json.dumps(as_dict(d)) for d in rerun(log)]
    written = lines.read_text().splitlines()
    # Up to the last second that was flushed, at a speed of 2.
    assert len(found) >= min(len(written), 4) - 3
    assert found == written[: len(found)]
    assert found
