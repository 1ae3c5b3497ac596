import argparse
from pathlib import Path

import numpy as np
import pytest

from cocktailparty.catalogue import find_decoder
from cocktailparty.cli.arguments import Band, add_data
from cocktailparty.cli.data import load_or_simulate, safe_gap
from cocktailparty.preprocessing import filter_reach
from linear_aad import AttentionDecoder, BackwardTRF
from tests.cocktailparty.datasets import miniatures

BAND = Band(32.0, 1.0, 9.0)


def options(*arguments, seed=0):
    parser = argparse.ArgumentParser()
    add_data(parser)
    found = parser.parse_args(arguments)
    found.seed = seed
    return found


def test_listeners_are_simulated_where_there_is_no_folder(monkeypatch):
    from cocktailparty import datasets

    small = datasets.simulate_two_talkers

    def simulate(n_subjects, random_state, **size):
        assert (n_subjects, size["n_trials"]) == (3, 9)
        return small(2, 3, duration=10, n_channels=2, random_state=random_state)

    monkeypatch.setattr(datasets, "simulate_two_talkers", simulate)
    trials, cv, text = load_or_simulate(options(seed=5), BAND)
    assert (len(trials), trials[0].sfreq, cv) == (6, 32, "story")
    assert "seed 5" in text[0]
    assert "nothing about a brain" in text[0]
    again, other = (load_or_simulate(options(seed=seed), BAND)[0] for seed in (5, 6))
    np.testing.assert_array_equal(again[0].eeg, trials[0].eeg)
    assert not np.array_equal(other[0].eeg, trials[0].eeg)


@pytest.mark.parametrize("named", [(), ("--corpus", "two-talker")])
def test_a_corpus_is_loaded_and_described(tmp_path, rng, named):
    miniatures.write_two_talker(tmp_path, rng, n_times=128 * 20)
    trials, cv, text = load_or_simulate(options("--data", str(tmp_path), *named), BAND)
    assert {(trial.sfreq, trial.n_times) for trial in trials} == {(32, 640)}
    assert cv == "trial"
    assert text[0].endswith(f"from {tmp_path.name}.")
    assert len(text[1]) > 20


def test_a_folder_is_named_by_its_real_name(tmp_path, rng, monkeypatch):
    miniatures.write_two_talker(tmp_path, rng, n_times=128 * 20)
    monkeypatch.chdir(tmp_path)
    assert load_or_simulate(options("--data", "."), BAND)[2][0].endswith(f"from {tmp_path.name}.")
    with pytest.raises(FileNotFoundError, match="no-such-folder"):
        load_or_simulate(options("--data", str(Path("no-such-folder"))), BAND)


@pytest.mark.parametrize("tmax", [0.1, 0.4, 0.52])
def test_the_gap_holds_the_lags_and_the_filter_on_both_sides(tmax):
    short, long = (AttentionDecoder(BackwardTRF(0.0, t, 32)) for t in (0.05, tmax))
    gap = safe_gap(BAND, {"short": short, "long": long})
    needed = tmax + 2 * filter_reach(32.0, 1.0, 9.0)
    assert needed <= gap < needed + 0.1
    assert gap == pytest.approx(round(10 * gap) / 10)
    wide = Band(32.0, 4.0, 9.0)
    assert safe_gap(wide, {"long": long}) < gap


def test_lags_of_sound_and_eeg_add_up():
    """Canonical correlation moves both, and so reaches further than either."""
    cca = find_decoder("cca")(32.0)
    sum_of_lags = cca.tmax + cca.stimulus_tmax
    assert safe_gap(BAND, {"cca": cca}) >= sum_of_lags + 2 * filter_reach(32.0, 1.0, 9.0)
