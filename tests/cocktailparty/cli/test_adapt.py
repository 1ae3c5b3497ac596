import json

import numpy as np
import pytest
import soundfile

from cocktailparty.cli import main
from cocktailparty.decoding.saving import load_model, save_model

pytest.importorskip("jax")

from tests.deep.contrastive.sounds import SFREQ, classifier, clips

X, Y, _ = clips()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(classifier().fit(X, Y), file)
    return file


@pytest.fixture
def noisy(tmp_path):
    """A folder with a folder for each class, and one of files alone."""
    rng = np.random.default_rng(2)
    x, y, _ = clips(24, 5)
    for i, (clip, label) in enumerate(zip(x, y, strict=True)):
        clip = (clip + 0.5 * rng.normal(size=len(clip))).astype(np.float32)
        for folder in (tmp_path / "sets" / label, tmp_path / "plain"):
            folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / f"{i:02}.wav", clip, SFREQ, subtype="FLOAT")
    return tmp_path


def test_predictions_stand_side_by_side(model, noisy, capsys):
    command = ["adapt", str(model), str(noisy / "plain"), "--objective", "none"]
    saved = noisy / "adapted.safetensors"
    assert main([*command, "--json", "--no-gate", "--save", str(saved), "--batch", "10"]) == 0
    results = json.loads(capsys.readouterr().out)
    files = sorted((noisy / "plain").iterdir())
    assert results["files"] == [file.name for file in files]
    assert results["before"] == load_model(model).predict(files).tolist()
    assert [row["n_clips"] for row in results["guards"]] == [10, 10, 4]
    assert "accuracy" not in results
    # The last batch was predicted with what is saved.
    assert results["after"][20:] == load_model(saved).predict(files[20:]).tolist()
    assert main([*command, "--batch", "4"]) == 0
    shown = capsys.readouterr().out
    assert "of 24 predictions changed" in shown
    assert "gate waiting: no adaptation" in shown


def test_labels_only_count_what_is_right(model, noisy, capsys):
    assert main(["adapt", str(model), str(noisy / "sets"), "--offline", "--objective", "none"]) == 0
    shown = capsys.readouterr().out
    found = load_model(model)
    folders = [noisy / "sets" / label for label in ("high", "low")]
    files = [(file, folder.name) for folder in folders for file in sorted(folder.iterdir())]
    right = np.mean(found.predict([f for f, _ in files]) == np.array([y for _, y in files]))
    assert f"right: {100 * right:.1f} % without adaptation" in shown


def test_bad_input_is_told(model, noisy, capsys):
    for more, message in (
        (["--batch", "0"], "--batch must be at least 1, got 0"),
        (["--save", "a.npz"], "--save a.npz must end in .safetensors"),
    ):
        assert main(["adapt", str(model), str(noisy / "plain"), *more]) == 2
        assert message in capsys.readouterr().err
    (noisy / "empty").mkdir()
    assert main(["adapt", str(model), str(noisy / "empty")]) == 2
    assert "has the layout of no known set" in capsys.readouterr().err
