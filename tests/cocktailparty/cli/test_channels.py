import argparse

import mne
import numpy as np
import pandas as pd
import pytest

from cocktailparty import datasets
from cocktailparty.cli import main
from cocktailparty.cli.channels import Channels, add_channels
from tests.cocktailparty import listener as listeners
from tests.cocktailparty.listener import N_TRIALS, SFREQ, START, SWITCH, TRIAL

TABLE = datasets.CORPORA["table"]
CUT = datasets.CORPORA["dtu"]
DECODER = "tests.cocktailparty.cli.test_decode:quick"
MAGNETOMETERS = [f"MEG{i:04d}" for i in range(8)]


def chosen(*arguments):
    parser = argparse.ArgumentParser()
    add_channels(parser)
    return Channels.of(parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--picks", "mag"], {"picks": "mag", "reference": None}),
        (["--picks", "eeg"], {"picks": "eeg"}),
        (["--picks", "Fz, Cz"], {"picks": ["Fz", "Cz"]}),
        (["--picks", "Fz"], {"picks": ["Fz"]}),
        (["--reference", "none"], {"reference": None}),
        (["--reference", "average"], {"reference": "average"}),
        (["--reference", "M1,M2"], {"reference": ["M1", "M2"]}),
        (["--events", "S 1,S 2"], {"events": ["S 1", "S 2"]}),
    ],
)
def test_what_loaders_are_told(arguments, expected):
    assert chosen(*arguments).loading(TABLE) == expected


def test_events_are_not_for_corpora_that_know_their_onsets():
    with pytest.raises(ValueError, match=r"--events is for recordings that a trials\.csv lists"):
        chosen("--events", "1").loading(CUT)


@pytest.fixture(scope="module")
def meg(tmp_path_factory):
    """Write a listener in a MEG: fields in tesla, one electrode, triggers, and no onsets."""

    def save_raw(path, eeg, names=None):
        names = [*MAGNETOMETERS, "Fz", "STI"]
        info = mne.create_info(names, SFREQ, ["mag"] * 8 + ["eeg", "stim"])
        n_before = round(0.5 * SFREQ)  # triggers are not looked for at the very start
        starts = [i * TRIAL * SFREQ for i in range(N_TRIALS)]
        starts = [round(START * SFREQ)] if path.name.startswith("new") else starts
        rng = np.random.default_rng(1)
        field = np.concatenate([rng.normal(size=(n_before, 8)) * eeg.std(), eeg]) * 1e-8
        stim, electrode = np.zeros((len(field), 1)), 1e-5 * rng.normal(size=(len(field), 1))
        for start in starts:
            stim[start + n_before : start + n_before + 5] = 7
        raw = mne.io.RawArray(np.hstack([field, electrode, stim]).T, info, verbose="ERROR")
        raw.save(path, verbose="ERROR")

    folder = tmp_path_factory.mktemp("meg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listeners, "save_raw", save_raw)
        listeners.write_listener(folder)
    table = pd.read_csv(folder / "train" / "trials.csv").drop(columns="onset")
    table.to_csv(folder / "train" / "trials.csv", index=False)
    return folder


def test_meg_is_decoded_from_triggers_on(meg, capsys):
    arguments = ["decode", "--eeg", str(meg / "new_raw.fif"), "--train", str(meg / "train")]
    arguments += ["--audio", str(meg / "a.wav"), str(meg / "b.wav"), "--decoder", DECODER]
    arguments += ["--out", str(meg / "out"), "--picks", "mag"]
    assert main([*arguments, "--events", "7"]) == 0
    table = pd.read_csv(meg / "out" / "decisions.csv")
    start = START + 0.5
    assert table["start"].iloc[0] == start
    assert (table["chosen"][table["end"] <= start + SWITCH] == 0).mean() > 0.8
    assert (table["chosen"][table["start"] > start + SWITCH + 4] == 1).mean() > 0.8
    capsys.readouterr()
    assert main([*arguments, "--events", "8"]) == 2
    assert "no event '8'; it has '7'" in capsys.readouterr().err


def test_a_comparison_of_meg_takes_its_unit(meg):
    trials = datasets.load(meg / "train", picks=MAGNETOMETERS[:2], reference=None, events=["7"])
    assert len(trials) == N_TRIALS
    assert trials[0].channel_names == tuple(MAGNETOMETERS[:2])
    assert trials[0].provenance["eeg_unit"] == "T"
    with pytest.raises(ValueError, match=r"--reference none"):
        datasets.load(meg / "train", picks="mag", events=["7"])


def test_the_event_that_is_decoded_has_to_be_one(meg, capsys):
    arguments = ["decode", "--eeg", str(meg / "train" / "listener_raw.fif"), "--picks", "mag"]
    arguments += ["--audio", str(meg / "a.wav"), str(meg / "b.wav"), "--decoder", DECODER]
    arguments += ["--train", str(meg / "train"), "--events", "7", "--out", str(meg / "out")]
    assert main(arguments) == 2
    assert "6 events in" in capsys.readouterr().err


def test_channels_of_simulated_listeners_are_not_chosen(capsys):
    assert main(["compare", "--picks", "Fz"]) == 2
    assert "are for recordings: give --data" in capsys.readouterr().err
