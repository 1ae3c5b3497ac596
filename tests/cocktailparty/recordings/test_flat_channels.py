import mne
import numpy as np
import pytest

from cocktailparty.provenance import methods_text
from cocktailparty.recordings.flat_channels import check_on_flat, flat_columns, without_flat
from cocktailparty.recordings.trials import trial_from_raw, trials_from_raw

SFREQ, SECONDS = 128, 60
NAMES = ["Fz", "Cz", "Pz", "Oz", "TP9", "TP10"]


@pytest.fixture
def data(rng):
    return 1e-5 * rng.normal(size=(6, SECONDS * SFREQ))


@pytest.fixture
def sounds(rng):
    return [rng.random(20 * 64) for _ in range(2)]


def recording(data):
    return mne.io.RawArray(data, mne.create_info(NAMES, SFREQ, "eeg"), verbose="WARNING")


def test_columns_that_do_not_move_up_to_rounding(rng):
    x = rng.normal(size=(500, 8)) * 1e-5
    x[:, 1] = 0
    x[:, 3] = -0.262144
    x[:, 4] = 0.3 + 1e-17 * x[:, 0]
    x[:, 6] *= 1e-9  # what a filter leaves of a dead channel
    x[:, 7] += 0.26  # an offset is no fault
    assert flat_columns(x) == [1, 3, 4, 6]
    assert flat_columns(1e6 * x) == [1, 3, 4, 6]
    assert flat_columns(x[:, [0, 1]]) == [1]
    assert flat_columns(x[:, [1, 3]]) == [0, 1]


@pytest.mark.parametrize("reference", [None, "average", ["TP9", "TP10"]])
@pytest.mark.parametrize("value", [0.0, -0.262144])
def test_a_dead_channel_is_named_before_it_is_rereferenced(data, sounds, reference, value):
    data[1], data[3] = value, 0.0
    raw = recording(data)
    told = r"trial 'x': channel\(s\) \['Cz', 'Oz'\] are constant in the recording"
    with pytest.raises(ValueError, match=told):
        trial_from_raw(raw, sounds, 2.0, reference=reference, name="x")
    raw.info["bads"] = ["Cz", "Oz"]
    expected = trial_from_raw(raw, sounds, 2.0, reference=reference)
    raw.info["bads"] = []
    dropped = trial_from_raw(raw, sounds, 2.0, reference=reference, on_flat="drop")
    np.testing.assert_allclose(dropped.eeg, expected.eeg, atol=1e-15)
    assert dropped.channel_names == expected.channel_names
    assert "Left out because they were constant in some trial: Cz, Oz." in methods_text([dropped])


def test_what_is_dead_in_the_trial_only_is_found(data, sounds):
    data[2, 18 * SFREQ : 42 * SFREQ] = 1e-5
    raw = recording(data)
    with pytest.raises(ValueError, match=r"channel\(s\) \['Pz'\] are constant"):
        trial_from_raw(raw, sounds, 20.0)
    assert trial_from_raw(raw, sounds, 5.0, duration=10).n_channels == 6
    # It is left out of all trials, so that they go together.
    arguments = {"on_flat": "drop", "reference": None}
    trials = trials_from_raw(raw, [20.0, 0.0], [sounds] * 2, duration=[20, 12], **arguments)
    assert [trial.channel_names for trial in trials] == [("Fz", "Cz", "Oz", "TP9", "TP10")] * 2
    whole = trial_from_raw(raw, sounds, 0.0, duration=12, reference=None)
    np.testing.assert_array_equal(trials[1].eeg, whole.eeg[:, [0, 1, 3, 4, 5]])


def test_a_dead_reference_is_never_left_out(data, sounds):
    data[5] = 0.0
    raw = recording(data)
    for on_flat, told in [("raise", r"\['TP10'\] are constant"), ("drop", "reference is made of")]:
        with pytest.raises(ValueError, match=told):
            trial_from_raw(raw, sounds, 2.0, reference=["TP9", "TP10"], on_flat=on_flat)


def test_a_recorded_reference_of_zeros_may_be_meant(data, sounds):
    data[1] = 0.0
    trial = trial_from_raw(recording(data), sounds, 2.0, on_flat="keep")
    assert trial.channel_names == tuple(NAMES)
    np.testing.assert_allclose(trial.eeg.sum(axis=1), 0, atol=1e-15)
    assert np.ptp(trial.eeg[:, 1]) > 0


def test_something_must_be_left(data, sounds):
    data[:] = 0.0
    with pytest.raises(ValueError, match="no channel would be left"):
        trial_from_raw(recording(data), sounds, 2.0, on_flat="drop")
    with pytest.raises(ValueError, match=r"on_flat must be one of \['raise', 'drop', 'keep'\]"):
        check_on_flat(True)


def test_places_go_with_their_channels(data, sounds):
    trial = trial_from_raw(recording(data), sounds, 2.0)
    places = 0.01 * np.arange(18.0).reshape(6, 3)
    placed = trial.replace(channel_positions=places)
    other = trial.replace(provenance={"flat": ["Cz"]})
    np.testing.assert_array_equal(
        without_flat([placed, other])[0].channel_positions, places[[0, 2, 3, 4, 5]]
    )
    all_flat = trial.replace(provenance={"flat": NAMES})
    with pytest.raises(ValueError, match="each of the channels"):
        without_flat([all_flat])
