import csv
import warnings

import mne
import numpy as np
import pytest
import soundfile

from cocktailparty import datasets
from cocktailparty.datasets.corpora import table
from cocktailparty.features import speech_envelope
from cocktailparty.recordings.trials import trial_from_raw
from tests.cocktailparty.edffiles import write_edf

SFREQ, AUDIO_SFREQ = 128, 8000


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


@pytest.fixture
def folder(tmp_path, rng):
    """Two recordings of 30 s and three sounds of 10 s."""
    info = mne.create_info(["Fz", "Cz", "Pz"], SFREQ, "eeg")
    for name in ("one", "two"):
        data = 1e-5 * rng.normal(size=(3, 30 * SFREQ))
        mne.io.RawArray(data, info, verbose="ERROR").save(
            tmp_path / f"{name}-raw.fif", verbose="ERROR"
        )
    (tmp_path / "sounds").mkdir()
    for name in "abc":
        noise = rng.uniform(-0.5, 0.5, size=10 * AUDIO_SFREQ)
        soundfile.write(tmp_path / "sounds" / f"{name}.wav", noise, AUDIO_SFREQ)
    return tmp_path


def write(folder, rows, header=None):
    header = header or list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "trials.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header)
        writer.writeheader()
        writer.writerows(rows)


AB = "sounds/a.wav; sounds/b.wav"


def test_trials_are_those_of_the_rows_and_files_are_read_once(folder, monkeypatch):
    rows = [
        {"eeg": "two-raw.fif", "audio": AB, "attended": 1, "onset": 12.5, "subject": "S2"},
        {"eeg": "one-raw.fif", "audio": AB, "attended": "0.0", "duration": 8, "story": "tale"},
        {"eeg": "two-raw.fif", "audio": "sounds/c.wav", "eeg_clock": 1.0001, "name": "last"},
    ]
    write(folder, rows)
    opened, analysed = [], []

    def read_eeg(file):
        opened.append(file.name)
        return mne.io.read_raw(file, verbose="ERROR")

    def counted(*arguments):
        analysed.append(arguments)
        return hilbert(*arguments)

    monkeypatch.setattr(table, "read_eeg", read_eeg)
    trials = table.load(folder, envelope=counted, sfreq=32.0, h_freq=8.0)
    # Once for the check of the headers, once for the signals.
    assert sorted(opened) == ["one-raw.fif"] * 2 + ["two-raw.fif"] * 2
    assert len(analysed) == 3
    assert [repr(trial) for trial in trials] == [
        "Trial('S2/a.wav;b.wav', 10.0 s at 32 Hz, 3 channels, 2 stimuli x 1 feature, attended 1)",
        "Trial('tale', 8.0 s at 32 Hz, 3 channels, 2 stimuli x 1 feature, attended 0)",
        "Trial('c.wav/last', 10.0 s at 32 Hz, 3 channels, 1 stimulus x 1 feature, "
        "attended unknown)",
    ]
    expected = trial_from_raw(
        mne.io.read_raw(folder / "two-raw.fif", verbose="ERROR"),
        [folder / "sounds/a.wav", folder / "sounds/b.wav"],
        12.5,
        sfreq=32,
        h_freq=8,
        envelope=hilbert,
    )
    np.testing.assert_array_equal(trials[0].eeg, expected.eeg)
    np.testing.assert_array_equal(trials[0].stimuli, expected.stimuli)


def test_every_mistake_is_listed_with_row_and_column_before_a_file_is_opened(folder, monkeypatch):
    good = {"eeg": "one-raw.fif", "audio": AB}
    write(
        folder,
        [
            good,
            {**good, "eeg": "three-raw.fif"},
            {**good, "audio": "sounds/a.wav;sounds/z.wav"},
            {**good, "attended": 2},
            {**good, "attended": "left"},
            {**good, "onset": "-1"},
            {**good, "duration": "0"},
            {**good, "eeg_clock": "0.0002"},
            {**good, "eeg": ""},
            {**good, "mixture": "mix.wav"},
            {**good, "onset": "nan"},
        ],
    )
    monkeypatch.setattr(table, "read_eeg", lambda file: pytest.fail("a file was opened"))
    with pytest.raises(ValueError, match="row 2") as raised:
        table.load(folder)
    expected = [
        ("row 2 (line 3), column 'eeg': file", "three-raw.fif does not exist"),
        ("row 3 (line 4), column 'audio': file", "z.wav does not exist"),
        ("row 4 (line 5), column 'attended': expected an index into the 2 sounds", "got '2'"),
        ("row 5 (line 6), column 'attended':", "got 'left'"),
        ("row 6 (line 7), column 'onset': expected seconds from 0, got '-1'", ""),
        ("row 7 (line 8), column 'duration': expected a positive number", "got '0'"),
        ("row 8 (line 9), column 'eeg_clock': expected a ratio of clocks", "got '0.0002'"),
        ("row 9 (line 10), column 'eeg': is empty", ""),
        ("row 10 (line 11), column 'mixture': file", "mix.wav does not exist"),
        ("row 11 (line 12), column 'onset':", "got 'nan'"),
    ]
    lines = str(raised.value).splitlines()
    assert len(lines) == len(expected)
    for line, (start, end) in zip(lines, expected, strict=True):
        assert line.startswith(f"trials.csv, {start}")
        assert line.endswith(end)


def test_onsets_and_durations_are_compared_with_the_files(folder, monkeypatch):
    good = {"eeg": "one-raw.fif", "audio": AB}
    write(
        folder,
        [
            {**good, "onset": "31"},
            {**good, "onset": "25", "duration": "8"},
            {**good, "duration": "11"},
            {**good, "duration": "10"},
        ],
    )
    monkeypatch.setattr(table, "sound_features", lambda *a: pytest.fail("a sound was analysed"))
    with pytest.raises(ValueError, match="row 1") as raised:
        table.load(folder)
    first, second, third = str(raised.value).splitlines()
    assert "row 1 (line 2), column 'onset': 31 s lies beyond" in first
    assert first.endswith("one-raw.fif, which lasts 30 s")
    assert "row 2 (line 3), column 'duration': 8 s is longer than the 5 s that" in second
    assert "row 3 (line 4), column 'duration': 11 s is longer than the 10 s that" in third


def test_an_impossible_trial_is_named_by_its_row(folder):
    good = {"eeg": "one-raw.fif", "audio": "sounds/a.wav"}
    write(folder, [good, {**good, "onset": 25}])
    with pytest.raises(ValueError, match=r"row 2 \(line 3\): lengths differ by more than 0.5 s"):
        table.load(folder, envelope=hilbert)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("eeg,sound\nx,y\n", r"missing \['audio'\];"),
        ("eeg;audio;onset\nx;y;1\n", "separated by semicolons, as Excel writes it in many"),
        ("eeg,audio,\nx,y,z\n", "and one without a name"),
        ("eeg,audio,Onset\nx,y,3\n", "has a column 'Onset' but none 'onset'"),
        ("eeg,audio,atended\nx,y,1\n", "has a column 'atended' but none 'attended'"),
        ("eeg,audio,audio\nx,y,z\n", "each once"),
        ("eeg,audio\n\n", "has no rows"),
        ("", r"has the columns \[\]"),
        ('eeg,audio\n"x,y\n', "is no comma-separated table"),
        (b"eeg,audio,name\nx,y,\xe4\n", "is no comma-separated table in UTF-8"),
        ("eeg,audio\nx,y,z\n", r"row 1 \(line 2\): 3 cells for 2 columns"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, content, match):
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "trials.csv").write_bytes(content)
    with pytest.raises(ValueError, match=match):
        table.read_table(tmp_path / "trials.csv")


def test_a_table_as_spreadsheets_write_it(folder):
    text = f"eeg , audio,attended,onset\r\none-raw.fif,{AB},,\r\n,,,\r\n"
    (folder / "trials.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (row,) = table.read_table(folder / "trials.csv")
    assert row.audio == (folder / "sounds/a.wav", folder / "sounds/b.wav")
    assert (row.attended, row.onset, row.eeg) == (None, 0.0, folder / "one-raw.fif")


def test_other_columns_are_kept(folder):
    good = {"eeg": "one-raw.fif", "audio": AB, "onset": "1"}
    write(
        folder,
        [
            {**good, "snr": "-3", "side": "left", "code": "007", "onset2": "4"},
            {**good, "onset": "12", "snr": "", "side": "right", "code": "12", "onset2": "5"},
        ],
    )
    first, second = table.load(folder, envelope=hilbert)
    assert first.metadata == {"snr": -3, "side": "left", "code": "007", "onset2": 4}
    assert second.metadata == {"snr": None, "side": "right", "code": "12", "onset2": 5}


def test_the_folder_is_known_by_its_table(tmp_path):
    assert not table.CORPUS.detect(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"trials\.csv does not exist"):
        table.load(tmp_path)
    (tmp_path / "trials.csv").touch()
    assert table.CORPUS.detect(tmp_path)


def test_a_fast_channel_beside_the_eeg_does_not_move_the_trials(folder, rng):
    eeg = 20 * rng.normal(size=(3, 30 * SFREQ))
    signals, rates = [*eeg, 100 * rng.normal(size=30 * 1024)], [SFREQ] * 3 + [1024]
    write_edf(folder / "one.edf", signals, rates, ["Fz", "Cz", "Pz", "EMG"])
    write(folder, [{"eeg": "one.edf", "audio": AB, "onset": onset} for onset in (5.3, 15.01)])
    info = mne.create_info(["Fz", "Cz", "Pz"], SFREQ, "eeg")
    alone = mne.io.RawArray(1e-6 * eeg, info, verbose="WARNING")
    trials = table.load(folder, picks=["Fz", "Cz", "Pz"], envelope=hilbert)
    for trial, onset in zip(trials, (5.3, 15.01), strict=True):
        expected = trial_from_raw(alone, list(trial.stimuli), onset)
        np.testing.assert_allclose(trial.eeg, expected.eeg, atol=1e-7)


def test_a_warning_of_mne_is_shown_once_for_all_trials(folder, rng):
    signals = 20 * rng.normal(size=(3, 30 * SFREQ))
    write_edf(folder / "one.edf", signals, [SFREQ] * 3, ["Fz", "Cz", "Pz"])
    content = (folder / "one.edf").read_bytes()
    (folder / "one.edf").write_bytes(content[: -2 * 3 * SFREQ])  # the last second is missing
    write(folder, [{"eeg": "one.edf", "audio": AB, "onset": onset} for onset in (5, 15)])
    with pytest.warns(RuntimeWarning) as caught:
        table.load(folder, envelope=hilbert)
    told = [str(warning.message) for warning in caught]
    assert len(told) == 1
    assert told[0].startswith("Number of records from the header does not match the file size")


def test_rows_in_which_the_recording_is_bad_are_told_or_left_out(folder):
    raw = mne.io.read_raw(folder / "one-raw.fif", preload=True, verbose="WARNING")
    raw.set_annotations(mne.Annotations([16.0], [0.5], ["BAD_cough"]))
    raw.save(folder / "one-raw.fif", overwrite=True, verbose="WARNING")
    rows = [
        {"eeg": "one-raw.fif", "audio": AB, "onset": 2, "name": "first"},
        {"eeg": "two-raw.fif", "audio": AB, "onset": 12, "name": "second"},
        {"eeg": "one-raw.fif", "audio": AB, "onset": 12, "name": "third"},
    ]
    write(folder, rows)
    told = r"trials\.csv, row 3 \(line 4\): trial 'third': the recording is bad at 16"
    with pytest.raises(ValueError, match=told):
        table.load(folder, envelope=hilbert)
    kept = table.load(folder, envelope=hilbert, on_bad="keep")
    assert [trial.name for trial in kept] == ["first", "second", "third"]
    with pytest.warns(UserWarning, match="1 of 3 trials were left out"):
        left = table.load(folder, envelope=hilbert, on_bad="drop")
    assert [trial.name for trial in left] == ["first", "second"]


# --- onsets by events -----------------------------------------------------------------------------


def mark(folder, name, onsets, description="go"):
    file = folder / f"{name}-raw.fif"
    raw = mne.io.read_raw(file, preload=True, verbose="ERROR")
    raw.set_annotations(mne.Annotations(onsets, 0.0, [description] * len(onsets)))
    raw.save(file, overwrite=True, verbose="ERROR")
    return raw


def test_rows_without_an_onset_take_the_events_of_their_recording(folder):
    mark(folder, "one", [2.5, 17.25])
    raw = mark(folder, "two", [6.0])
    rows = [
        {"eeg": "one-raw.fif", "audio": AB, "attended": 0, "name": "first"},
        {"eeg": "two-raw.fif", "audio": AB, "attended": 0, "name": "other"},
        {"eeg": "one-raw.fif", "audio": AB, "attended": 1, "onset": 11.0, "name": "stated"},
        {"eeg": "one-raw.fif", "audio": AB, "attended": 0, "name": "second"},
    ]
    write(folder, rows, ["eeg", "audio", "attended", "onset", "name"])
    trials = table.load(folder, envelope=hilbert, events="go")
    stated = [
        {**row, "onset": onset} for row, onset in zip(rows, [2.5, 6.0, 11.0, 17.25], strict=True)
    ]
    write(folder, stated)
    for trial, expected in zip(trials, table.load(folder, envelope=hilbert), strict=True):
        assert trial.name == expected.name
        np.testing.assert_array_equal(trial.eeg, expected.eeg)
    sounds = [folder / "sounds" / f"{name}.wav" for name in "ab"]
    direct = trial_from_raw(raw, sounds, 6.0, envelope=hilbert)
    np.testing.assert_allclose(trials[1].eeg, direct.eeg, rtol=1e-5, atol=1e-12)


def test_events_and_rows_have_to_agree(folder):
    mark(folder, "one", [2.5, 17.25])
    write(folder, [{"eeg": "one-raw.fif", "audio": AB}, {"eeg": "two-raw.fif", "audio": AB}])
    with pytest.raises(
        ValueError, match=r"has 2 events 'go', at 2\.500, 17\.250 s, for 1 rows"
    ) as e:
        table.load(folder, events="go")
    assert "two-raw.fif: the recording has no event 'go'; it has none" in str(e.value)


def test_features_stand_in_the_place_of_sounds(folder):
    """Envelopes of others at 100 Hz give the trials of the sounds that they came from."""
    for name in "ab":
        sound, rate = soundfile.read(folder / "sounds" / f"{name}.wav")
        np.save(folder / f"{name}.npy", hilbert(sound, rate, 100))
    row = {"eeg": "one-raw.fif", "audio": "a.npy;b.npy", "attended": "b.npy", "audio_sfreq": 100}
    write(folder, [row])
    (trial,) = table.load(folder)
    assert trial.attended == 1
    assert trial.provenance["features"] == "as stored in the files"
    write(folder, [{"eeg": "one-raw.fif", "audio": AB, "attended": "b"}])
    (direct,) = table.load(folder, envelope=hilbert)
    assert direct.attended == 1
    np.testing.assert_array_equal(trial.eeg, direct.eeg)
    for k in range(2):
        assert np.corrcoef(trial.stimuli[k, :, 0], direct.stimuli[k, :, 0])[0, 1] > 0.99


def test_rows_start_at_triggers_of_their_own(folder):
    raw = mark(folder, "one", [2.5, 17.25])
    raw.annotations.append(8.0, 0, "other")
    raw.save(folder / "one-raw.fif", overwrite=True, verbose="ERROR")
    rows = [{"eeg": "one-raw.fif", "audio": AB, "trigger": x} for x in ("go", "other", "go")]
    write(folder, rows)
    triggered = table.load(folder, envelope=hilbert)
    onsets = [{"eeg": "one-raw.fif", "audio": AB, "onset": x} for x in (2.5, 8.0, 17.25)]
    write(folder, onsets)
    for trial, expected in zip(triggered, table.load(folder, envelope=hilbert), strict=True):
        np.testing.assert_array_equal(trial.eeg, expected.eeg)
    write(folder, [*rows, {**rows[0], "trigger": "none"}])
    with pytest.raises(ValueError, match="has no event 'none'; it has 'go'"):
        table.load(folder, envelope=hilbert)


def test_bad_channels_and_references_of_rows(folder):
    good = {"eeg": "one-raw.fif", "audio": "sounds/a.wav"}
    write(folder, [good, {**good, "bads": "Cz"}, {**good, "reference": "Cz"},
                   {**good, "reference": "none"}])  # fmt: skip
    plain, marked, mean, none = table.load(folder, envelope=hilbert)
    assert marked.channel_names == mean.channel_names == ("Fz", "Pz")
    assert marked.provenance["bads"] == ["Cz"]
    assert [t.provenance["reference"] for t in (plain, mean, none)] == [
        "average of the picked channels", "mean of Cz", "as recorded",
    ]  # fmt: skip
    np.testing.assert_allclose(mean.eeg, none.eeg[:, [0, 2]] - none.eeg[:, [1]], rtol=0, atol=1e-18)
    for trial in table.load(folder, envelope=hilbert, bads=["Pz"], reference=None):
        assert "Pz" not in trial.channel_names
    write(folder, [good, {**good, "bads": "Cz;Oz"}])
    with pytest.raises(ValueError, match=r"row 2 .*, column 'bads': channel\(s\) \['Oz'\] are not"):
        table.load(folder, envelope=hilbert)


def test_labels_that_are_always_the_same_are_cautioned(folder):
    row = {"eeg": "one-raw.fif", "audio": AB, "attended": "a.wav"}
    write(folder, [row, {**row, "onset": 12}])
    with pytest.warns(UserWarning, match="is number 0 of the list in all 2 rows"):
        table.load(folder, envelope=hilbert)


def test_channels_that_are_not_on_the_scalp_are_cautioned(folder, rng):
    info = mne.create_info(["Fz", "Cz", "EXG1"], SFREQ, "eeg")
    raw = mne.io.RawArray(1e-5 * rng.normal(size=(3, 30 * SFREQ)), info, verbose="ERROR")
    raw.save(folder / "odd-raw.fif", verbose="ERROR")
    write(folder, [{"eeg": "odd-raw.fif", "audio": "sounds/a.wav"}])
    with pytest.warns(UserWarning, match=r"\['EXG1'\] count as EEG, but have names of what is not"):
        (trial,) = table.load(folder, envelope=hilbert)
    assert any("EXG1" in note for note in trial.provenance["warnings"])
    table.load(folder, envelope=hilbert, picks=["Fz", "EXG1"])
    table.load(folder, envelope=hilbert, reference=["EXG1"])


def test_trials_know_their_sound_files_and_features(folder):
    write(folder, [{"eeg": "one-raw.fif", "audio": AB}])
    (trial,) = table.load(folder, envelope=hilbert)
    assert trial.provenance["sound_files"] == ["a.wav", "b.wav"]
    assert trial.provenance["features"] == "hilbert"


@pytest.mark.parametrize("corpus", ["two_talker_teoh", "dtu_single_talker"])
def test_recordings_of_a_corpus_as_fif_and_table_are_bit_equal(shared_data, tmp_path, corpus):
    (trial, *_) = datasets.load(shared_data(f"eeg/{corpus}"))
    names = trial.channel_names or [f"E{k}" for k in range(trial.n_channels)]
    info = mne.create_info(list(names), trial.sfreq, "eeg")
    raw = mne.io.RawArray(trial.eeg.astype(float).T, info, verbose="ERROR")
    raw.save(tmp_path / "one_raw.fif", fmt="double", verbose="ERROR")
    for k, stimulus in enumerate(trial.stimuli):
        np.save(tmp_path / f"{k}.npy", stimulus)
    audio = ";".join(f"{k}.npy" for k in range(trial.n_stimuli))
    row = {"eeg": "one_raw.fif", "audio": audio, "audio_sfreq": trial.sfreq}
    write(tmp_path, [{**row, "attended": trial.attended}])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these arrays are not in volts
        (found,) = table.load(
            tmp_path, sfreq=trial.sfreq, l_freq=None, h_freq=None, reference=None, on_flat="keep"
        )
    np.testing.assert_array_equal(found.eeg, trial.eeg)
    np.testing.assert_array_equal(found.stimuli, trial.stimuli)
    assert found.attended == trial.attended
