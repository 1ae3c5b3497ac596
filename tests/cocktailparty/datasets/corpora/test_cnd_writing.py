import mne
import numpy as np
import pytest
from scipy.io import loadmat

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.datasets import write_cnd as write_trials
from cocktailparty.datasets.corpora import cnd
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.trial import Trial
from tests.cocktailparty.datasets.miniatures import write_cnd


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
