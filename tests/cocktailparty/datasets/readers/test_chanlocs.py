from types import SimpleNamespace

import numpy as np
import pytest

from cocktailparty.datasets import write_cnd as write_trials
from cocktailparty.datasets.corpora import cnd
from cocktailparty.datasets.readers.chanlocs import read_chanlocs, written_chanlocs
from cocktailparty.electrodes.biosemi import BIOSEMI_64, head_positions
from cocktailparty.electrodes.montages import locate, places_of
from tests.cocktailparty.datasets.miniatures import struct_array, write_cnd


def channel(name: str, **values: float) -> SimpleNamespace:
    """A struct as scipy.io.loadmat gives it, with every value in an array of its own."""
    fields = {key: np.array([[value]]) for key, value in values.items()}
    return SimpleNamespace(labels=np.array([name]), **fields)


def structs(*channels: SimpleNamespace) -> np.ndarray:
    row = np.empty((1, len(channels)), dtype=object)
    row[0, :] = channels
    return row


@pytest.mark.parametrize(("unit", "radius"), [(1.0, 0.095), (9.0, 0.09), (85.0, 0.085), (0.1, 0.1)])
def test_the_nose_is_where_x_points_whatever_the_unit(unit, radius) -> None:
    names, places = read_chanlocs(
        structs(
            channel("Fpz", X=unit, Y=0.0, Z=0.0),
            channel("T7", X=0.0, Y=1.1 * unit, Z=0.0),
            channel("Cz", X=0.0, Y=0.0, Z=0.9 * unit),
        ),
        "S1.mat: eeg.chanlocs",
    )
    assert names == ["Fpz", "T7", "Cz"]
    np.testing.assert_allclose(places, radius * np.array([[0, 1, 0], [-1.1, 0, 0], [0, 0, 0.9]]))


@pytest.mark.parametrize("unit", [1.0, 95.0])
def test_a_sphere_is_where_mne_has_that_of_a_cap(unit) -> None:
    x, y, z = unit * head_positions(BIOSEMI_64).T
    cap = [channel(n, X=y[i], Y=-x[i], Z=z[i]) for i, n in enumerate(BIOSEMI_64)]
    expected = locate(BIOSEMI_64, "biosemi64").positions
    np.testing.assert_allclose(read_chanlocs(structs(*cap), "")[1], expected, atol=1e-4)


def test_a_file_of_eeglab_is_read_as_mne_reads_it(rng) -> None:
    # MNE's reader of .set files has its own code for the same fields.
    from mne.io.eeglab.eeglab import _get_montage_information

    xyz = rng.normal(size=(6, 3))
    xyz *= rng.uniform(80, 100, size=(6, 1)) / np.linalg.norm(xyz, axis=1, keepdims=True)
    found = [dict(zip("XYZ", row, strict=True), labels=f"E{i}") for i, row in enumerate(xyz)]
    montage = _get_montage_information(SimpleNamespace(chanlocs=found), True, montage_units="mm")[
        2
    ].get_positions()["ch_pos"]
    ours = read_chanlocs(
        structs(*(channel(c["labels"], **{k: c[k] for k in "XYZ"}) for c in found)), ""
    )
    np.testing.assert_allclose(ours[1], [montage[name] for name in ours[0]])


def test_the_flat_map_serves_without_coordinates() -> None:
    _, places = read_chanlocs(
        structs(
            channel("Oz", theta=180.0, radius=0.5),
            channel("C4", theta=90.0, radius=0.25),
            channel("Cz", theta=0.0, radius=0.0),
        ),
        "",
    )
    s = np.sqrt(0.5)
    origin = np.sin(np.radians(25))  # how much the ears are below the middle of the sphere
    expected = 0.095 * np.array([[0, -1, origin], [s, 0, s + origin], [0, 0, 1 + origin]])
    np.testing.assert_allclose(places, expected, atol=1e-12)


def test_channels_without_a_place_do_not_cost_the_others() -> None:
    eye = SimpleNamespace(labels=np.array(["EOG"]), X=np.zeros((0, 0)), Y=np.zeros((0, 0)))
    zeros, far = channel("EMG", X=0.0, Y=0.0, Z=0.0), channel("GSR", X=900.0, Y=0.0, Z=0.0)
    head = [channel("Cz", X=0.0, Y=0.0, Z=90.0), channel("Fz", X=60.0, Y=0.0, Z=60.0)]
    _, places = read_chanlocs(structs(*head, eye, zeros, far), "")
    assert np.isnan(places).all(axis=1).tolist() == [False, False, True, True, True]
    assert read_chanlocs(structs(eye, zeros), "")[1] is None
    assert read_chanlocs(structs(channel("Cz")), "") == (["Cz"], None)
    assert read_chanlocs(None, "") == (None, None)


def test_distances_that_fit_no_unit_are_named() -> None:
    with pytest.warns(
        UserWarning, match=r"S1: the electrodes are 3000 from .* left out.*--montage"
    ):
        assert read_chanlocs(structs(channel("Cz", X=0.0, Y=0.0, Z=3e3)), "S1")[1] is None


@pytest.mark.parametrize("digitised", [False, True])
def test_what_is_written_is_read_back(rng, digitised) -> None:
    places = locate([*BIOSEMI_64[:8], "EXG1"], "biosemi64").positions
    if digitised:
        places *= rng.uniform(0.9, 1.1, size=(9, 1))
    written = written_chanlocs([*BIOSEMI_64[:8], "EXG1"], places)
    assert written["X"][0, 8].shape == (0, 0)
    back = structs(
        *(
            SimpleNamespace(**{key: np.atleast_2d(row[key]) for key in written.dtype.names})
            for row in written[0]
        )
    )
    names, again = read_chanlocs(back, "")
    assert names == [*BIOSEMI_64[:8], "EXG1"]
    np.testing.assert_allclose(again, places)


def test_trials_of_a_set_are_where_its_file_says(tmp_path, rng) -> None:
    # The names of a BioSemi cap are ambiguous where only four of them are known.
    names = ["Fz", "Cz", "T7", "Oz"]
    x, y, z = head_positions(names).T
    labels = [
        {"labels": f"A{i + 1}", "X": y[i], "Y": -x[i], "Z": z[i], "theta": 0.0} for i in range(4)
    ]
    write_cnd(tmp_path, rng, n_subjects=1, eeg={"chanlocs": struct_array(labels)})
    trials = cnd.load(tmp_path)
    expected = locate(names, "biosemi64").positions
    np.testing.assert_allclose(trials[0].channel_positions, expected, atol=1e-4)
    places = places_of(trials)
    assert places.source == "chanlocs of dataSub1.mat"
    write_trials(tmp_path / "again", trials)
    again = cnd.load(tmp_path / "again")
    np.testing.assert_allclose(again[0].channel_positions, places.positions)


def test_the_published_set_has_places(shared_data) -> None:
    trial = cnd.load(shared_data("eeg/cnd_mini"))[0]
    # The file has the angles of the cap in half degrees.
    expected = locate(trial.channel_names, "biosemi128").positions
    np.testing.assert_allclose(trial.channel_positions, expected, atol=2e-3)
