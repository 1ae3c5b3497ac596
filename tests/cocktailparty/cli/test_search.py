import json

import pytest

from cocktailparty.cli import main
from tests.cocktailparty.datasets import miniatures

pytest.importorskip("optuna", reason="optuna missing: pip install 'cocktailparty[search]'")

pytestmark = pytest.mark.usefixtures("undrawn")

TINY = "tests.cocktailparty.search.tiny"
BY_SKILL = f"{TINY}:by_skill"


@pytest.fixture
def two_talker(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    miniatures.write_two_talker(folder, rng, n_times=128 * 20)
    return folder


def arguments(folder, out, *extra):
    quick = ["--sfreq", "32", "--window", "2", "--trials", "2"]
    return ["search", "--data", str(folder), "--out", str(out), *quick, *extra]


def test_ridge_is_searched_in_its_named_space(two_talker, tmp_path, capsys, monkeypatch):
    out, titles = tmp_path / "out", []
    monkeypatch.setattr("matplotlib.figure.Figure.suptitle", lambda self, text: titles.append(text))
    assert main(arguments(two_talker, out, "--figures", "svg", "--title", "Mine")) == 0
    assert titles == ["Mine"]
    assert (out / "search.svg").exists()
    printed = capsys.readouterr().out
    assert "alpha = " in printed
    assert "do not report it" in printed
    assert main([*arguments(two_talker, out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["settings"]) == {"regressor__alpha", "regressor__tmax"}
    assert answer["n_folds"] == 3
    assert sum(answer["trials"].values()) == 2


def test_a_full_disk_is_one_line(two_talker, tmp_path, full_disk, capsys):
    out = tmp_path / "out"
    assert (
        main(arguments(two_talker, out, "--decoder", f"{TINY}:skilled", "--space", BY_SKILL)) == 2
    )
    assert "No space left on device: make room" in capsys.readouterr().err.splitlines()[-1]
    assert not (out / "best.json").exists()


def test_a_study_that_cannot_be_written_is_one_line(two_talker, tmp_path, monkeypatch, capsys):
    import optuna

    def full(*arguments, **named):
        raise optuna.exceptions.StorageInternalError("database or disk is full")

    monkeypatch.setattr(optuna.storages.RDBStorage, "set_trial_user_attr", full)
    out = tmp_path / "out"
    assert (
        main(arguments(two_talker, out, "--decoder", f"{TINY}:skilled", "--space", BY_SKILL)) == 2
    )
    error = capsys.readouterr().err.splitlines()[-1]
    assert "study.db' cannot be written: database or disk is full" in error


def test_simulated_listeners_and_a_holdout(tmp_path, capsys):
    tiny = ["--decoder", f"{TINY}:skilled", "--space", f"{TINY}:by_skill"]
    run = ["search", *tiny, "--trials", "1", "--cv", "subject", "--holdout", "subject:sub-02"]
    assert main([*run, "--json", "--out", str(tmp_path / "out")]) == 0
    held_out = json.loads(capsys.readouterr().out)["held_out"]
    assert held_out["group"] == "subject:sub-02"
    assert held_out["n_windows"] == 9 * 12
    assert held_out["interval"][0] < held_out["accuracy"] < held_out["interval"][1]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--decoder", "psychic"], "unknown decoder 'psychic', known are"),
        (["--space", "outer"], "unknown search space 'outer', known are ridge"),
        (["--space", "psychic"], "unknown search space 'psychic'"),
        (["--decoder", f"{TINY}:skilled"], "skilled has no search space of its own: give --space"),
        (["--space", f"{TINY}:nothing"], "has no function 'nothing'"),
        (["--space", f"{TINY}:by_skill"], "Invalid parameter 'skill'"),
        (["--trials", "0"], "n_trials must be at least 1, got 0"),
        (["--window", "300"], "no decision window fits"),
        (["--holdout", "story:moon"], "there is no such story"),
        (["--dask", "nonsense://x"], "no Dask scheduler answers at 'nonsense://x'"),
        (["--storage", "nonsense://x"], "the study cannot be kept in 'nonsense://x'"),
    ],
)
def test_bad_input_is_one_clear_line(two_talker, tmp_path, capsys, extra, message):
    out = tmp_path / "out"
    assert main([*arguments(two_talker, out), *extra]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("cocktailparty: error: ")
    assert message in error
    assert not (out / "best.json").exists()


def test_a_file_is_no_folder(two_talker, tmp_path, capsys):
    out = tmp_path / "out"
    out.write_text("mine")
    assert main(arguments(two_talker, out)) == 2
    assert "is a file: name a folder" in capsys.readouterr().err
