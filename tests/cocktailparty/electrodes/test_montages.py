import mne
import numpy as np
import pytest

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.electrodes.montages import (
    head_info,
    locate,
    places_of,
    recorded_positions,
    with_montage,
)


def cap(name: str) -> list[str]:
    return list(mne.channels.make_standard_montage(name).ch_names)


@pytest.mark.parametrize("name", ["biosemi32", "biosemi64", "biosemi128", "biosemi160"])
def test_whole_caps_are_known_by_their_names(name) -> None:
    places = locate(cap(name))
    info = mne.create_info(cap(name), 1.0, "eeg", verbose="ERROR").set_montage(name)
    np.testing.assert_allclose(places.positions, [c["loc"][:3] for c in info["chs"]])
    assert repr(name) in places.source


@pytest.mark.parametrize(
    "names",
    [
        cap("biosemi128")[:64],  # a cap of 64 electrodes that is labelled A1-B32
        cap("biosemi256")[:128][:-1],
        ["C3", "C4", "F3", "F4"],
        ["A1", "A2"],
        [*cap("biosemi128")[:64], "EXG1", "EXG2"],
    ],
)
def test_names_of_several_caps_are_refused(names) -> None:
    with pytest.raises(ValueError, match=r"several BioSemi caps.*state the montage"):
        locate(names)


def test_a_stated_montage_decides(tmp_path) -> None:
    first = cap("biosemi128")[:64]
    assert not np.isnan(locate(first, "biosemi128").positions).any()
    with pytest.raises(ValueError, match=r"no montage 'biosemy'.*biosemi64"):
        locate(first, "biosemy")
    with pytest.raises(ValueError, match=r"has none of the 2 channels.*\['X1', 'X2'\]"):
        locate(["X1", "X2"], "biosemi64")
    file = tmp_path / "cap.sfp"
    file.write_text("Fz 0.0 7.0 6.0\nCz 0.0 0.0 9.0\nnasion 0 9 0\nlpa -8 0 0\nrpa 8 0 0\n")
    places = locate(["cz", "Fz"], file)
    assert "'cap.sfp'" in places.source
    assert places.positions[0, 2] > places.positions[1, 2]
    file.write_text("nothing of the kind")
    with pytest.raises(ValueError, match=r"cap\.sfp is no file of electrode positions"):
        locate(["Cz"], file)


def test_earlobes_and_external_channels_do_not_cost_the_map() -> None:
    names = [*cap("biosemi64"), "A1", "A2", "EXG1", "EXG2"]
    places = locate(names)
    known = np.isfinite(places.positions).all(axis=1)
    assert known[:64].all()
    assert not known[-2:].any()
    assert len(head_info(places.positions, names)[0]["chs"]) == known.sum()


def test_digitised_positions_are_read_and_zeros_are_none() -> None:
    names = ["Fz", "Cz", "EMG", "Pz"]
    raw = mne.io.RawArray(np.zeros((4, 64)), mne.create_info(names, 64, "eeg"), verbose="ERROR")
    assert recorded_positions(raw, names) is None
    moved = {"Fz": [0.01, 0.08, 0.05], "Cz": [0, 0, 0.1], "EMG": [0, 0, 0], "Pz": [0, -0.08, 0.06]}
    raw.set_montage(mne.channels.make_dig_montage(moved, coord_frame="head"))
    found = recorded_positions(raw, ["Pz", "EMG", "Fz"])
    np.testing.assert_allclose(found[[0, 2]], [moved["Pz"], moved["Fz"]])
    assert np.isnan(found[1]).all()


def test_places_are_a_mean_over_the_trials_that_know_them() -> None:
    trials = simulate_two_talkers(n_trials=3, n_channels=8, random_state=0).trials
    by_names = places_of(trials)
    assert "which has their names" in by_names.source
    placed = with_montage(trials[:1], "biosemi64")
    higher = placed[0].channel_positions + np.array([0, 0, 0.02])
    other = trials[1].replace(channel_positions=higher)
    mean = places_of([*placed, other, trials[2]])
    np.testing.assert_allclose(mean.positions, higher - np.array([0, 0, 0.01]))
    assert "as asked for" in mean.source
    with pytest.raises(ValueError, match="does not name its channels"):
        with_montage([trials[0].replace(channel_names=None)], "biosemi64")
    with pytest.raises(ValueError, match="do not name their channels"):
        places_of([trials[0].replace(channel_names=None)])


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.zeros((3, 3)), r"must have shape \(n_channels, 3\), here \(8, 3\)"),
        (np.full((8, 3), 80.0), "must be in metres"),
    ],
)
def test_impossible_positions_are_refused(positions, message) -> None:
    trial = simulate_two_talkers(n_trials=1, n_channels=8, random_state=0).trials[0]
    with pytest.raises(ValueError, match=message):
        trial.replace(channel_positions=positions)
    assert trial.replace(channel_positions=np.full((8, 3), np.nan)).channel_positions is None
