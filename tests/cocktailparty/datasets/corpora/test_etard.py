import numpy as np
import pytest

from cocktailparty.datasets.corpora import etard as etard_raw
from cocktailparty.features import speech_envelope
from cocktailparty.model_selection.leakage import check_no_leak
from cocktailparty.model_selection.splits import folds
from tests.cocktailparty.datasets.miniatures import truncate
from tests.cocktailparty.datasets.originals import best_shift, followed, noise_in_rhythm, write_wav
from tests.cocktailparty.datasets.rawfiles import write_etard_raw

h5py = pytest.importorskip("h5py")


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


def load(folder, **arguments):
    return etard_raw.load(folder, envelope=hilbert, reference=None, **arguments)


def test_the_eeg_follows_the_story_which_is_not_always_the_first_stimulus(tmp_path, rng):
    write_etard_raw(tmp_path, rng)
    trials = load(tmp_path)
    assert [trial.name for trial in trials] == [
        f"P{subject}-{condition}-part_{part}"
        for subject in ("00", "03")
        for condition in ("fM", "fW")
        for part in (1, 2)
    ]
    assert [trial.attended for trial in trials] == [0, 0, 1, 1] * 2
    for trial in trials:
        assert trial.n_stimuli == 2
        stimulus, correlation = followed(trial)
        assert stimulus == trial.attended
        assert correlation > 0.9
        assert best_shift(trial) == 0
        assert (trial.sfreq, trial.duration, trial.n_channels) == (64, 6, 63)
        assert trial.channel_names[:2] + trial.channel_names[-1:] == ("AF3", "AF4", "AFz")


def test_one_talker_is_one_stimulus(tmp_path, rng):
    write_etard_raw(tmp_path, rng, conditions=("clean", "hb", "cleanDutch"))
    trials = load(tmp_path, conditions=["cleanDutch", "hb"], subjects=["P03"])
    assert [trial.story for trial in trials] == [
        "cleanDutch-part_1",
        "cleanDutch-part_2",
        "hb-part_1",
        "hb-part_2",
    ]
    for trial in trials:
        assert (trial.n_stimuli, trial.attended, trial.subject) == (1, 0, "P03")
        assert followed(trial)[1] > 0.9


def test_sounds_that_both_conditions_share_stay_on_one_side(tmp_path, rng):
    write_etard_raw(tmp_path, rng)
    for part in (1, 2):
        for role, other in (("story", "distractor"), ("distractor", "story")):
            sound = tmp_path / "audiobooks" / "fM" / f"part_{part}_{other}.wav"
            (tmp_path / "audiobooks" / "fW" / f"part_{part}_{role}.wav").write_bytes(
                sound.read_bytes()
            )
    parts = folds(load(tmp_path), etard_raw.CORPUS.default_cv)
    assert len(parts) == 4  # two subjects, two parts
    for fold in parts:
        check_no_leak(fold)


def test_a_condition_that_a_subject_lacks_is_left_out(tmp_path, rng):
    write_etard_raw(tmp_path, rng)
    with h5py.File(tmp_path / "P00.h5", "a") as file:
        del file["clean"]
    trials = load(tmp_path, conditions="clean")
    assert [trial.subject for trial in trials] == ["P03", "P03"]
    with pytest.raises(ValueError, match=r"has no EEG of the subjects in conditions \['clean'\]"):
        load(tmp_path, conditions="clean", subjects="P00")


def test_unknown_names_are_refused(tmp_path, rng):
    write_etard_raw(tmp_path, rng)
    for wrong in ("fX", ["fM", "babble"], []):
        with pytest.raises(ValueError, match="conditions must be one or more of"):
            load(tmp_path, conditions=wrong)
    with pytest.raises(ValueError, match="has P00, P03; name one or more"):
        load(tmp_path, subjects=["P01"])


def test_missing_and_damaged_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"has no file of a subject, such as P00\.h5"):
        load(tmp_path)
    write_etard_raw(tmp_path, rng)
    (tmp_path / "audiobooks" / "fW" / "part_2_distractor.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"fW.part_2_distractor\.wav is missing, .*fW/part"):
        load(tmp_path)
    truncate(tmp_path / "P00.h5")
    with pytest.raises(OSError, match=r"P00\.h5 cannot be read as an HDF5 file"):
        load(tmp_path)


def test_a_story_that_lacks_its_first_second_is_refused(tmp_path, rng):
    write_etard_raw(tmp_path, rng)
    sound, _ = noise_in_rhythm(rng, 5)
    write_wav(tmp_path / "audiobooks" / "fM" / "part_1_story.wav", sound)
    with pytest.raises(ValueError, match=r"P00\.h5: fM/part_1 lasts 6\.000 s but the story 5\.000"):
        load(tmp_path)
    assert load(tmp_path, tolerance=1.5)[0].duration == 5


@pytest.mark.parametrize(
    ("eeg", "message"),
    [
        (np.ones((63, 6000)), r"fM/part_1: .*channel\(s\) \['AF3', .*are constant"),
        (np.zeros((6000, 63)), r"fM/part_1, .* shape \(n_times, 63\), got .* \(63, 6000\)"),
        (np.full((63, 6000), np.nan), r"fM/part_1: .*the EEG has \d+ NaN"),
        (None, r"P00\.h5: fM has no part_1: is it a file of another data set"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, eeg, message):
    write_etard_raw(tmp_path, rng)
    with h5py.File(tmp_path / "P00.h5", "a") as file:
        del file["fM"]
        file["fM" if eeg is None else "fM/part_1"] = np.ones(3) if eeg is None else eeg
    with pytest.raises(ValueError, match=message):
        load(tmp_path)
