import numpy as np
import pytest

from cocktailparty.datasets.readers.sound_trials import trial_with_sounds
from cocktailparty.recordings.eeg import raw_from_array

NAMES = ["Fz", "Cz", "Oz"]
PLAIN = {"sfreq": 64.0, "l_freq": None, "h_freq": None, "what": "here"}


def test_array_becomes_a_recording_whose_unit_stays(rng):
    eeg = rng.normal(size=(640, 3)).astype(np.float32)
    copy = eeg.copy()
    raw = raw_from_array(eeg, 64, NAMES, ["Fz", "Cz"], "eeg")
    np.testing.assert_array_equal(raw.get_data().T, eeg)
    assert raw.get_channel_types() == ["eeg", "eeg", "misc"]
    raw.apply_function(lambda x: 0 * x, picks="all", verbose="ERROR")
    np.testing.assert_array_equal(eeg, copy)


def test_unfit_array_is_refused(rng):
    eeg = rng.normal(size=(640, 3))
    for wrong in (eeg[:, :2], eeg.T, eeg[0], eeg.astype(str)):
        with pytest.raises(ValueError, match=r"S1: eeg must be numbers of shape \(n_times, 3\)"):
            raw_from_array(wrong, 64, NAMES, NAMES, "S1: eeg")


def test_dead_electrode_is_refused_but_no_other_channel(rng):
    eeg = rng.normal(size=(640, 3))
    eeg[:, 2] = 7
    sounds = [rng.random((640, 1))]
    raw = raw_from_array(eeg, 64, NAMES, ["Fz", "Cz"], "eeg")
    assert trial_with_sounds(raw, sounds, **PLAIN).n_channels == 2
    raw = raw_from_array(eeg, 64, NAMES, NAMES, "eeg")
    with pytest.raises(ValueError, match=r"^here: channel\(s\) \['Oz'\] are constant"):
        trial_with_sounds(raw, sounds, **PLAIN)
    assert trial_with_sounds(raw, sounds, on_flat="drop", **PLAIN).channel_names == ("Fz", "Cz")


@pytest.mark.parametrize(
    ("lengths", "stop", "expected"),
    [((640, 500), None, 500), ((640, 640), None, 576), ((640, 640), 9.0, 512), ((64,), 9.0, 64)],
)
def test_trial_lasts_as_long_as_all_of_it(rng, lengths, stop, expected):
    raw = raw_from_array(rng.normal(size=(640, 3)), 64, NAMES, NAMES, "eeg")
    sounds = [rng.random((n, 1)) for n in lengths]
    trial = trial_with_sounds(raw, sounds, 1.0, stop=stop, reference=None, **PLAIN)
    assert trial.n_times == expected
    np.testing.assert_allclose(trial.eeg, raw.get_data().T[64 : 64 + expected], atol=1e-12)


def test_mistakes_are_located(rng):
    eeg = rng.normal(size=(640, 3))
    eeg[100] = np.nan
    raw = raw_from_array(eeg, 64, NAMES, NAMES, "eeg")
    with pytest.raises(ValueError, match=r"^here: the EEG has 3 NaN"):
        trial_with_sounds(raw, [rng.random((640, 1))], reference=None, **PLAIN)
