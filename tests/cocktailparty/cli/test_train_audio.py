import json

import numpy as np
import pytest
import soundfile

from cocktailparty.cli import main
from cocktailparty.decoding.saving import load_model

pytest.importorskip("jax")

from tests.deep.contrastive.sounds import SFREQ, clips

# Those of the tests of the classifier, so that they share its programs.
TINY = ["--method", "ce", "--width", "0.015625", "--clip-duration", "0.15", "--max-epochs", "2",
        "--batch-size", "8"]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    lines = ["file,label,voice,split"]
    for i, (x, y, voice) in enumerate(zip(*clips(24), strict=True)):
        soundfile.write(folder / f"{i}.wav", x, SFREQ, subtype="FLOAT")
        lines.append(f"{i}.wav,{y},{voice},{'test' if i >= 16 else 'train'}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


def test_a_classifier_is_trained_tested_and_kept(table, tmp_path, capsys, undrawn, monkeypatch):
    command = ["train-audio", str(table), *TINY, "--out", str(tmp_path / "out")]
    assert main([*command, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["n_epochs"] == 2
    assert results["interval"][0] <= results["accuracy"] <= results["interval"][1]
    assert set(results["recall"]) == {"low", "high"}
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"model.safetensors", "results.json", "confusion.png", "embeddings.png"} <= names
    model = load_model(tmp_path / "out" / "model.safetensors")
    x, y, _ = clips(24)
    assert np.mean(model.predict(x[16:]) == y[16:]) == results["accuracy"]

    def again(*args, **kwargs):
        raise AssertionError("a finished training is repeated")

    monkeypatch.setattr("deep.ContrastiveAudioClassifier.fit", again)
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert f"{100 * results['accuracy']:.1f} % of 8 test clips are right" in shown
    with pytest.raises(AssertionError):
        main([*command, "--seed", "1"])
    out = tmp_path / "e.npz"
    model_file = str(tmp_path / "out" / "model.safetensors")
    assert main(["embed", model_file, str(table), "--out", str(out), "--json"]) == 0
    found = np.load(out)
    assert json.loads(capsys.readouterr().out)["n_features"] == found["embeddings"].shape[1] == 8
    np.testing.assert_array_equal(found["embeddings"], model.transform(x))
    assert found["voice"].tolist()[:4] == ["anna", "anna", "ben", "ben"]


class Fake:
    """Calls everything normal, and remembers what it was given."""

    given = ()

    def __init__(self, method, seed):
        self.method, self.seed = method, seed

    def fit(self, X, y, metadata=None, groups=None):
        Fake.given += ((self.method, self.seed, metadata, sorted(set(groups))),)

    def predict(self, X):
        return np.array(["normal"] * len(X))


def test_the_protocol_of_icbhi_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    split, people = [], []
    for patient in range(101, 105):
        name = f"{patient}_1b1_Al_sc_Meditron"
        soundfile.write(tmp_path / f"{name}.wav", np.ones(400) / 2, 100)
        rows = "0\t1\t0\t0\n1\t2\t1\t0\n2\t3\t0\t1\n3\t4\t1\t1\n"
        (tmp_path / f"{name}.txt").write_text(rows)
        split.append(f"{name}\t{'test' if patient == 104 else 'train'}")
        people.append(f"{patient} {patient - 100} F NA NA NA")
    (tmp_path / "ICBHI_challenge_train_test.txt").write_text("\n".join(split))
    (tmp_path / "ICBHI_Challenge_demographic_information.txt").write_text("\n".join(people))
    settings = {}

    def make(options, sfreq, **more):
        real = original(options, sfreq, **more)
        settings.update(real.get_params())
        fake = Fake(more["method"], more["random_state"])
        fake.get_params = real.get_params
        return fake

    from cocktailparty.cli import train_audio

    original = train_audio._classifier
    monkeypatch.setattr(train_audio, "_classifier", make)
    command = ["train-audio", str(tmp_path), "--protocol", "icbhi", "--out", str(tmp_path / "o")]
    assert main([*command, "--seeds", "1", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["table"]
    assert table["mscl"] == {"specificity": [100, 0], "sensitivity": [0, 0], "score": [50, 0]}
    assert [(method, groups) for method, _, _, groups in Fake.given] == [
        (method, ["101", "102", "103"]) for method in ("ce", "scl", "hybrid", "mscl")
    ]
    assert Fake.given[3][2].shape == (12, 2)
    assert Fake.given[0][2] is None
    assert settings["training__validation_fraction"] == 0.1
    Fake.given = ()
    assert main([*command, "--seeds", "2"]) == 0
    assert [seed for _, seed, _, _ in Fake.given] == [1, 1, 1, 1]  # the first seed was there
    assert "hybrid: specificity 100.00 +- 0.00" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "does not exist: give a folder of sounds"),
        (["TABLE", "--method", "mscl"], "--method mscl needs --metadata COLUMN"),
        (["TABLE", "--metadata", "voice"], "--metadata is of no use with --method ce"),
        (["TABLE", "--method", "mscl", "--metadata", "age"], "there is no metadata 'age', but"),
        (["TABLE", "--seeds", "0"], "--seeds must be at least 1"),
        (["TABLE", "--corpus", "icbhi", "--width", "-1"], "width must be positive"),
    ],
)
def test_bad_input_is_one_line(table, tmp_path, capsys, arguments, message):
    arguments = [str(table) if part == "TABLE" else part for part in arguments]
    assert main(["train-audio", *arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_embed_refuses_what_embeds_nothing(table, tmp_path, capsys):
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    for arguments, message in (
        (["w.safetensors", "--out", "e.csv"], "must end in .npz"),
        (["w.safetensors"], "is no file of safetensors"),
        (["none.pth"], "No such file"),
    ):
        model, *rest = arguments
        assert main(["embed", str(tmp_path / model), str(table), *rest]) == 2
        assert message in capsys.readouterr().err
