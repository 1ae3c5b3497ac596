import numpy as np
import pytest

from cocktailparty.datasets.corpora import dtu_single_talker as dtu
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from tests.cocktailparty.datasets.miniatures import truncate, write_dtu


def test_trials_are_sorted_by_subject_and_number(tmp_path, rng):
    envelope = write_dtu(tmp_path, rng, subjects=(10, 2))
    trials = dtu.load(tmp_path)
    assert [(trial.subject, trial.name) for trial in trials] == [
        ("S2", "DTU_S2_000"),
        ("S2", "DTU_S2_001"),
        ("S10", "DTU_S10_000"),
        ("S10", "DTU_S10_001"),
    ]
    for trial in trials:
        assert (trial.story, trial.attended, trial.sfreq) == ("dss", 0, 64)
        assert trial.channel_names == BIOSEMI_64
        assert trial.eeg.dtype == np.float32
        np.testing.assert_array_equal(trial.stimuli, envelope[None])


def test_folder_without_trials_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"such as DTU_S2_000\.npz"):
        dtu.load(tmp_path)


def test_truncated_file_is_named(tmp_path, rng):
    write_dtu(tmp_path, rng)
    truncate(tmp_path / "DTU_S4_001.npz")
    with pytest.raises(OSError, match=r"DTU_S4_001\.npz"):
        dtu.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eeg": np.ones((640, 63))}, r"DTU_S2_000\.npz: eeg must have 64 channels"),
        ({"eeg": np.ones(640)}, r"DTU_S2_000\.npz: eeg must have shape \(n_times, n_channels\)"),
        ({"eeg": np.ones((64, 640))}, r"DTU_S2_000\.npz: eeg has shape .* time is expected first"),
        ({"envelope": np.ones((600, 1))}, r"'DTU_S2_000': stimuli have 600 samples but eeg has"),
        ({"eeg": np.full((640, 64), np.nan)}, r"'DTU_S2_000': eeg has 40960 NaN"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, changes, message):
    envelope = write_dtu(tmp_path, rng, subjects=(2,), n_trials=1)
    arrays = {"eeg": rng.normal(size=(640, 64)), "envelope": envelope}
    np.savez(tmp_path / "DTU_S2_000.npz", **{**arrays, **changes})
    with pytest.raises(ValueError, match=message):
        dtu.load(tmp_path)


def test_real_recordings(shared_data):
    trials = dtu.load(shared_data("eeg/dtu_single_talker"))
    assert len(trials) == 16
    assert {trial.subject for trial in trials} == {"S2", "S4", "S7", "S8"}
    assert trials[0].channel_names[47] == "Cz"
    for trial in trials:
        # Average reference, as published: what the channels have in common is gone.
        assert np.abs(trial.eeg.mean(axis=1)).max() < 1e-3 * trial.eeg.std()
        np.testing.assert_array_equal(trial.stimuli, trials[0].stimuli)
