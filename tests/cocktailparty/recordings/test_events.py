import mne
import numpy as np
import pytest

from cocktailparty.recordings.trials import event_times

SFREQ = 100.0


def recording(stim=None, first_samp=0):
    data = np.zeros((2, 1000))
    names, types = ["Fz", "Status"], ["eeg", "stim"]
    if stim is not None:
        for start, value in stim:
            data[1, start : start + 3] = value
    n_channels = 1 if stim is None else 2
    info = mne.create_info(names[:n_channels], SFREQ, types[:n_channels])
    return mne.io.RawArray(data[:n_channels], info, first_samp=first_samp, verbose="ERROR")


@pytest.mark.parametrize("first_samp", [0, 250])
@pytest.mark.parametrize("dated", [True, False])
def test_annotations_are_found_by_their_names(first_samp, dated):
    raw = recording(first_samp=first_samp)
    if dated:
        raw.set_meas_date(1.6e9)
    names = ["Stimulus/S  1", "Response/R  1", "Stimulus/S  1", "Stimulus/S 11"]
    raw.set_annotations(mne.Annotations([1.005, 3.0, 5.5, 7.0], 0.0, names))
    for name in ("Stimulus/S  1", "S  1", "S 1", ["S 1"]):
        np.testing.assert_allclose(event_times(raw, name), [1.005, 5.5])
    np.testing.assert_allclose(event_times(raw, ["S 1", "R 1"]), [1.005, 3.0, 5.5])
    np.testing.assert_allclose(event_times(raw.copy().crop(2.0), "S 1"), [3.5])


@pytest.mark.parametrize("first_samp", [0, 250])
def test_triggers_are_found_by_their_values(first_samp):
    raw = recording([(100, 7), (300, 8), (600, 7)], first_samp)
    np.testing.assert_allclose(event_times(raw, "7"), [1.0, 6.0])
    np.testing.assert_allclose(event_times(raw, ["7", "8"]), [1.0, 3.0, 6.0])


def test_the_state_of_an_amplifier_is_no_trigger():
    raw = recording([(100, 7 + 2**16), (300, 8)])  # BioSemi's bit of a new epoch
    np.testing.assert_allclose(event_times(raw, "7"), [1.0])


def test_what_is_not_there_is_refused_with_what_is():
    raw = recording([(100, 7), (600, 7)])
    raw.set_annotations(mne.Annotations([1.0], 0.0, ["go"]))
    with pytest.raises(ValueError, match=r"no event '9'; it has 'go' \(1 times\), '7' \(2 times\)"):
        event_times(raw, ["go", "9"])
    with pytest.raises(ValueError, match=r"no event 'go'; it has none"):
        event_times(recording(), "go")
