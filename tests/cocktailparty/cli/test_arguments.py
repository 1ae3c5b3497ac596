import argparse
from types import SimpleNamespace
from unittest import mock

import pytest

from cocktailparty import datasets
from cocktailparty.cli import main
from cocktailparty.cli.arguments import (
    Band,
    add_band,
    add_drop_flat,
    add_figures,
    add_on_bad,
    add_output,
    check_output,
    load_trials,
    names,
    numbers,
    seed_number,
    worker_count,
)
from tests.cocktailparty.datasets import miniatures


def test_lists_are_separated_by_commas():
    assert names(" ridge, cca,") == ["ridge", "cca"]
    assert numbers("1,2.5") == [1.0, 2.5]
    with pytest.raises(argparse.ArgumentTypeError, match="at least one name"):
        names(" ,")
    with pytest.raises(argparse.ArgumentTypeError, match="numbers separated by commas, got '1;2'"):
        numbers("1;2")


def test_formats_of_figures():
    parser = argparse.ArgumentParser()
    add_figures(parser)
    assert parser.parse_args([]).figures == []
    assert parser.parse_args(["--figures", "png,pdf,svg"]).figures == ["pdf", "svg"]


@pytest.mark.parametrize("command", ["compare", "search", "decode"])
def test_unknown_formats_of_figures_are_refused(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--figures", "eps"])
    assert stop.value.code == 2
    assert "saved as pdf and svg beside png, got ['eps']" in capsys.readouterr().err


def test_trials_come_in_the_band_that_was_asked_for(tmp_path, rng):
    parser = argparse.ArgumentParser()
    add_band(parser)
    assert Band.of(parser.parse_args([])) == Band(64.0, 1.0, 9.0)
    band = Band.of(parser.parse_args(["--sfreq", "32", "--l-freq", "2", "--h-freq", "8"]))
    miniatures.write_two_talker(tmp_path, rng, n_times=128 * 20)
    raw = datasets.load(tmp_path)
    trials = load_trials(tmp_path, datasets.detect(tmp_path), band)
    assert [trial.attended for trial in trials] == [trial.attended for trial in raw]
    assert trials[0].sfreq == 32
    assert trials[0].n_times == 32 * 20
    # White noise of 64 Hz bandwidth, of which 6 Hz and the flanks are left.
    left = (trials[0].eeg[64:-64].std() / raw[0].eeg.std()) ** 2
    assert 6 / 64 < left < 10 / 64


def test_what_is_bad_or_dead_is_left_to_the_corpora_that_hold_recordings(tmp_path):
    asked = []
    recordings = SimpleNamespace(continuous=True, key="mine")

    def load(path, corpus, **arguments):
        asked.append((corpus, arguments["on_bad"], arguments["on_flat"]))
        return []

    parser = argparse.ArgumentParser()
    add_on_bad(parser)
    add_drop_flat(parser)
    with mock.patch.object(datasets, "load", load):
        for given in ([], ["--on-bad", "drop", "--drop-flat"]):
            options = parser.parse_args(given)
            load_trials(tmp_path, recordings, Band(32, 1, 9), options.on_bad, options.drop_flat)
    assert asked == [("mine", "raise", "raise"), ("mine", "drop", "drop")]


def test_results_go_into_a_folder(tmp_path):
    parser = argparse.ArgumentParser()
    add_output(parser, "mine")
    assert parser.parse_args([]).out.name == "mine"
    for there in (tmp_path / "new", tmp_path):
        check_output(parser.parse_args(["--out", str(there)]))
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file is a file: name a folder"):
        check_output(parser.parse_args(["--out", str(tmp_path / "file")]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--seed", "-1"], "argument --seed: expected a whole number from 0, got '-1'"),
        (["search", "--seed", "x"], "argument --seed: expected a whole number from 0, got 'x'"),
        (["compare", "--jobs", "0"], "argument --jobs: expected a whole number from 1, or -1"),
        (["search", "--workers", "1.5"], "argument --workers: expected a whole number from 1"),
    ],
)
def test_counts_that_are_none_are_named_before_any_work(capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


def test_counts_that_are_some_are_taken():
    assert (seed_number("0"), worker_count("3"), worker_count("-1")) == (0, 3, -1)
