import gc

import pytest

import cocktailparty
from cocktailparty.cli import COMMANDS, main


def test_every_command_has_a_help_text_and_a_function(capsys):
    for command in COMMANDS:
        module = command.__name__.rpartition(".")[2]
        name = {"catalogue": "decoders"}.get(module, module).replace("_", "-")
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: cocktailparty {name} ")
        assert callable(command.run)


def test_version_and_missing_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == cocktailparty.__version__
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2


@pytest.mark.parametrize("error", [ValueError, TypeError, OSError, ImportError])
def test_bad_input_is_one_line_and_code_2(monkeypatch, capsys, error):
    def fails(*arguments):
        raise error("first\n  second")

    monkeypatch.setattr("cocktailparty.datasets.detect", fails)
    assert main(["datasets", "folder"]) == 2
    assert capsys.readouterr().err == "cocktailparty: error: first second\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["comapre"], "compare"),
        (["compare", "--cv", "stroy"], "story"),
        (["compare", "--decodrs", "ridge"], "--decoders"),
    ],
)
def test_what_was_probably_meant_is_asked_for(arguments, meant, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f": did you mean {meant}?\n")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["compare", "--decoders", "rigde"], "ridge"),
        (["search", "--decoder", "laplacan"], "laplacian"),
        (["search", "--space", "rigde-late"], "ridge-late"),
        (["compare", "--data", ".", "--corpus", "tabel"], "table"),
        (["datasets", ".", "--download", "dtu_raw"], "dtu-raw"),
    ],
)
def test_names_of_decoders_and_corpora_are_asked_for_too(arguments, meant, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.endswith(f": did you mean {meant}?\n")
    assert error.count("\n") == 1


def test_a_bug_is_not_taken_for_bad_input(monkeypatch):
    def fails(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("cocktailparty.datasets.detect", fails)
    with pytest.raises(ZeroDivisionError):
        main(["datasets", "folder"])


def test_an_interruption_has_a_code_of_its_own(monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("cocktailparty.datasets.detect", interrupted)
    assert main(["datasets", "folder"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_the_thresholds_of_the_garbage_collector_come_back(monkeypatch):
    def fails(*arguments):
        during.append(gc.get_threshold())
        raise ValueError("stopped")

    monkeypatch.setattr("cocktailparty.datasets.detect", fails)
    ours, during = gc.get_threshold(), []
    gc.set_threshold(700, 10, 10)
    try:
        assert main(["datasets", "folder"]) == 2
        assert during[0][0] > 700
        assert gc.get_threshold() == (700, 10, 10)
    finally:
        gc.set_threshold(*ours)
