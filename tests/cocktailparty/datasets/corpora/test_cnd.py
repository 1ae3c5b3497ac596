import numpy as np
import pytest

from cocktailparty import datasets
from cocktailparty.datasets.corpora import cnd
from tests.cocktailparty.datasets.matfiles import save73
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
        ({"eeg": {"paddingStartSample": [[1, 2]]}}, r"paddingStartSample has 2 entries but .* 3 t"),
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


def as_scripts_write_it(folder, rng, variable="eeg", name="dataSub1.mat", sfreq=512, padding=768):
    """Write two trials of sines of known phase, from which the stimulus follows; return both."""
    stimuli, eegs = [], []
    for n_times in (640, 704):
        times = np.arange(n_times) / 64
        stimuli.append(np.sin(2 * np.pi * 3 * times)[:, None])
        moments = (np.arange(padding + n_times * sfreq // 64) - padding) / sfreq
        eegs.append(np.sin(2 * np.pi * 3 * moments)[:, None] * [1.0, -2.0] + [10.0, -40.0])
    stim = {"names": row_of_cells(["Envelope"]), "data": row_of_cells(stimuli), "fs": 64.0}
    recording = {"data": row_of_cells(eegs), "fs": float(sfreq), "paddingStartSample": padding}
    save73(folder / "dataStim.mat", stim=stim)
    save73(folder / name, **{variable: recording})
    return stimuli, eegs


@pytest.mark.parametrize("padding", [0, 768])
@pytest.mark.parametrize("variable", ["eeg", "neural", "meg"])
@pytest.mark.parametrize("name", ["dataSub1.mat", "dataSub01.mat", "pre_dataSub1.mat"])
def test_folders_of_the_official_scripts(tmp_path, rng, variable, name, padding):
    stimuli, _ = as_scripts_write_it(tmp_path, rng, variable, name, padding=padding)
    trials = cnd.load(tmp_path)
    assert [trial.subject for trial in trials] == ["sub-01"] * 2
    for trial, stimulus in zip(trials, stimuli, strict=True):
        assert (trial.sfreq, trial.eeg.dtype) == (64, np.float64)
        np.testing.assert_array_equal(trial.stimuli[0], stimulus)
        # The EEG is the stimulus, with gains and offsets: they lie on each other to the sample.
        expected = stimulus * [1.0, -2.0] + [10.0, -40.0]
        inner = slice(12, -12)
        np.testing.assert_allclose(trial.eeg[inner], expected[inner], rtol=0, atol=2e-3)
        assert np.abs(trial.eeg - expected).max() < 0.5  # no step of the offset at the ends


def test_eeg_that_is_slower_than_the_stimulus_sets_the_rate(tmp_path, rng):
    as_scripts_write_it(tmp_path, rng, sfreq=32, padding=0)
    first = cnd.load(tmp_path)[0]
    assert (first.sfreq, first.n_times) == (32, 320)
    times = np.arange(20, 300) / 32
    np.testing.assert_allclose(
        first.stimuli[0, 20:300, 0], np.sin(2 * np.pi * 3 * times), rtol=0, atol=2e-3
    )


def test_rates_that_differ_by_rounding_are_one(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"fs": 64 * (1 + 1e-9)})
    assert cnd.load(tmp_path)[0].sfreq == 64


def test_padding_of_each_trial(tmp_path, rng):
    eegs = [rng.normal(size=(320, 4)) for _ in range(3)]
    changes = {"data": row_of_cells(eegs), "paddingStartSample": [[64, 0, 32]]}
    write_cnd(tmp_path, rng, n_subjects=1, eeg=changes)
    for trial, eeg, padding in zip(cnd.load(tmp_path), eegs, (64, 0, 32), strict=True):
        np.testing.assert_array_equal(trial.eeg, eeg[padding : padding + trial.n_times])


def test_preprocessed_files_beside_the_others(tmp_path, rng):
    as_scripts_write_it(tmp_path, rng)
    as_scripts_write_it(tmp_path, rng, "eeg", "pre_dataSub1.mat")
    for preprocessed, stem in {None: "dataSub1", False: "dataSub1", True: "pre_dataSub1"}.items():
        names = [trial.name for trial in cnd.load(tmp_path, preprocessed=preprocessed)]
        assert names == [f"{stem} trial 1", f"{stem} trial 2"]
    (tmp_path / "pre_dataSub1.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file pre_dataSub\{n\}\.mat"):
        cnd.load(tmp_path, preprocessed=True)


def test_two_files_of_one_subject_are_refused(tmp_path, rng):
    as_scripts_write_it(tmp_path, rng)
    as_scripts_write_it(tmp_path, rng, name="dataSub01.mat")
    with pytest.raises(ValueError, match=r"dataSub01\.mat and .*dataSub1\.mat are of one subject"):
        cnd.load(tmp_path)


def test_two_recordings_in_a_file_are_refused(tmp_path, rng):
    write_cnd(tmp_path, rng, n_subjects=1)
    save(tmp_path, "dataSub1.mat", eeg={"fs": 64}, meg={"fs": 64})
    with pytest.raises(ValueError, match=r"dataSub1\.mat holds \['eeg', 'meg'\], expected one"):
        cnd.load(tmp_path)


def test_several_features_are_joined(tmp_path, rng):
    features = write_cnd(tmp_path, rng, n_subjects=1)
    trials = cnd.load(tmp_path, feature=["Spectrogram", 0])
    for trial, (envelope, spectrogram) in zip(trials, features.T, strict=True):
        assert trial.n_features == 6
        np.testing.assert_array_equal(trial.stimuli[0], np.c_[spectrogram, envelope][:256])
    with pytest.raises(ValueError, match=r"feature must be one of .* got 'Word'"):
        cnd.load(tmp_path, feature=["Spectrogram", "Word"])
    with pytest.raises(ValueError, match="feature must name at least one"):
        cnd.load(tmp_path, feature=[])


def test_features_of_unequal_length_are_not_joined(tmp_path, rng):
    data = np.empty((2, 1), dtype=object)
    data[0, 0], data[1, 0] = rng.random((256, 1)), rng.random((255, 1))
    write_cnd(tmp_path, rng, n_subjects=1, n_trials=1, stim={"data": data})
    with pytest.raises(ValueError, match=r"dataStim\.mat, trial 1: .* \[256, 255\] samples"):
        cnd.load(tmp_path, feature=[0, 1])


def test_nan_of_a_recording_that_is_resampled_is_refused(tmp_path, rng):
    _, (eeg, other) = as_scripts_write_it(tmp_path, rng)
    eeg[900, 1] = np.nan
    recording = {"data": row_of_cells([eeg, other]), "fs": 512.0, "paddingStartSample": 768}
    save73(tmp_path / "dataSub1.mat", eeg=recording)
    with pytest.raises(ValueError, match=r"dataSub1\.mat, trial 1: the recording has 1 NaN"):
        cnd.load(tmp_path)


def test_channels_in_rows_are_named(tmp_path, rng):
    eegs = [rng.normal(size=(4, 300)) for _ in range(3)]
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"data": row_of_cells(eegs)})
    with pytest.raises(
        ValueError, match=r"dataSub.*, trial 1: eeg\.data has shape \(4, 300\).*\.T"
    ):
        cnd.load(tmp_path)


def test_stimuli_that_were_saved_preprocessed_only(tmp_path, rng):
    stimuli, _ = as_scripts_write_it(tmp_path, rng, name="pre_dataSub1.mat")
    (tmp_path / "dataStim.mat").rename(tmp_path / "pre_dataStim.mat")
    trials = datasets.load(tmp_path)
    np.testing.assert_array_equal(trials[0].stimuli[0], stimuli[0])
    (tmp_path / "pre_dataStim.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"pre_dataStim\.mat"):
        cnd.load(tmp_path)


def test_the_folder_around_the_one_of_the_format(tmp_path, rng):
    (tmp_path / "dataCND").mkdir()
    (tmp_path / "README.md").write_text("An experiment.")
    as_scripts_write_it(tmp_path / "dataCND", rng)
    assert datasets.detect(tmp_path).key == "cnd"
    assert [trial.name for trial in datasets.load(tmp_path)] == [
        "dataSub1 trial 1",
        "dataSub1 trial 2",
    ]
    # Files that lie in the folder itself are meant.
    as_scripts_write_it(tmp_path, rng, name="dataSub2.mat")
    assert {trial.subject for trial in datasets.load(tmp_path)} == {"sub-02"}
