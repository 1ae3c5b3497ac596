import json
import logging
import os
import signal
import subprocess
import sys
import warnings

import pytest

from cocktailparty.cli import main
from cocktailparty.cli.messages import told
from cocktailparty.decoding.trained import TrainedModel
from tests.cocktailparty.listener import START, write_listener

QUICK = ["--decoder", "tests.cocktailparty.cli.test_decode:quick"]


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    return write_listener(tmp_path_factory.mktemp("listener"))


@pytest.fixture(scope="module")
def model(listener):
    path = listener / "model.safetensors"
    assert (
        main(["train", str(listener / "train"), *QUICK, "--tmax", "0.2", "--out", str(path)]) == 0
    )
    return path


def test_a_trained_model_decodes_as_one_that_decode_trains(listener, model, tmp_path, undrawn):
    new = ["--audio", str(listener / "a.wav"), str(listener / "b.wav"), "--start", str(START)]
    new += ["--eeg", str(listener / "new_raw.fif"), "--duration", "10"]
    by_model = ["--model", str(model), "--out", str(tmp_path / "a"), "-q"]
    assert main(["decode", *new, *by_model]) == 0
    train = ["--train", str(listener / "train"), *QUICK, "--tmax", "0.2"]
    assert main(["decode", *new, *train, "--out", str(tmp_path / "b")]) == 0
    first, second = ((tmp_path / name / "decisions.csv").read_bytes() for name in "ab")
    assert first == second
    assert TrainedModel.load(model).tracker.decoder.regressor.tmax == 0.2


def test_progress_is_told_unless_it_is_not_wanted(listener, tmp_path, capsys):
    train = ["train", str(listener / "train"), *QUICK, "--out", str(tmp_path / "m"), "--json"]
    assert main(train) == 0
    printed = capsys.readouterr()
    assert "left out to learn the confidence: " in printed.err
    assert printed.err.rstrip().endswith("trials")
    assert json.loads(printed.out)["notes"][0].startswith("Trained on")
    assert main([*train, "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert not logging.getLogger("cocktailparty").handlers


def test_a_warning_is_one_line_without_a_path(capsys):
    options = type("Options", (), {"verbose": False, "quiet": False})
    with warnings.catch_warnings(), told(options):
        warnings.simplefilter("always")
        for _ in range(3):
            warnings.warn("the file\n  is odd", stacklevel=1)
    assert capsys.readouterr().err == "cocktailparty: warning: the file is odd\n"


BAD = {
    "missing folder": (["{none}"], "does not exist: give the folder"),
    "unknown decoder": (["{data}", "--decoder", "rigde"], "did you mean ridge?"),
    "unknown subject": (["{data}", *QUICK, "--subject", "S9"], "--subject 'S9' is none of"),
    "model for a folder": (["{data}", "--out", "{data}"], "is a folder: name a file in it"),
    "no folder for it": (["{data}", "--out", "{none}/m"], "does not exist: make it first"),
    "lags": (["{data}", *QUICK, "--tmin", "1"], "--tmin must be below --tmax"),
    "band": (["{data}", *QUICK, "--h-freq", "40"], "h_freq"),
    "channels": (["{data}", *QUICK, "--picks", "Nz"], "Nz"),
    "bad channels": (["{data}", *QUICK, "--bads", "Nz"], "column 'bads': channel(s) ['Nz']"),
    "montage": (["{data}", *QUICK, "--montage", "nonsense"], "nonsense"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(listener, tmp_path, capsys, case):
    arguments, message = BAD[case]
    files = {"none": tmp_path / "none", "data": listener / "train"}
    arguments = [a.format(**files) for a in arguments]
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "m")]
    assert main(["train", *arguments, *out]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "m").exists()


def test_ctrl_c_ends_it_with_one_line(listener, tmp_path):
    code = f"""
import signal, sys, time
from cocktailparty.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off
def slow(sfreq):
    print("at work", flush=True)
    time.sleep(60)
sys.modules["slow"] = sys.modules["__main__"]
sys.exit(main(["train", {str(listener / "train")!r}, "--decoder", "slow:slow", "--out", "m"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "cocktailparty: interrupted; no model was written\n"
    assert not (tmp_path / "m").exists()
