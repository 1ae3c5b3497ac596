import mne
import numpy as np
import pytest
from scipy.signal import firwin, oaconvolve

from cocktailparty.preprocessing import bandpass
from cocktailparty.provenance import methods_text
from cocktailparty.recordings.eeg import raw_from_array
from cocktailparty.recordings.trials import trial_from_raw, trials_from_raw
from cocktailparty.suspicions import RecordingWarning, suspicions

SFREQ, SECONDS, N = 128, 40, 8
NAMES = [f"E{i}" for i in range(N)]


@pytest.fixture
def eeg(rng):
    """Volts: noise of eight channels that have something in common, as references give them."""
    common = rng.normal(size=(SECONDS * SFREQ, 1))
    return 1e-5 * (rng.normal(size=(SECONDS * SFREQ, N)) + 2 * common)


@pytest.fixture
def sounds(rng):
    return [rng.random(20 * 64) for _ in range(2)]


def recording(eeg):
    info = mne.create_info(NAMES[: eeg.shape[1]], SFREQ, "eeg")
    return mne.io.RawArray(eeg.T, info, verbose="WARNING")


def found(eeg, **arguments):
    names = NAMES[: eeg.shape[1]]
    return suspicions(eeg, bandpass(eeg, SFREQ, 1, 9), names, SFREQ, 1, 9, volts=True, **arguments)


def test_ordinary_eeg_is_not_suspected(eeg, rng):
    assert found(eeg, stated=(0.0, 64.0)) == []
    assert found(eeg + rng.normal(size=N)) == []  # offsets of electrodes
    assert found(eeg * np.geomspace(0.2, 5, N)) == []
    drift = np.zeros(N)
    drift[2] = 0.1
    assert found(eeg + np.linspace(0, 1, len(eeg))[:, None] * drift) == []
    for few in (1, 2, 3):
        assert found(eeg[:, :few]) == []
    tone = np.sin(2 * np.pi * 4 * np.arange(len(eeg)) / SFREQ)[:, None]
    assert found(1e-5 * tone * rng.normal(size=N)) == []  # no noise from which to tell a filter


@pytest.mark.parametrize("factor", [30, 1000, 1e6])
def test_a_gain_is_seen(eeg, factor):
    eeg[:, 3] *= factor
    (told,) = found(eeg)
    assert told.startswith("channel(s) ['E3'] are more than 20 times as large as the others, ")
    assert float(told.split()[-4]) == pytest.approx(factor, rel=0.6)


@pytest.mark.parametrize("factor", [1 / 30, 1e-3, 1e-6])
def test_a_channel_that_records_next_to_nothing_is_seen(eeg, factor):
    """Under an average reference it would look as alive as the others."""
    eeg[:, 3] *= factor
    drift = np.linspace(0, 1e-3, len(eeg))
    for recorded in (eeg, eeg + drift[:, None] * (np.arange(N) == 3)):
        (told,) = found(recorded)
        assert told.startswith("channel(s) ['E3'] are less than 1/20 as large as the others")


@pytest.mark.parametrize(("large", "size"), [(3, "more than 20"), (4, "less than 1/20")])
def test_channels_beside_much_larger_ones_are_not_called_equal(eeg, large, size):
    eeg[:, :large] *= 1000
    (told,) = found(eeg)
    assert size in told


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_equal_channels_are_seen(eeg, rng, noise):
    eeg[:, 5] = eeg[:, 1] + noise * 1e-5 * rng.normal(size=len(eeg))
    (told,) = found(eeg)
    assert told == "these pairs of channels are equal, bridged by gel or copied: E1 and E5"
    assert found(eeg[:, :5]) == []
    (told,) = found(eeg[:, [1, 1, 2]])
    assert told.endswith("copied: E0 and E1")


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (1e6, "were microvolts taken for volts"),
        (1e3, "or millivolts"),
        (1e-6, "divided by a million twice"),
    ],
)
def test_a_wrong_unit_is_seen_where_the_unit_is_known(eeg, sounds, factor, told):
    with pytest.warns(RecordingWarning, match=told):
        trial_from_raw(recording(eeg * factor), sounds, 5.0)
    array = raw_from_array(eeg * factor, SFREQ, NAMES, NAMES, "eeg.npy")
    assert trial_from_raw(array, sounds, 5.0).n_channels == N


@pytest.mark.parametrize("edge", [3, 5, 6])
def test_a_low_pass_below_the_band_is_seen_by_its_spectrum(eeg, edge):
    taps = firwin(2 * SFREQ + 1, edge, fs=SFREQ)[:, None]
    (told,) = found(oaconvolve(eeg, taps, mode="same", axes=0))
    assert told.startswith("the recording was low-passed below the upper edge of 9 Hz")
    taps = firwin(2 * SFREQ + 1, 10, fs=SFREQ)[:, None]
    assert found(oaconvolve(eeg, taps, mode="same", axes=0)) == []


def test_filters_that_the_file_states_are_seen(eeg):
    assert found(eeg, stated=(0.0, 5.0)) == [
        "the file says that it was low-passed at 5 Hz, below the upper edge of 9 Hz"
    ]
    assert found(eeg, stated=(2.0, 64.0)) == [
        "the file says that it was high-passed at 2 Hz, above the lower edge of 1 Hz"
    ]
    assert found(eeg, stated=(1.0, 9.0)) == []


def test_a_channel_that_stands_still_is_seen(eeg):
    eeg[1000 : 1000 + 5 * SFREQ, 2] = 1e-5
    (told,) = found(eeg)
    assert told == "channel(s) ['E2'] stand still for up to 5.0 s"


def test_it_is_told_once_before_the_average_spreads_it_and_in_the_report(eeg, sounds):
    eeg[:, 3] *= 1000
    raw = recording(eeg)
    with pytest.warns(RecordingWarning) as caught:
        trials = trials_from_raw(raw, [2.0, 6.0, 10.0], [sounds] * 3, attended=0)
    assert len(caught) == 1
    told = "channel(s) ['E3'] are more than 20 times as large as the others, 1000 times at most"
    assert str(caught[0].message) == told
    assert [line for line in methods_text(trials) if "E3'" in line] == [
        f"Warning of the loader: {told}"
    ]
    raw.info["bads"] = ["E3"]
    assert "warnings" not in trial_from_raw(raw, sounds, 2.0).provenance
