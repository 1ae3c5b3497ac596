import json
import shutil

import numpy as np
import pandas as pd
import pytest

from cocktailparty import datasets
from cocktailparty.cli import main
from cocktailparty.decoding.trained import TrainedModel
from linear_aad import AttentionDecoder, BackwardTRF
from tests.cocktailparty.listener import SFREQ, START, SWITCH, write_listener

QUICK = ["--decoder", f"{__name__}:quick"]
BRIEF = ["--duration", "10"]  # where it does not matter what is decided


def quick(sfreq):
    trf = BackwardTRF(0.0, 0.25, sfreq, alpha=1e-2, alpha_convention="relative")
    return AttentionDecoder(trf)


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    return write_listener(tmp_path_factory.mktemp("listener"))


@pytest.fixture(scope="module")
def saved(listener):
    """Train, decode and save the model; return the arguments to decode with it."""
    new = ["--audio", str(listener / "a.wav"), str(listener / "b.wav"), "--start", str(START)]
    new += ["--eeg", str(listener / "new_raw.fif")]
    model, out = listener / "S1.safetensors", listener / "trained"
    train = ["--train", str(listener / "train"), "--save-model", str(model), *QUICK]
    assert main(["decode", *new, *train, "--out", str(out)]) == 0
    return new, ["--model", str(model)]


def test_a_switch_is_found_by_a_model_that_was_trained_and_saved(listener, saved, capsys):
    new, model = saved
    out = listener / "out"
    assert main(["decode", *new, *model, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"{listener / 'b.wav'}: chosen in" in printed
    assert f"Table: {out / 'decisions.csv'}" in printed
    assert "none of them followed more than the others: probability 0.0" in printed
    assert "The EEG follows the sounds: score" in printed
    assert (out / "decisions.csv").read_bytes() == (
        listener / "trained" / "decisions.csv"
    ).read_bytes()
    assert (out / "decisions.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(out / "decisions.csv")
    assert list(table) == [
        "start", "end", "score_0", "score_1", "probability_0", "probability_1",
        "low_0", "low_1", "high_0", "high_1", "chosen", "confidence", "follows_none",
    ]  # fmt: skip
    assert table["start"].iloc[0] == START
    before = table["end"] <= START + SWITCH
    assert before.sum() == 8
    assert (table["chosen"][before] == 0).mean() > 0.8
    assert (table["chosen"][table["start"] > START + SWITCH + 4] == 1).mean() > 0.8


def test_a_full_disk_is_one_line(listener, saved, tmp_path, undrawn, full_disk, capsys):
    new, model = saved
    new = [*new, *BRIEF]
    assert main(["decode", *new, *model, "--out", str(tmp_path / "out")]) == 2
    assert "No space left on device: make room" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "out").iterdir())
    train = ["--train", str(listener / "train"), "--save-model", str(tmp_path / "m"), *QUICK]
    assert main(["decode", *new, *train, "--out", str(tmp_path / "out")]) == 2
    assert "No space left on device: make room" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "m").exists()


def test_machines_get_all_digits(saved, tmp_path, undrawn, capsys):
    new, model = saved
    arguments = ["--out", str(tmp_path / "out"), "--json", "--window", "10", "--hop", "2"]
    assert main(["decode", *new, *model, *arguments]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["sounds"] == new[1:3]
    assert answer["notes"] == []
    follows = answer["follows"]
    assert (follows["n_shifts"], follows["p"]) == (99, 0.01)
    assert follows["score"] > 2 * follows["highest_shifted"] > 0
    decisions = pd.DataFrame(answer["decisions"])
    pd.testing.assert_frame_equal(decisions, pd.read_csv(answer["table"]), rtol=1e-12)
    assert len(decisions) == 36


def test_how_the_model_was_trained_is_said(listener, saved, tmp_path, undrawn, capsys):
    new, _ = saved
    train = ["--train", str(listener / "train"), *QUICK, "--subject", "S1"]
    run = ["decode", *new, *BRIEF, *train, "--out", str(tmp_path / "out"), "--json"]
    assert main(run) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith("Trained on 6 trials of 1 listener(s), 2.5 min.")
    assert "150 windows of 1 s that were left out (by story)" in note


def test_an_array_is_decoded_like_a_recording(listener, saved, tmp_path, undrawn):
    new, model = saved
    array = [*new[:-1], str(listener / "new.npy"), "--eeg-sfreq", str(SFREQ)]
    assert main(["decode", *array, *model, "--out", str(tmp_path / "out")]) == 0
    one = pd.read_csv(tmp_path / "out" / "decisions.csv")
    other = pd.read_csv(listener / "trained" / "decisions.csv")
    # The recording was stored in single precision.
    pd.testing.assert_frame_equal(one, other, atol=1e-4)


def test_the_dwell_time_can_be_changed(saved, tmp_path, undrawn):
    new, model = saved
    confidence = {}
    for dwell in ("5", "600"):
        assert main(["decode", *new, *model, "--dwell", dwell, "--out", str(tmp_path)]) == 0
        confidence[dwell] = pd.read_csv(tmp_path / "decisions.csv")["confidence"].iloc[:8].mean()
    assert confidence["600"] > confidence["5"] + 0.05


def test_several_listeners_are_calibrated_for_new_ones(listener, saved, tmp_path, undrawn, capsys):
    new, _ = saved
    folder = tmp_path / "train"
    shutil.copytree(listener / "train", folder)
    lines = (folder / "trials.csv").read_text().splitlines()
    lines = [line.replace(",S1,", ",S2,") if i > 3 else line for i, line in enumerate(lines)]
    (folder / "trials.csv").write_text("\n".join(lines))
    arguments = ["decode", *new, *BRIEF, "--train", str(folder), *QUICK]
    arguments += ["--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "6 trials of 2 listener(s)" in printed
    assert "left out (by subject)" in printed
    assert main([*arguments, "--subject", "S2"]) == 0
    printed = capsys.readouterr().out
    assert "3 trials of 1 listener(s)" in printed
    assert "left out (by story)" in printed
    assert main([*arguments, "--subject", "S3"]) == 2
    assert "'S3' is none of ['S1', 'S2']" in capsys.readouterr().err


def test_little_data_and_those_of_others_come_with_a_caution(
    listener, saved, tmp_path, undrawn, monkeypatch, capsys
):
    new, _ = saved
    trials = datasets.load(listener / "train", "table", l_freq=None, h_freq=None)
    corpus = datasets.CORPORA["two-talker"]
    monkeypatch.setattr(datasets, "detect", lambda *arguments: corpus)
    monkeypatch.setattr(datasets, "load", lambda *arguments: trials)
    monkeypatch.setattr(TrainedModel, "interval", lambda model: (-0.1, 0.3))
    train = ["--train", str(listener / "train"), *QUICK, "--out", str(tmp_path)]
    model = tmp_path / "model"
    run = ["decode", *new, *BRIEF, *train, "--save-model", str(model), "--json"]
    assert main(run) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert notes[0].endswith("left out (by trial).")
    assert "not reliably better than guessing" in notes[1]
    assert notes[2].startswith(f"{corpus.title}: EEG and envelopes of this corpus were prepared")
    assert TrainedModel.load(model).reference is None
    several = ["--train", str(listener / "train"), str(tmp_path), *QUICK]
    other = iter([corpus, datasets.CORPORA["table"]])
    monkeypatch.setattr(datasets, "detect", lambda *arguments: next(other))
    assert main(["decode", *new, *several, "--out", str(tmp_path)]) == 2
    assert "prepared in different ways: train on one of them" in capsys.readouterr().err


def test_sounds_of_the_training_are_refused_or_noted(listener, saved, tmp_path, undrawn, capsys):
    new, model = saved
    new = [*new, "--duration", "20"]
    new[2] = str(listener / "train" / "m0.wav")
    arguments = ["decode", *new, *model, "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "sound(s) [1], counted from 0, also play in the training" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*arguments, "--allow-shared-stimuli", "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith("sound(s) [1], counted from 0")


def wrong(*changes):
    """Replace or add arguments: pairs of an option and its values."""

    def change(arguments):
        for option, *values in changes:
            if option in arguments:
                i = arguments.index(option)
                following = (j for j in range(i + 1, len(arguments)) if arguments[j][:2] == "--")
                del arguments[i : next(following, len(arguments))]
            arguments += [option, *values]
        return arguments

    return change


BAD = {
    "no recording": (wrong(["--eeg", "missing.fif"]), "missing.fif does not exist"),
    "no sound": (wrong(["--audio", "{a}", "missing.wav"]), "missing.wav does not exist"),
    "one sound": (wrong(["--audio", "{a}"]), "--audio takes two or more sounds, got 1"),
    "no model file": (wrong(["--model", "missing"]), "model file missing does not exist"),
    "not a model": (wrong(["--model", "{a}"]), "is not a model file"),
    "array without rate": (wrong(["--eeg", "{npy}"]), "--eeg-sfreq is for .npy files"),
    "rate of a recording": (wrong(["--eeg-sfreq", "128"]), "--eeg-sfreq is for .npy files"),
    "other channels": (wrong(["--eeg", "{wide}"], ["--eeg-sfreq", "128"]), "(n_times, 8), got"),
    "no array": (wrong(["--eeg", "{text}"], ["--eeg-sfreq", "128"]), "is not a .npy file"),
    "training options": (
        wrong(["--decoder", "cca"], ["--sfreq", "32"]),
        "--decoder, --sfreq: only with --train",
    ),
    "start too late": (wrong(["--start", "500"]), "onset=500 s lies outside the recording"),
    "sounds too long": (wrong(["--start", "20"]), "lengths differ by more than 0.5 s"),
    "window too short": (wrong(["--window", "0.2"]), "window=0.2 s with hop=0.2 s"),
    "dwell": (wrong(["--dwell", "0"]), "dwell must be positive"),
    "output": (wrong(["--out", "{a}"]), "is a file: name a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(listener, saved, tmp_path, capsys, case):
    new, model = saved
    change, message = BAD[case]
    files = {"a": listener / "a.wav", "npy": listener / "new.npy"}
    files |= {"wide": tmp_path / "wide.npy", "text": tmp_path / "text.npy"}
    np.save(files["wide"], np.ones((100, 9)))
    files["text"].write_text("no numbers")
    arguments = change([*new, *model, "--out", str(tmp_path / "out")])
    assert main(["decode", *(argument.format(**files) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cocktailparty: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("extra", [[], ["--model", "m", "--train", "t"]])
def test_a_model_or_training_is_needed(extra, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["decode", "--eeg", "x.fif", "--audio", "a.wav", "b.wav", *extra])
    assert stop.value.code == 2
    assert "--model" in capsys.readouterr().err


def test_an_interruption_promises_nothing(saved, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("cocktailparty.decoding.trained.TrainedModel.load", interrupted)
    assert main(["decode", *saved[0], *saved[1]]) == 130
    assert capsys.readouterr().err == "cocktailparty: interrupted\n"
