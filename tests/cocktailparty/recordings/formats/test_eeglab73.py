import mne
import numpy as np
import pytest
from scipy.io import savemat

from cocktailparty.recordings.eeg import read_eeg
from tests.cocktailparty.datasets.matfiles import save73

pytest.importorskip("h5py")


def eeglab(rng, n_times=1000, **changes):
    """Content of a recording as EEGLAB saves it."""
    places = [("Fz", 80.0, 0.0, 60.0), ("Cz", 0.0, 0.0, 100.0), ("HEOG", 90.0, 40.0, -10.0)]
    fields = [("labels", object), ("type", object)] + [(axis, object) for axis in "XYZ"]
    chanlocs = np.empty((1, 3), fields)
    for i, (name, *place) in enumerate(places):
        kind = "EOG" if name == "HEOG" else "EEG"
        chanlocs[0, i] = (name, kind, *place)
    events = [("S 1", 101.0, 0.0), ("boundary", 500.5, 64.0), ("S 2", 801.0, 0.0)]
    event = np.empty((1, 3), [("type", object), ("latency", object), ("duration", object)])
    event[0] = events
    content = {
        "setname": "a",
        "nbchan": 3.0,
        "trials": 1.0,
        "pnts": float(n_times),
        "srate": 250.0,
        "xmin": 0.0,
        "xmax": (n_times - 1) / 250,
        "data": rng.normal(size=(3, n_times)).astype("f4"),
        "chanlocs": chanlocs,
        "chaninfo": {"plotrad": np.zeros((0, 0)), "nosedir": "+X"},
        "ref": "common",
        "event": event,
        "urevent": np.zeros((0, 0)),
        "epoch": np.zeros((0, 0)),
        "etc": {"eeglabvers": "2024.0"},
    }
    return {**content, **changes}


def assert_same(raw, other):
    assert raw.ch_names == other.ch_names
    assert raw.get_channel_types() == other.get_channel_types()
    assert raw.info["sfreq"] == other.info["sfreq"]
    np.testing.assert_allclose(raw.get_data(), other.get_data(), rtol=1e-6)
    for channel, other_channel in zip(raw.info["chs"], other.info["chs"], strict=True):
        np.testing.assert_allclose(channel["loc"], other_channel["loc"], rtol=1e-6)
    for name in ("onset", "duration", "description"):
        assert list(getattr(raw.annotations, name)) == list(getattr(other.annotations, name))


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_a_recording_is_the_same_as_in_an_older_file(tmp_path, rng, nested, beside):
    content = eeglab(rng)
    data = content["data"]
    if beside:
        data.T.tofile(tmp_path / "a.fdt")
        content["data"] = "a.fdt"
    savemat(tmp_path / "a.set", {"EEG": content} if nested else content)
    older = read_eeg(tmp_path / "a.set").load_data()
    np.testing.assert_allclose(older.get_data(), 1e-6 * data, rtol=1e-6)
    save73(tmp_path / "a.set", **({"EEG": content} if nested else content))
    raw = read_eeg(tmp_path / "a.set")
    assert_same(raw, older)
    assert raw.ch_names == ["Fz", "Cz", "HEOG"]
    assert list(raw.annotations.description) == ["S 1", "boundary", "S 2"]
    assert [file.name for file in raw.filenames] == ["a.set"]


def test_arguments_reach_the_reader(tmp_path, rng):
    save73(tmp_path / "a.set", EEG=eeglab(rng))
    raw = read_eeg(tmp_path / "a.set", eog=["HEOG", "Cz"])
    assert raw.get_channel_types() == ["eeg", "eog", "eog"]


def test_a_renamed_file_finds_its_samples(tmp_path, rng):
    content = eeglab(rng)
    content["data"].T.tofile(tmp_path / "b.fdt")
    save73(tmp_path / "b.set", EEG={**content, "data": "a.fdt"})
    np.testing.assert_allclose(read_eeg(tmp_path / "b.set").get_data(), 1e-6 * content["data"])


def test_one_channel_without_a_place_and_no_events(tmp_path, rng):
    empty = np.zeros((0, 0))
    save73(
        tmp_path / "a.set",
        EEG=eeglab(rng, nbchan=1.0, data=rng.normal(size=(1, 1000)), chanlocs=empty, event=empty),
    )
    raw = read_eeg(tmp_path / "a.set")
    assert (raw.ch_names, len(raw.annotations)) == (["EEG 000"], 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 2.0}, r"number of trials is 2: please use mne\.io\.read_epochs_eeglab"),
        ({"data": np.zeros((2, 1000))}, r"data of shape \(2, 1000\) for \(3, 1000\)"),
        ({"data": "other.fdt"}, r"other\.fdt is missing, which holds the samples"),
        ({"pnts": np.zeros((0, 0))}, "pnts of an EEGLAB recording is missing"),
    ],
)
def test_what_is_no_continuous_recording_is_refused(tmp_path, rng, changes, message):
    save73(tmp_path / "a.set", EEG=eeglab(rng, **changes))
    with pytest.raises(OSError, match=rf"a\.set cannot be read .*{message}"):
        read_eeg(tmp_path / "a.set")


@pytest.mark.filterwarnings("ignore")  # of MNE, called directly
def test_mne_by_pymatreader_reads_the_same(tmp_path, rng):
    pytest.importorskip("pymatreader")
    save73(tmp_path / "a.set", EEG=eeglab(rng))
    assert_same(read_eeg(tmp_path / "a.set"), mne.io.read_raw_eeglab(tmp_path / "a.set"))
