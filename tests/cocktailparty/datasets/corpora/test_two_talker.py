import numpy as np
import pytest

from cocktailparty.datasets.corpora import two_talker
from tests.cocktailparty.datasets.miniatures import row_of_cells, save, truncate, write_two_talker


def test_block_1_attends_the_female_story_of_the_trial(tmp_path, rng):
    female, male, orders = write_two_talker(tmp_path, rng)
    trials = two_talker.load(tmp_path)
    assert [trial.story for trial in trials] == ["F01", "F02", "F03"]
    for i, trial in enumerate(trials):
        assert trial.attended == 0
        np.testing.assert_array_equal(trial.stimuli[0, :, 0], female[i])
        np.testing.assert_array_equal(trial.stimuli[1, :, 0], male[orders[1][i] - 1])


def test_block_2_attends_the_male_story_of_the_trial(tmp_path, rng):
    female, male, orders = write_two_talker(tmp_path, rng, blocks=(2,))
    trials = two_talker.load(tmp_path)
    assert [trial.story for trial in trials] == ["M01", "M02", "M03"]
    for i, trial in enumerate(trials):
        assert trial.attended == 1
        np.testing.assert_array_equal(trial.stimuli[0, :, 0], female[orders[2][i] - 1])
        np.testing.assert_array_equal(trial.stimuli[1, :, 0], male[i])


def test_trials_are_sorted_by_number(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=11, n_times=32, blocks=(2, 1))
    names = [trial.name for trial in two_talker.load(tmp_path)]
    assert names == [f"{block}_{trial}" for block in (1, 2) for trial in range(1, 12)]


def test_mastoids_are_subtracted_on_request(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=1)
    eeg, mastoids = rng.normal(size=(256, 128)), rng.normal(size=(256, 2))
    save(tmp_path, "1_1.mat", eeg=eeg, mast=mastoids)
    (plain,) = two_talker.load(tmp_path)
    (referenced,) = two_talker.load(tmp_path, reference="mastoids")
    np.testing.assert_array_equal(plain.eeg, eeg)
    mean = (mastoids[:, :1] + mastoids[:, 1:]) / 2
    np.testing.assert_allclose(referenced.eeg, eeg - mean)
    with pytest.raises(ValueError, match="reference must be None or 'mastoids', got 'average'"):
        two_talker.load(tmp_path, reference="average")


def test_single_precision_is_kept(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=1)
    assert two_talker.load(tmp_path, reference="mastoids")[0].eeg.dtype == np.float32


@pytest.mark.parametrize("companion", ["F_env.mat", "M_env.mat", "competing_speaker_order.mat"])
def test_missing_companion_is_named(tmp_path, rng, companion):
    write_two_talker(tmp_path, rng)
    (tmp_path / companion).unlink()
    assert two_talker.CORPUS.detect(tmp_path)
    with pytest.raises(FileNotFoundError, match=companion):
        two_talker.load(tmp_path)


@pytest.mark.parametrize("file", ["1_2.mat", "M_env.mat", "competing_speaker_order.mat"])
def test_truncated_file_is_named(tmp_path, rng, file):
    write_two_talker(tmp_path, rng)
    truncate(tmp_path / file)
    with pytest.raises(OSError, match=file):
        two_talker.load(tmp_path)


def test_folder_without_trials_is_refused(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=0)
    assert not two_talker.CORPUS.detect(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no file .* such as 1_1\.mat"):
        two_talker.load(tmp_path)


def test_trial_without_an_ignored_story_is_refused(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=1)
    (tmp_path / "1_1.mat").rename(tmp_path / "1_21.mat")
    with pytest.raises(ValueError, match=r"1_21\.mat.* 20 trials only"):
        two_talker.load(tmp_path)


def test_story_without_an_envelope_is_refused(tmp_path, rng):
    _, male, _ = write_two_talker(tmp_path, rng, n_trials=1)
    save(tmp_path, "M_env.mat", stim1=row_of_cells(male[:20]))
    with pytest.raises(ValueError, match=r"needs story \d+ of M_env\.mat, which has 20"):
        two_talker.load(tmp_path)


def test_wrong_number_of_channels_is_refused(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=1)
    save(tmp_path, "1_1.mat", eeg=rng.normal(size=(128, 256)))
    with pytest.raises(ValueError, match=r"1_1\.mat: eeg must have 128 channels, got .*256"):
        two_talker.load(tmp_path)


def test_envelopes_of_another_length_are_refused(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=1)
    save(tmp_path, "1_1.mat", eeg=rng.normal(size=(255, 128)))
    with pytest.raises(ValueError, match=r"'1_1': stimuli have 256 samples but eeg has 255"):
        two_talker.load(tmp_path)


def test_nan_in_the_eeg_is_refused(tmp_path, rng):
    write_two_talker(tmp_path, rng, n_trials=2)
    eeg = rng.normal(size=(256, 128))
    eeg[7, 3] = np.nan
    save(tmp_path, "1_2.mat", eeg=eeg)
    with pytest.raises(ValueError, match=r"'1_2': eeg has 1 NaN"):
        two_talker.load(tmp_path)


def test_real_recordings(shared_data):
    trials = two_talker.load(shared_data("eeg/two_talker_teoh"))
    assert [trial.story for trial in trials] == ["F01", "F02", "F03"]
    assert {trial.attended for trial in trials} == {0}
    assert {trial.eeg.shape for trial in trials} == {(7680, 128)}
    # Two talkers who read different stories are not correlated, and no story is heard twice.
    tracks = np.array([stimulus[:, 0] for trial in trials for stimulus in trial.stimuli])
    r = np.corrcoef(tracks) - np.eye(6)
    assert np.abs(r).max() < 0.15
