import numpy as np
import pytest
from scipy.io import loadmat

from cocktailparty.datasets.corpora import dtu_raw
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.features import speech_envelope
from tests.cocktailparty.datasets.miniatures import save, truncate
from tests.cocktailparty.datasets.originals import (
    best_shift,
    followed,
    write_dtu_raw,
    write_expinfo,
)


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_eeg_follows_the_attended_sound_from_the_onset_on(tmp_path, rng, wrapped):
    rows = write_dtu_raw(tmp_path, rng, wrapped=wrapped)
    trials = dtu_raw.load(tmp_path, envelope=hilbert, reference=None, sfreq=128)
    # The second trial has one talker.
    assert [trial.name for trial in trials] == ["S1-01", "S1-03", "S1-04"]
    assert [trial.story for trial in trials] == [
        f"aske_story1+marianne_story{trial % 2}" for trial in (1, 3, 4)
    ]
    for trial, row in zip(trials, (rows[0], *rows[2:]), strict=True):
        assert trial.attended == row["attend_mf"] - 1
        stimulus, correlation = followed(trial)
        assert stimulus == trial.attended
        assert correlation > 0.9
        # Events count samples from 1: a trial that is cut one of them too late fits worse.
        assert best_shift(trial) == 0
        # The sound goes on for a second, but the offset ends the trial.
        assert trial.duration == 6
        assert trial.channel_names == BIOSEMI_64


def test_external_channels_can_be_the_reference(tmp_path, rng):
    write_dtu_raw(tmp_path, rng)
    plain = dtu_raw.load(tmp_path, envelope=hilbert, reference=None, l_freq=None, h_freq=None)[0]
    trial = dtu_raw.load(
        tmp_path, envelope=hilbert, reference=["EXG1", "EXG2"], l_freq=None, h_freq=None
    )[0]
    assert trial.channel_names == BIOSEMI_64
    removed = plain.eeg - trial.eeg
    np.testing.assert_allclose(removed, removed[:, :1].repeat(64, axis=1), rtol=0, atol=1e-9)
    assert removed.std() > 0.01


def test_without_the_table_the_remedy_is_two_lines_of_matlab(tmp_path, rng):
    write_dtu_raw(tmp_path, rng)
    (tmp_path / "EEG" / "S1_expinfo.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"S1_expinfo\.csv is missing") as error:
        dtu_raw.load(tmp_path)
    assert str(error.value).splitlines()[1:] == [
        "    load('S1.mat', 'expinfo')",
        "    writetable(expinfo, 'S1_expinfo.csv')",
    ]


def test_missing_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"EEG has no file of a subject, such as S1\.mat"):
        dtu_raw.load(tmp_path)
    rows = write_dtu_raw(tmp_path, rng)
    (tmp_path / "AUDIO" / rows[3]["wavfile_female"]).unlink()
    with pytest.raises(FileNotFoundError, match=r"marianne_story0_trial_4\.wav is missing, which"):
        dtu_raw.load(tmp_path)


def test_truncated_file_is_named(tmp_path, rng):
    write_dtu_raw(tmp_path, rng)
    truncate(tmp_path / "EEG" / "S1.mat")
    with pytest.raises(OSError, match=r"S1\.mat"):
        dtu_raw.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [{**row, "attend_mf": 3} for row in rows], "row 1: attend_mf must be 1"),
        (lambda rows: rows[:3], "has 8 events, onsets and offsets, for the 3 trials"),
        (lambda rows: [{"trigger": 1}], r"no rows or no column \['attend_mf'"),
    ],
)
def test_wrong_table_is_refused(tmp_path, rng, change, message):
    rows = write_dtu_raw(tmp_path, rng)
    write_expinfo(tmp_path / "EEG" / "S1_expinfo.csv", change(rows))
    with pytest.raises(ValueError, match=message):
        dtu_raw.load(tmp_path)


def test_nan_in_a_trial_is_refused(tmp_path, rng):
    write_dtu_raw(tmp_path, rng, wrapped=False)
    data = loadmat(tmp_path / "EEG" / "S1.mat", struct_as_record=False)["data"][0, 0]
    data.eeg[-400:, 5] = np.nan
    save(tmp_path / "EEG", "S1.mat", data=data)
    with pytest.raises(ValueError, match=r"S1\.mat, .*trial 4: .*the EEG has \d+ NaN"):
        dtu_raw.load(tmp_path, envelope=hilbert)


def test_array_and_channel_names_must_agree(tmp_path, rng):
    write_dtu_raw(tmp_path, rng, wrapped=False)
    data = loadmat(tmp_path / "EEG" / "S1.mat", struct_as_record=False)["data"][0, 0]
    data.eeg = data.eeg[:, :70]
    save(tmp_path / "EEG", "S1.mat", data=data)
    with pytest.raises(ValueError, match=r"data\.eeg must be numbers of shape \(n_times, 73\)"):
        dtu_raw.load(tmp_path, envelope=hilbert)
