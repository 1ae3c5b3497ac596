import numpy as np
import pytest

from cocktailparty.datasets.corpora import dtu as dtu_aad
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from tests.cocktailparty.datasets.miniatures import row_of_cells, save, truncate
from tests.cocktailparty.datasets.originals import write_dtu_aad


def test_stimuli_are_male_and_female_whoever_was_attended(tmp_path, rng):
    envelopes, attended = write_dtu_aad(tmp_path, rng, subjects=(12, 1))
    trials = dtu_aad.load(tmp_path)
    assert [trial.subject for trial in trials] == ["S1"] * 4 + ["S12"] * 4
    assert [trial.name for trial in trials[:2]] == ["S1-01", "S1-02"]
    expected = [*zip(envelopes[1], attended[1], strict=True)]
    expected += zip(envelopes[0], attended[0], strict=True)
    for trial, (pair, label) in zip(trials, expected, strict=True):
        np.testing.assert_array_equal(trial.stimuli[..., 0], pair)
        assert trial.attended == label
        assert (trial.sfreq, trial.channel_names) == (64, BIOSEMI_64)
    assert {trial.attended for trial in trials} == {0, 1}


def test_external_channels_are_left_out(tmp_path, rng):
    eegs = [rng.normal(size=(640, 66)) for _ in range(4)]
    write_dtu_aad(tmp_path, rng, subjects=(1,), eeg=row_of_cells(eegs))
    for trial, eeg in zip(dtu_aad.load(tmp_path), eegs, strict=True):
        np.testing.assert_array_equal(trial.eeg, eeg[:, :64])


def test_subjects_are_chosen(tmp_path, rng):
    write_dtu_aad(tmp_path, rng)
    assert {trial.subject for trial in dtu_aad.load(tmp_path, subjects=["S12"])} == {"S12"}
    with pytest.raises(ValueError, match=r"subjects=\[\]: .* has S1, S12; name one or more"):
        dtu_aad.load(tmp_path, subjects=[])


def test_missing_and_truncated_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"such as S1_data_preproc\.mat"):
        dtu_aad.load(tmp_path)
    write_dtu_aad(tmp_path, rng)
    truncate(tmp_path / "S12_data_preproc.mat")
    with pytest.raises(OSError, match=r"S12_data_preproc\.mat"):
        dtu_aad.load(tmp_path)


def four(value):
    return row_of_cells([value] * 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eeg": four(np.ones((640, 64)))}, r"data\.eeg\{1\} must have 66 channels, got \(640, 64"),
        ({"eeg": row_of_cells([np.ones((640, 66))])}, r"differ in number of trials: \{'eeg': 1"),
        ({"eeg": np.ones((640, 66))}, "S1_data_preproc.mat: eeg must be a cell array"),
        ({"eeg": four(np.full((640, 66), np.nan))}, r"trial 'S1-01': eeg has 40960 NaN"),
        ({"wavA": four(np.ones((600, 1)))}, r"trial 'S1-01': stimuli differ in length"),
        ({"event": {"eeg": {"value": four(3)}}}, r"value\{1\} must be 1 \(male .* got 3"),
        ({"event": {"eeg": {"value": four("m")}}}, r"value\{1\} must be a number"),
        ({"event": {"eeg": {"sample": 3}}}, r"data\.event\.eeg has no field \['value'\]"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, changes, message):
    write_dtu_aad(tmp_path, rng, subjects=(1,), **changes)
    with pytest.raises(ValueError, match=message):
        dtu_aad.load(tmp_path)


def test_file_without_the_struct_is_named(tmp_path):
    save(tmp_path, "S1_data_preproc.mat", trials=np.ones(3))
    with pytest.raises(ValueError, match=r"S1_data_preproc\.mat has no variable \['data'\]"):
        dtu_aad.load(tmp_path)
