import csv

import mne
import numpy as np
import pytest

from cocktailparty.cli import main


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("recorded"), np.random.default_rng(0)
    info = mne.create_info(["Fz", "Cz", "Pz"], 128, "eeg")
    for name, events in (("s1_raw", ["go", "go", "rest"]), ("s2_raw", ["go"]), ("s3_raw", [])):
        raw = mne.io.RawArray(1e-5 * rng.normal(size=(3, 128 * 40)), info, verbose="ERROR")
        raw.set_annotations(mne.Annotations([2.5, 20, 30][: len(events)], 0.0, events))
        raw.annotations.append(35, 1, "BAD_blink")
        raw.save(folder / f"{name}.fif", verbose="ERROR")
    return folder


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_for_each_event(recorded, tmp_path, capsys):
    out = tmp_path / "trials.csv"
    files = [str(recorded / f"s{i}_raw.fif") for i in (1, 2)]
    assert main(["table", *files, "--events", "go", "--out", str(out)]) == 0
    found = rows(out)
    assert [(row["subject"], row["onset"], row["event"]) for row in found] == [
        ("s1", "2.5", "go"),
        ("s1", "20", "go"),
        ("s2", "2.5", "go"),
    ]
    assert {row["audio"] + row["attended"] for row in found} == {""}
    printed = capsys.readouterr().out
    assert "3 rows. Fill in, for each: audio" in printed
    assert f"compare --data {tmp_path}" in printed
    # Not filled in, it is refused row by row.
    assert main(["compare", "--data", str(tmp_path), "--out", str(tmp_path / "report")]) == 2
    assert "row 1 (line 2), column 'audio': is empty" in capsys.readouterr().err


def test_the_only_event_is_taken_and_paths_are_relative(recorded, capsys):
    out = recorded / "only.csv"
    assert main(["table", str(recorded / "s2_raw.fif"), "--out", str(out), "--json"]) == 0
    assert '"rows": 1' in capsys.readouterr().out
    assert rows(out)[0]["eeg"] == "s2_raw.fif"


BAD = {
    "several events": (["{s1}"], "has the events 'go' (2 times), 'rest' (1 times): name those"),
    "no events": (["{s3}"], "s3_raw.fif has no events: write the onsets"),
    "unknown event": (["{s1}", "--events", "start"], "has no event 'start'; it has 'go' (2 times)"),
    "missing recording": (["{s4}"], "s4_raw.fif does not exist"),
    "there already": (["{s1}", "--out", "{s1}"], "exists: remove it, or name another"),
    "no folder": (["{s1}", "--out", "{none}/trials.csv"], "does not exist: make it first"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(recorded, tmp_path, capsys, case):
    arguments, message = BAD[case]
    files = {f"s{i}": recorded / f"s{i}_raw.fif" for i in range(1, 5)}
    arguments = [a.format(**files, none=tmp_path / "none") for a in arguments]
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "trials.csv")]
    assert main(["table", *arguments, *out]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "trials.csv").exists()
