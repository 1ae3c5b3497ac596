import importlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

import cocktailparty
from cocktailparty.catalogue import find_decoder
from cocktailparty.cli import main
from cocktailparty.datasets import CORPORA
from cocktailparty.metrics import chance_level
from linear_aad import AttentionDecoder, BackwardTRF
from tests.cocktailparty.datasets import miniatures, originals

QUICK = ["--decoders", f"{__name__}:quick", "--windows", "1,2,5"]


def quick(sfreq):
    return AttentionDecoder(BackwardTRF(0, 0.1, sfreq, alpha=0.1, alpha_convention="relative"))


not_a_function = 3


# Written once; a test that damages its folder has a copy.
@pytest.fixture(scope="module")
def written_two_talker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_talker")
    miniatures.write_two_talker(folder, np.random.default_rng(20260), n_times=128 * 20)
    return folder


@pytest.fixture
def two_talker(written_two_talker, tmp_path):
    return shutil.copytree(written_two_talker, tmp_path / "data")


@pytest.fixture
def dtu(tmp_path, rng):
    folder = tmp_path / "dtu"
    folder.mkdir()
    miniatures.write_dtu(folder, rng, n_times=64 * 50)
    return folder


@pytest.fixture(scope="module")
def written_recordings(tmp_path_factory):
    import mne

    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(20260)
    info = mne.create_info(["Fz", "Cz", "Pz"], 128, "eeg")
    raw = mne.io.RawArray(1e-5 * rng.normal(size=(3, 128 * 80)), info, verbose="ERROR")
    raw.save(folder / "listener_raw.fif", verbose="ERROR")
    for name in "abcd":
        noise = rng.normal(size=8000 * 20)
        envelope = np.interp(np.arange(160000) / 8000, np.arange(0, 20.25, 0.25), rng.random(81))
        soundfile.write(folder / f"{name}.wav", 0.1 * envelope * noise, 8000)
    rows = ["eeg,audio,attended,onset,story", "listener_raw.fif,a.wav;b.wav,0,10,one"]
    rows.append("listener_raw.fif,c.wav;d.wav,1,45,two")
    (folder / "trials.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def recordings(written_recordings, tmp_path):
    """Return a folder with a table, one EEG file and four sounds of 20 s."""
    return shutil.copytree(written_recordings, tmp_path / "own")


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_compare_writes_table_figures_and_report(two_talker, tmp_path, capsys, request):
    out = tmp_path / "out"
    assert main(["compare", "--data", str(two_talker), "--out", str(out), *QUICK]) == 0
    printed = capsys.readouterr().out
    assert "3 held-out folds of one listener" in printed
    assert str(out / "report.html") in printed
    assert {"report.html", "table.csv", "summary.csv", "accuracy.png", "scores.png"} <= files(out)
    table = pd.read_csv(out / "table.csv")
    assert set(table.window) == {1, 2, 5}
    assert len(table) == 9
    html = (out / "report.html").read_text()
    for part in ("1-9 Hz", "One trial at a time", "cocktailparty compare --data", "numpy"):
        assert part in html

    request.getfixturevalue("undrawn")
    before = {path.name: path.stat().st_mtime_ns for path in (out / "folds").iterdir()}
    arguments = ["compare", "--data", str(two_talker), "--out", str(out), *QUICK]
    assert main([*arguments, "--json", "--shifts", "3"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["summary"]) == 3
    assert "under 3 circular shifts" in answer["notes"][0]
    after = {path.name: path.stat().st_mtime_ns for path in (out / "folds").iterdir()}
    assert before.items() <= after.items()  # those of the shifts lie beside them


def test_one_shared_stimulus_is_split_in_time_or_refused(dtu, tmp_path, undrawn, capsys):
    arguments = ["compare", "--data", str(dtu), "--out", str(tmp_path / "out"), *QUICK]
    assert main(arguments) == 0
    html = (tmp_path / "out" / "report.html").read_text()
    assert "match-mismatch" in html
    assert "cut into 5 segments" in html
    assert main([*arguments, "--cv", "trial"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("cocktailparty: error: fold")
    assert "cv='time'" in error
    assert main([*arguments, "--cv", "trial", "--allow-shared-stimuli", "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert len(notes) == 2
    assert "nothing about attention" in notes[0]
    assert "3 more of this kind" in notes[1]


def test_own_recordings_are_compared_from_a_table(recordings, tmp_path, undrawn):
    out = tmp_path / "out"
    listed = (recordings / "trials.csv").read_text().splitlines()
    more = zip(listed, ("snr,side", "-3,left", "0,right"), strict=True)
    (recordings / "trials.csv").write_text("".join(f"{line},{cells}\n" for line, cells in more))
    assert main(["compare", "--data", str(recordings), "--out", str(out), *QUICK]) == 0
    table = pd.read_csv(out / "table.csv")
    assert sorted(set(table.fold)) == ["one", "two"]
    for file in ("table.csv", "tested_trials.csv"):
        known = pd.read_csv(out / file)[["fold", "snr", "side"]].drop_duplicates()
        assert known.values.tolist() == [["one", -3, "left"], ["two", 0, "right"]]
    assert "pattern-1" in " ".join(files(out))


def test_simulated_listeners_need_no_data(tmp_path, undrawn, capsys):
    out = tmp_path / "out"
    arguments = ["compare", "--out", str(out), "--decoders", f"{__name__}:quick", "--windows", "30"]
    assert main([*arguments, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["summary"]
    assert row["n_subjects"] == 3
    assert row["accuracy"] > row["chance"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["ridge", "cca", "stacked", "tracker"]),
        (["--decoders", "cca"], ["cca"]),
        (["--data", "."], ["ridge"]),
    ],
)
def test_simulated_listeners_show_a_comparison(arguments, expected, tmp_path, monkeypatch):
    compared = []

    def stop(decoders, *arguments, **settings):
        compared.extend(decoders)
        raise ValueError("enough")

    monkeypatch.setattr("cocktailparty.report.comparison.compare_and_report", stop)
    monkeypatch.setattr("cocktailparty.cli.compare.load_or_simulate", lambda *_: ([], "story", []))
    assert main(["compare", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert compared == expected


def test_an_interruption_is_said_plainly(two_talker, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("cocktailparty.report.comparison.compare_planned", interrupted)
    assert main(["compare", "--data", str(two_talker), "--out", str(tmp_path / "o"), *QUICK]) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_a_full_disk_is_one_line(two_talker, tmp_path, full_disk, capsys):
    out = tmp_path / "out"
    assert main(["compare", "--data", str(two_talker), "--out", str(out), *QUICK]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith(
        f"No space left on device: make room on the disk of {out} and give the same command again"
    )
    assert not any("Traceback" in line for line in lines)
    assert not list((out / "folds").iterdir())


def missing_file(folder):
    (folder / "F_env.mat").unlink()


def truncated_file(folder):
    miniatures.truncate(folder / "1_2.mat")


def wrong_layout(folder):
    miniatures.save(folder, "1_2.mat", something=np.ones(3))


def not_a_number(folder):
    eeg = np.random.default_rng(0).normal(size=(128 * 20, 128))
    eeg[5, 7] = np.nan
    miniatures.save(folder, "1_2.mat", eeg=eeg, mast=np.ones((128 * 20, 2)))


def dead_channel(folder):
    eeg = np.random.default_rng(0).normal(size=(128 * 20, 128))
    eeg[:, 9] = 0
    miniatures.save(folder, "1_2.mat", eeg=eeg, mast=np.ones((128 * 20, 2)))


def unknown_layout(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing")


def no_folder(folder):
    shutil.rmtree(folder)


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("nothing")


BAD = {
    "missing folder": (no_folder, [], "does not exist: give the folder"),
    "file for a folder": (a_file, [], "is a file: give the folder"),
    "unknown layout": (unknown_layout, [], "layout of no known corpus, expected one of"),
    "missing companion": (missing_file, [], "F_env.mat"),
    "truncated .mat": (truncated_file, [], "1_2.mat"),
    "wrong layout of a .mat": (wrong_layout, [], "1_2.mat"),
    "NaN in the EEG": (not_a_number, [], "1 NaN or infinite"),
    "constant channel": (dead_channel, [], "['A10'] are constant"),
    "unknown corpus": (None, ["--corpus", "nonsense"], "corpus must be one of"),
    "unknown decoder": (None, ["--decoders", "psychic"], "unknown decoder 'psychic', known are"),
    "decoder module missing": (None, ["--decoders", "no_such:thing"], "no_such"),
    "decoder function missing": (
        None,
        ["--decoders", f"{__name__}:not_a_function"],
        "has no function 'not_a_function'",
    ),
    "single subject": (None, ["--cv", "subject"], "needs at least two subjects"),
    "windows too long": (None, ["--windows", "300"], "no decision window fits"),
    "window negative": (None, ["--windows=-1"], "windows must be positive"),
    "rate zero": (None, ["--sfreq", "0"], "sfreq"),
    "band upside down": (None, ["--l-freq", "9", "--h-freq", "1"], "l_freq"),
    "band beyond Nyquist": (None, ["--h-freq", "40"], "h_freq"),
    "gap too long": (None, ["--cv", "time", "--gap", "30"], "too short for a gap of 30 s"),
    "gap shorter than the lags": (
        None,
        ["--cv", "time", "--gap", "0.05", "--n-splits", "2"],
        "gap=0.05 s is shorter than",
    ),
    "one stretch": (None, ["--cv", "time", "--n-splits", "1"], "n_splits must be at least 2"),
    "lags upside down": (None, ["--tmin", "0.3", "--tmax", "0.1"], "--tmin must be below --tmax"),
    "last lag alone": (None, ["--tmax", "-0.1"], "from 0 to -0.1 s: --tmin must be below --tmax"),
    "lags of what has none": (None, ["--decoders", "siglip", "--tmin", "0"], "has no parameter of"),
    "events of a corpus": (None, ["--events", "1"], "--events is for recordings that a trials.csv"),
    "bads of a corpus": (
        None,
        ["--bads", "A1"],
        "--bads is for recordings that a trials.csv or BIDS",
    ),
    "envelope of a corpus": (None, ["--envelope", "mel"], "were computed by its authors"),
    "no shifts": (None, ["--shifts", "-1"], "n_shifts must be at least 1, got -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(two_talker, tmp_path, capsys, case):
    damage, extra, message = BAD[case]
    if damage is not None:
        damage(two_talker)
    out = tmp_path / "out"
    status = main(["compare", "--data", str(two_talker), "--out", str(out), *QUICK, *extra])
    error = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert error.startswith("cocktailparty: error: ")
    assert message in error
    assert not (out / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("a.wav", "missing.wav"), "missing.wav"),
        (("listener_raw.fif,a", "nobody_raw.fif,a"), "nobody_raw.fif"),
        ((",0,10,", ",2,10,"), "attended"),
        ((",0,10,", ",0,seventy,"), "onset"),
        (("b.wav,0,10", "b.wav,0,300"), "300"),
        (("eeg,audio", "file,audio"), "eeg"),
        (("one", "two"), "needs at least two stories"),
    ],
)
def test_mistakes_in_a_table_are_named(recordings, tmp_path, capsys, change, message):
    table = recordings / "trials.csv"
    table.write_text(table.read_text().replace(*change))
    out = tmp_path / "out"
    assert main(["compare", "--data", str(recordings), "--out", str(out), *QUICK]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_results_do_not_go_into_a_file(two_talker, tmp_path, capsys):
    out = tmp_path / "out"
    out.write_text("mine")
    assert main(["compare", "--data", str(two_talker), "--out", str(out), *QUICK]) == 2
    assert "is a file: name a folder" in capsys.readouterr().err
    assert out.read_text() == "mine"
    with pytest.raises(SystemExit) as stop:
        main(["compare", "--windows", "a,b"])
    assert stop.value.code == 2
    assert "expected numbers separated by commas" in capsys.readouterr().err


def test_real_attention_is_decoded(shared_data, tmp_path, undrawn, capsys):
    out = tmp_path / "out"
    data = shared_data("eeg/two_talker_teoh")
    decoders = f"{__name__}:thorough"
    arguments = ["--decoders", decoders, "--windows", "5,10,60", "--sfreq", "32", "--out", str(out)]
    assert main(["compare", "--data", str(data), *arguments]) == 0
    assert "an anecdote, not evidence" in capsys.readouterr().out
    table = pd.read_csv(out / "table.csv")
    whole = table[table.window == 60]
    assert len(whole) == 3
    assert whole.n_correct.sum() >= 2
    assert whole.r_attended.mean() > whole.r_unattended.mean()


def thorough(sfreq):
    """The named decoder with shorter lags, which saves most of the time."""
    decoder = find_decoder("ridge")(sfreq)
    return decoder.set_params(regressor__tmax=0.25, regressor__alpha=[1e-2, 1e0, 1e2])


def test_real_match_mismatch_beats_chance(shared_data, tmp_path, undrawn, capsys):
    data = tmp_path / "dtu"
    data.mkdir()
    for file in shared_data("eeg/dtu_single_talker").glob("DTU_S7_*.npz"):
        (data / file.name).symlink_to(file)
    out = tmp_path / "out"
    arguments = ["--decoders", f"{__name__}:quick", "--windows", "1,5,10", "--out", str(out)]
    assert main(["compare", "--data", str(data), *arguments]) == 0
    assert "Windows of 10 s do not fit" in capsys.readouterr().out
    summary = pd.read_csv(out / "summary.csv")
    assert (summary.p_corrected < 0.05).all()
    # Windows up to half of a test segment of 10 s: the two halves never overlap.
    assert summary.window.max() == 5


@pytest.mark.parametrize("corpus", ["kul", pytest.param("dtu", marks=pytest.mark.slow)])
def test_one_command_records_the_whole_protocol(
    corpus, tmp_path, rng, monkeypatch, undrawn, capsys
):
    """Linear and contrastive decoder on a corpus as it is published; one epoch, to save time."""
    pytest.importorskip("jax")
    presets = importlib.import_module("deep.siglip.presets").PRESETS
    monkeypatch.setitem(presets["default"], "max_epochs", 1)
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    if corpus == "kul":
        originals.write_kul_aad(data, rng, n_subjects=1)
    else:
        originals.write_dtu_aad(data, rng, subjects=(1,))
    run = ["compare", "--data", str(data), "--decoders", "ridge,siglip", "--windows", "3"]
    assert main([*run, "--sfreq", "32", "--seed", "3", "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.pop("report") == str(out / "report.html")
    assert answer == json.loads((out / "report.json").read_text())

    known = CORPORA[corpus]
    assert answer["data"] == [f"{known.title}, from data.", known.description]
    assert "band-passed to 1-9 Hz" in " ".join(answer["preprocessing"])
    assert "to 32 Hz" in " ".join(answer["preprocessing"])
    assert answer["command"].startswith("cocktailparty compare --data")
    assert answer["seeds"] == {"comparison": 3, "ridge": None, "siglip": 0}
    assert answer["versions"]["cocktailparty"] == cocktailparty.__version__
    assert {"numpy", "jax", "mne"} <= set(answer["versions"])
    parameters = {name: made["parameters"] for name, made in answer["decoders"].items()}
    assert parameters["ridge"]["regressor__tmax"] == parameters["siglip"]["tmax"] == 0.4

    split = answer["split"]
    assert split["cv"] == known.default_cv
    kept_apart = {"story": "stories", "trial": "trials"}[known.default_cv]
    tested = [name for fold in split["folds"] for name in fold["test"][kept_apart]]
    # Each story or trial is tested once, and never trained on meanwhile.
    assert len(tested) == len(set(tested)) >= 2
    for fold in split["folds"]:
        train, test = (set(fold[part][kept_apart]) for part in ("train", "test"))
        assert not train & test
        assert train | test == set(tested)

    ridge, siglip = answer["summary"]
    assert (ridge["decoder"], siglip["decoder"]) == ("ridge", "siglip")
    for row in (ridge, siglip):
        assert (row["window"], row["n_subjects"], row["n_stimuli"]) == (3, 1, 2)
        assert row["n_windows"] == ridge["n_windows"] > 0
        assert row["accuracy"] == pytest.approx(row["n_correct"] / row["n_windows"])
        assert row["chance"] == pytest.approx(chance_level(row["n_windows"]))
    # The EEG of the miniatures follows what was attended almost without noise.
    assert ridge["accuracy"] > ridge["chance"]
    html = (out / "report.html").read_text()
    assert "Pattern of ridge" in html
    assert "Reconstruction by siglip" in html


def test_fif_with_triggers_and_envelopes_of_others_make_a_report(tmp_path, undrawn, rng):
    """Most shared data: a trigger channel, and envelopes instead of sounds."""
    import mne

    info = mne.create_info(["Fz", "Cz", "Pz", "STI"], 128, ["eeg"] * 3 + ["stim"])
    for subject in ("s1", "s2"):
        data = 1e-5 * rng.normal(size=(4, 128 * 80))
        data[3] = 0
        data[3, [1280, 1281, 5760, 5761]] = [3, 3, 4, 4]
        raw = mne.io.RawArray(data, info, verbose="ERROR")
        raw.save(tmp_path / f"{subject}_raw.fif", verbose="ERROR")
    for name in "abcd":
        np.save(tmp_path / f"{name}.npy", rng.random(2000))
    header = "eeg,audio,audio_sfreq,attended,trigger,subject"
    rows = [
        f"{s}_raw.fif,{sounds},100,{attended},{trigger},{s}"
        for s in ("s1", "s2")
        for sounds, attended, trigger in (("a.npy;b.npy", "a", 3), ("c.npy;d.npy", "d", 4))
    ]
    (tmp_path / "trials.csv").write_text("\n".join([header, *rows]) + "\n")
    out = tmp_path / "report"
    figures = ["--figures", "pdf,svg", "--cv", "story", "-q"]
    assert main(["compare", "--data", str(tmp_path), "--out", str(out), *QUICK, *figures]) == 0
    html = (out / "report.html").read_text(encoding="utf-8")
    for sentence in (
        "EEG from s1_raw.fif, s2_raw.fif; sounds from a.npy, b.npy, c.npy, d.npy.",
        "3 channels (Fz, Cz, Pz), recorded at 128 Hz",
        "Features of the sounds: as stored in the files.",
        "EEG and stimuli were band-passed to 1-9 Hz (zero-phase FIR) and resampled from 128 to 64",
        "With 2 listeners no test over listeners can be significant",
    ):
        assert sentence in html, sentence
    assert {"accuracy.pdf", "accuracy.svg", "subjects.csv", "group_tests.csv"} <= files(out)
