import json

import numpy as np
import pytest
import soundfile

from cocktailparty.cli import main
from cocktailparty.decoding.saving import save_model

pytest.importorskip("jax")

from tests.deep.asam.tiny import SFREQ, separator, voice, voices


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talkers")
    waves, names = voices()
    save_model(separator().fit(waves, names), folder / "model.safetensors")
    for name, x in (("mixture", waves[0] + waves[2]), ("cue", voice(3000))):
        soundfile.write(folder / f"{name}.wav", x, SFREQ, subtype="FLOAT")
    return folder


def extract(files, *arguments):
    return main(
        ["extract", str(files / "mixture.wav"), "--model", str(files / "model.safetensors"),
         *map(str, arguments)]
    )  # fmt: skip


def test_by_name_and_by_voice(files, tmp_path, capsys):
    out = tmp_path / "out.wav"
    assert extract(files, "--speaker", "ann", "--out", out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == str(out)
    assert 0 < found["presence"] < 1
    one, rate = soundfile.read(out)
    assert (len(one), rate) == (8000, SFREQ)
    assert extract(files, "--voice", files / "cue.wav", "--out", out) == 0
    assert "with a probability of" in capsys.readouterr().out
    assert not np.array_equal(soundfile.read(out)[0], one)


def test_bad_input_is_told_in_one_line(files, tmp_path, capsys):
    for arguments, says in (
        (("--speaker", "cleo"), "no talker is called 'cleo'; known: 'ann', 'bob'"),
        (("--voice", tmp_path / "none.wav"), "there is no file"),
        (("--speaker", "ann", "--out", tmp_path / "out.mp3"), "must end in .wav"),
    ):
        assert extract(files, *arguments) == 2
        assert says in capsys.readouterr().err
    with pytest.raises(SystemExit):
        extract(files)


@pytest.mark.slow
def test_what_was_trained_extracts(files, tmp_path, capsys):
    waves, names = voices()
    for i, (x, name) in enumerate(zip(waves, names, strict=True)):
        (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "data" / name / f"{i}.wav", x, SFREQ)
    out = tmp_path / "out"
    command = ["train-extractor", str(tmp_path / "data"), "--max-epochs", "1", "--out", str(out)]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["talkers"] == ["ann", "bob"]
    assert found["n_epochs"] == 1
    wav = tmp_path / "bob.wav"
    model = ["--model", found["file"], "--speaker", "bob", "--out", str(wav)]
    assert main(["extract", str(files / "mixture.wav"), *model]) == 0
    assert len(soundfile.read(wav)[0]) == 8000
