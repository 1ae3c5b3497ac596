import mne
import numpy as np
import pytest
from scipy.io import loadmat

from cocktailparty.datasets import cnd, simulate_two_talkers
from cocktailparty.datasets import write_cnd as write_trials
from cocktailparty.datasets.positions import BIOSEMI_64
from cocktailparty.trial import Trial
from tests.cocktailparty.datasets.miniatures import (
    row_of_cells,
    save,
    struct_array,
    truncate,
    write_cnd,
)


def test_eeg_cell_belongs_to_the_stimulus_of_its_column(tmp_path, rng):
    features = write_cnd(tmp_path, rng)
    trials = cnd.load(tmp_path)
    assert [trial.subject for trial in trials] == ["sub-01"] * 3 + ["sub-02"] * 3
    for trial, envelope in zip(trials, [*features[0], *features[0]], strict=True):
        assert (trial.attended, trial.n_stimuli, trial.sfreq) == (0, 1, 64)
        assert trial.channel_names == ("A1", "A2", "A3", "A4")
        # The stimulus is cut to the EEG, whose 256 samples are the shorter ones.
        np.testing.assert_array_equal(trial.stimuli[0], envelope[:256])


def test_eeg_is_cut_to_a_shorter_stimulus(tmp_path, rng):
    eegs = [rng.normal(size=(300, 4)) for _ in range(3)]
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"data": row_of_cells(eegs)})
    for trial, eeg, n_times in zip(cnd.load(tmp_path), eegs, (256, 257, 258), strict=True):
        np.testing.assert_array_equal(trial.eeg, eeg[:n_times])


def test_trials_come_in_the_order_of_presentation(tmp_path, rng):
    # Stimulus 1 was heard third, stimulus 2 first, stimulus 3 second.
    features = write_cnd(tmp_path, rng, n_subjects=1, eeg={"origTrialPosition": [[3, 1, 2]]})
    trials = cnd.load(tmp_path)
    assert [trial.story for trial in trials] == ["stimulus-02", "stimulus-03", "stimulus-01"]
    for trial, column in zip(trials, (1, 2, 0), strict=True):
        np.testing.assert_array_equal(trial.stimuli[0], features[0, column][:256])


@pytest.mark.parametrize("positions", [None, np.zeros((0, 0))])
def test_trials_keep_the_order_of_the_file_without_positions(tmp_path, rng, positions):
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"origTrialPosition": positions})
    stories = [trial.story for trial in cnd.load(tmp_path)]
    assert stories == ["stimulus-01", "stimulus-02", "stimulus-03"]


def test_repetitions_of_a_stimulus_share_a_story(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1, stim={"stimIdxs": [[2, 1, 2]]})
    trials = cnd.load(tmp_path)
    assert [trial.story for trial in trials] == ["stimulus-02", "stimulus-01", "stimulus-02"]
    assert len({trial.name for trial in trials}) == 3


def test_stimuli_without_numbers_are_counted(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1, stim={"stimIdxs": None})
    assert [trial.story for trial in cnd.load(tmp_path)][-1] == "stimulus-03"


@pytest.mark.parametrize("feature", ["Spectrogram", 1, np.int64(1)])
def test_feature_is_chosen_by_name_or_position(tmp_path, rng, feature):
    features = write_cnd(tmp_path, rng, n_subjects=1)
    trial = cnd.load(tmp_path, feature=feature)[2]
    np.testing.assert_array_equal(trial.stimuli[0], features[1, 2][:256])


@pytest.mark.parametrize("feature", ["Envelope", 2, -1])
def test_unknown_feature_is_refused(tmp_path, rng, feature):
    write_cnd(tmp_path, rng)
    with pytest.raises(ValueError, match=r"'Spectrogram'\] or a position from 0 to 1, got"):
        cnd.load(tmp_path, feature=feature)


def test_one_trial_and_one_feature_are_not_confused(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1, n_trials=1)
    (trial,) = cnd.load(tmp_path, feature=1)
    assert trial.n_features == 5


def test_stimuli_of_a_subject_take_the_place_of_the_shared_ones(tmp_path, rng):
    write_cnd(tmp_path, rng)
    (tmp_path / "own").mkdir()
    own = write_cnd(tmp_path / "own", rng)
    (tmp_path / "own" / "dataStim.mat").rename(tmp_path / "dataStim2.mat")
    trials = cnd.load(tmp_path)
    np.testing.assert_array_equal(trials[3].stimuli[0], own[0, 0][:256])
    assert not np.array_equal(trials[0].stimuli[0], own[0, 0][:256])


def test_padding_before_the_stimulus_is_dropped(tmp_path, rng):
    eegs = [rng.normal(size=(320, 4)) for _ in range(3)]
    changes = {"data": row_of_cells(eegs), "paddingStartSample": 64}
    write_cnd(tmp_path, rng, n_subjects=1, eeg=changes)
    np.testing.assert_array_equal(cnd.load(tmp_path)[0].eeg, eegs[0][64:])


def test_rejected_trials_are_left_out(tmp_path, rng):
    eegs = [rng.normal(size=(256, 4)), np.zeros((0, 0)), rng.normal(size=(256, 4))]
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"data": row_of_cells(eegs)})
    assert [trial.story for trial in cnd.load(tmp_path)] == ["stimulus-01", "stimulus-03"]


def test_drawing_helpers_are_no_channels(tmp_path, rng):
    labels = struct_array([{"labels": name} for name in ("Fz", "Cz", "Pz", "Oz", "COMNT", "SCALE")])
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"chanlocs": labels})
    assert cnd.load(tmp_path)[0].channel_names == ("Fz", "Cz", "Pz", "Oz")


def test_channels_may_have_no_names(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"chanlocs": None})
    assert cnd.load(tmp_path)[0].channel_names is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"eeg": {"fs": 128}},
            r"dataSub1\.mat is sampled at 128 Hz but .*dataStim\.mat at 64 Hz: resample",
        ),
        ({"eeg": {"data": None}}, r"dataSub1\.mat: eeg has no field \['data'\]"),
        ({"eeg": {"data": np.ones((9, 4))}}, r"dataSub1\.mat: eeg\.data must be a cell array"),
        ({"eeg": {"origTrialPosition": [[1, 2]]}}, r"origTrialPosition has 2 entries but .* 3 tri"),
        ({"eeg": {"chanlocs": struct_array([{"labels": "Cz"}])}}, "1 channel_names for 4 eeg"),
        ({"stim": {"stimIdxs": [[1, 2]]}}, r"dataStim\.mat: stim\.stimIdxs has 2 entries"),
        ({"stim": {"names": None}}, r"dataStim\.mat: stim has no field \['names'\]"),
        (
            {"stim": {"data": np.full((1, 2), [[0.5]], dtype=object), "stimIdxs": None}},
            r"dataStim\.mat: stim\.data has 2 entries but .*dataSub1\.mat has 3 trials",
        ),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, changes, message):
    write_cnd(tmp_path, rng, **changes)
    with pytest.raises(ValueError, match=message):
        cnd.load(tmp_path)


def test_nan_in_the_eeg_is_refused(tmp_path, rng):
    eegs = [np.full((256, 4), np.nan if trial == 1 else 0) + rng.normal(size=4) for trial in (0, 1)]
    eegs[0] += rng.normal(size=(256, 4))
    write_cnd(tmp_path, rng, n_subjects=1, n_trials=2, eeg={"data": row_of_cells(eegs)})
    with pytest.raises(ValueError, match=r"'dataSub1 trial 2': eeg has 1024 NaN"):
        cnd.load(tmp_path)


def test_missing_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"such as dataSub1\.mat"):
        cnd.load(tmp_path)
    write_cnd(tmp_path, rng)
    (tmp_path / "dataStim.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"dataStim\.mat is missing"):
        cnd.load(tmp_path)


@pytest.mark.parametrize("file", ["dataStim.mat", "dataSub2.mat"])
def test_truncated_file_is_named(tmp_path, rng, file):
    write_cnd(tmp_path, rng)
    truncate(tmp_path / file)
    with pytest.raises(OSError, match=file):
        cnd.load(tmp_path)


def test_file_without_the_struct_is_named(tmp_path, rng):
    write_cnd(tmp_path, rng)
    save(tmp_path, "dataSub1.mat", data=np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"dataSub1\.mat has no variable \['eeg'\]"):
        cnd.load(tmp_path)


def test_real_miniature(shared_data):
    path = shared_data("eeg/cnd_mini")
    trials = cnd.load(path)
    assert len(trials) == 20
    assert trials[0].channel_names == ("A1", "A2", "A3", "A4")
    assert trials[0].eeg.shape == (11, 4)
    assert cnd.load(path, "Spectrogram")[0].n_features == 16
    # Eleven samples hold no word onset in some trials.
    with pytest.raises(ValueError, match=r"'dataSub1 trial 3': stimulus 0 is constant"):
        cnd.load(path, "Word Onset Vectors")


def single_talker(rng, subjects=("A", "B"), stories=("x", "y", "z"), dtype=np.float32, same=True):
    """Make trials of unequal length; all subjects hear the same, or each something else."""
    heard = {story: rng.random((1, 128 + 32 * i, 2)) for i, story in enumerate(stories)}
    trials = []
    for subject in subjects:
        if not same:
            heard = {story: rng.random(stimulus.shape) for story, stimulus in heard.items()}
        for story, stimulus in heard.items():
            eeg = rng.normal(size=(stimulus.shape[1], 3)).astype(dtype)
            names = ["Fz", "Cz", "Pz"]
            trials.append(Trial(eeg, stimulus, 64.0, 0, subject, story, channel_names=names))
    return trials


def check_same(trials, others):
    assert len(trials) == len(others)
    for trial, other in zip(trials, others, strict=True):
        np.testing.assert_array_equal(trial.eeg, other.eeg)
        np.testing.assert_array_equal(trial.stimuli, other.stimuli)
        assert trial.eeg.dtype == other.eeg.dtype
        assert (trial.sfreq, trial.channel_names) == (other.sfreq, other.channel_names)
        assert trial.attended == other.attended


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("same", [True, False])
def test_written_trials_come_back(tmp_path, rng, same, dtype):
    trials = single_talker(rng, same=same, dtype=dtype)
    write_trials(tmp_path / "cnd", trials, feature="Rhythm", device="Simulator")
    stimuli = ["dataStim.mat"] if same else ["dataStim1.mat", "dataStim2.mat"]
    assert sorted(file.name for file in (tmp_path / "cnd").iterdir()) == [
        *stimuli,
        "dataSub1.mat",
        "dataSub2.mat",
    ]
    back = cnd.load(tmp_path / "cnd", feature="Rhythm")
    check_same(trials, back)
    assert [trial.subject for trial in back] == ["sub-01"] * 3 + ["sub-02"] * 3
    assert [trial.story for trial in back] == ["stimulus-01", "stimulus-02", "stimulus-03"] * 2


def test_one_trial_and_no_channel_names_come_back(tmp_path, rng):
    trials = [Trial(rng.normal(size=(128, 1)), rng.random((1, 128)), 100.0, 0)]
    write_trials(tmp_path, trials)
    check_same(trials, cnd.load(tmp_path))


def test_repetitions_and_order_of_presentation_come_back(tmp_path, rng):
    first, second, third = single_talker(rng, subjects=("A",))
    trials = [third, first, third.replace(eeg=third.eeg[::-1]), second]
    write_trials(tmp_path, trials)
    back = cnd.load(tmp_path)
    check_same(trials, back)
    assert [trial.story[-1] for trial in back] == ["3", "1", "3", "2"]


def test_a_folder_that_was_loaded_can_be_written(tmp_path, rng):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    write_cnd(tmp_path / "first", rng)
    trials = cnd.load(tmp_path / "first")
    write_trials(tmp_path / "second", trials)
    back = cnd.load(tmp_path / "second")
    check_same(trials, back)
    assert [trial.label for trial in back] == [trial.label for trial in trials]


def test_electrodes_are_where_mne_has_them(tmp_path, rng):
    trial = Trial(rng.normal(size=(128, 64)), rng.random((1, 128)), 64, channel_names=BIOSEMI_64)
    write_trials(tmp_path, [trial])
    eeg = loadmat(tmp_path / "dataSub1.mat", struct_as_record=False)["eeg"][0, 0]
    montage = mne.channels.make_standard_montage("biosemi64").get_positions()["ch_pos"]
    for channel in eeg.chanlocs.ravel():
        x, y, z = montage[channel.labels.item()] / np.linalg.norm(montage[channel.labels.item()])
        # EEGLAB: X to the nose, Y to the left ear; MNE: x to the right ear, y to the nose.
        ours = [channel.X.item(), channel.Y.item(), channel.Z.item()]
        np.testing.assert_allclose(ours, [y, -x, z], rtol=0, atol=1e-3)
        if abs(z) < 0.999:
            angle = np.radians(channel.theta.item())
            flat = channel.radius.item() * np.array([np.sin(angle), np.cos(angle)])
            expected = np.arccos(z) / np.pi * np.array([x, y]) / np.hypot(x, y)
            np.testing.assert_allclose(flat, expected, rtol=0, atol=1e-3)


def test_what_the_format_cannot_hold_is_refused(tmp_path, rng):
    trials = simulate_two_talkers(n_trials=1, n_channels=4, duration=10, random_state=0).trials
    with pytest.raises(ValueError, match=r"trials\[0\] has 2 stimuli, a CND trial has one: keep"):
        write_trials(tmp_path, trials)
    kept = [trial.replace(stimuli=trial.stimuli[[trial.attended]], attended=0) for trial in trials]
    write_trials(tmp_path, kept)
    check_same(kept, cnd.load(tmp_path))
    with pytest.raises(FileExistsError, match=r"\['dataStim\.mat', 'dataSub1\.mat'\] already"):
        write_trials(tmp_path, kept)


def test_real_miniature_comes_back(tmp_path, shared_data):
    trials = cnd.load(shared_data("eeg/cnd_mini"))
    write_trials(tmp_path, trials)
    check_same(trials, cnd.load(tmp_path))
