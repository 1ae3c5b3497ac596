import numpy as np
import pytest

from cocktailparty.datasets.corpora import sparrkulee
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from tests.cocktailparty.datasets.miniatures import truncate
from tests.cocktailparty.datasets.originals import sparrkulee_stem, write_sparrkulee

SOUNDS = ("audiobook_5_1", "audiobook_1", "audiobook_1_shifted")


def eeg_file(folder):
    stem = sparrkulee_stem(1, "ses-shortstories01", 2, "audiobook_1")
    return folder / "derivatives/preprocessed_eeg/sub-001/ses-shortstories01" / f"{stem}.npy"


@pytest.mark.parametrize("feature", ["envelope", "mel"])
@pytest.mark.parametrize("separator", ["_-_", "_"])
def test_a_recording_meets_its_stimulus(tmp_path, rng, feature, separator):
    features = write_sparrkulee(tmp_path, rng, separator=separator)
    trials = sparrkulee.load(tmp_path, feature=feature)
    assert [trial.subject for trial in trials] == ["sub-001"] * 3 + ["sub-002"] * 3
    for trial, sound in zip(trials, SOUNDS * 2, strict=True):
        assert f"-{sound}_eeg" in trial.name
        assert (trial.sfreq, trial.attended, trial.channel_names) == (64, 0, BIOSEMI_64)
        np.testing.assert_array_equal(trial.stimuli[0], features[sound, feature][:637])
    np.testing.assert_array_equal(trials[1].eeg, np.load(eeg_file(tmp_path)).T)


def test_versions_of_a_sound_share_a_story(tmp_path, rng):
    write_sparrkulee(tmp_path, rng)
    stories = [trial.story for trial in sparrkulee.load(tmp_path, subjects=["sub-002"])]
    assert stories == ["audiobook_5_1", "audiobook_1", "audiobook_1"]


def test_unknown_names_are_refused(tmp_path, rng):
    write_sparrkulee(tmp_path, rng)
    with pytest.raises(ValueError, match=r"feature must be one of \('envelope', 'mel'\), got 'wav"):
        sparrkulee.load(tmp_path, feature="wav2vec")
    with pytest.raises(ValueError, match=r"has sub-001, sub-002; name one or more"):
        sparrkulee.load(tmp_path, subjects="sub-01")


def test_missing_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match="preprocessed_eeg has no file sub-001"):
        sparrkulee.load(tmp_path)
    write_sparrkulee(tmp_path, rng)
    (tmp_path / "derivatives/preprocessed_stimuli/audiobook_5_1_-_envelope.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"audiobook_5_1_-_envelope\.npy is missing, and"):
        sparrkulee.load(tmp_path)


def test_truncated_file_is_named(tmp_path, rng):
    write_sparrkulee(tmp_path, rng)
    truncate(eeg_file(tmp_path))
    with pytest.raises(OSError, match=r"run-02_desc-preproc-audio-audiobook_1_eeg\.npy"):
        sparrkulee.load(tmp_path)


@pytest.mark.parametrize(
    ("eeg", "message"),
    [
        (np.ones((640, 64)), r"eeg\.npy must have shape \(64, n_times\), got \(640, 64\)"),
        (np.full((64, 640), np.nan), "eeg has 40960 NaN"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, eeg, message):
    write_sparrkulee(tmp_path, rng)
    np.save(eeg_file(tmp_path), eeg)
    with pytest.raises(ValueError, match=message):
        sparrkulee.load(tmp_path)


def test_a_stimulus_that_lies_on_its_side_is_refused(tmp_path, rng):
    write_sparrkulee(tmp_path, rng)
    file = tmp_path / "derivatives/preprocessed_stimuli/audiobook_5_1_-_envelope.npy"
    np.save(file, np.load(file).T)
    with pytest.raises(ValueError, match=r"'audiobook_5_1' must have shape \(n_times, n_feat"):
        sparrkulee.load(tmp_path)
