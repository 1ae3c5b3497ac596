import mne
import numpy as np
import pytest

from cocktailparty.recordings.formats.edf_units import stated_units
from cocktailparty.recordings.trials import event_times, read_eeg, trial_from_raw
from tests.cocktailparty.edffiles import write_edf, write_gdf

RATE = 64


def written(file, rng, unit, bdf=False):
    microvolts = [10 * rng.normal(size=20 * RATE) for _ in range(2)]
    write_edf(file, microvolts, [RATE] * 2, ["Fz", "Cz"], bdf=bdf)
    content = file.read_bytes()
    assert content.count(b"uV      " * 2) == 1
    replaced = unit.encode("latin-1").ljust(8) + b"uV      "
    file.write_bytes(content.replace(b"uV      " * 2, replaced))
    return np.array(microvolts)


@pytest.mark.filterwarnings("ignore::cocktailparty.suspicions.RecordingWarning")  # 10 V of EEG
@pytest.mark.parametrize(
    ("unit", "volts"),
    [
        *((unit, 1e-6) for unit in ("uV", "µV", "UV", "uv", "Uv", "µv")),
        *((unit, 1e-3) for unit in ("mV", "mv", "MV")),
        ("nV", 1e-9),
        ("V", 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore:the EEG is 5 V in root mean square")  # as it is here
@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_units_are_volts_however_they_are_spelt(tmp_path, rng, suffix, unit, volts):
    file = tmp_path / f"a.{suffix}"
    stored = written(file, rng, unit, suffix == "bdf")
    assert stated_units(file)[:2] == [unit, "uV"]
    expected = stored * np.array([[volts], [1e-6]])
    step = 0.1 if suffix == "edf" else 1 / 32
    for arguments in ({}, {"preload": True}):
        raw = read_eeg(file, **arguments)
        np.testing.assert_allclose(raw.get_data("eeg") / [[volts], [1e-6]], stored, atol=step)
        trial = trial_from_raw(raw, [], reference=None, l_freq=None, h_freq=None)
        np.testing.assert_allclose(trial.eeg.std(axis=0), expected.std(axis=1), rtol=0.01)


@pytest.mark.filterwarnings("ignore::cocktailparty.suspicions.RecordingWarning")
def test_mne_still_takes_units_in_capitals_for_volts(tmp_path, rng):
    stored = written(tmp_path / "a.edf", rng, "UV")
    raw = mne.io.read_raw_edf(tmp_path / "a.edf", verbose="ERROR")
    np.testing.assert_allclose(raw.get_data()[0], stored[0], atol=0.1)
    with pytest.raises(ValueError, match=r"channel\(s\) \['Fz'\] .* open it by .*read_eeg"):
        trial_from_raw(raw, [], reference=None)
    trial_from_raw(raw.pick(["Cz"]), [], reference=None)


def test_units_of_channels_with_rates_of_their_own(tmp_path, rng):
    slow, fast = 10 * rng.normal(size=20 * RATE), rng.normal(size=40 * RATE)
    write_edf(tmp_path / "a.edf", [slow, fast], [RATE, 2 * RATE], ["Fz", "EMG"])
    content = (tmp_path / "a.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(content.replace(b"uV      ", b"UV      "))
    raw = read_eeg(tmp_path / "a.edf")
    trial = trial_from_raw(raw, [], 5.3, picks=["Fz"], reference=None, l_freq=None, h_freq=None)
    assert trial.eeg.std() == pytest.approx(1e-6 * slow.std(), rel=0.1)


def test_headers_filled_with_zeros(tmp_path, rng):
    stored = written(tmp_path / "a.edf", rng, "UV")
    content = bytearray((tmp_path / "a.edf").read_bytes())
    content[252:256] = b"2\0\0\0"
    (tmp_path / "a.edf").write_bytes(content)
    np.testing.assert_allclose(1e6 * read_eeg(tmp_path / "a.edf").get_data(), stored, atol=0.1)


def test_units_of_picked_channels(tmp_path, rng):
    stored = written(tmp_path / "a.edf", rng, "UV")
    raw = read_eeg(tmp_path / "a.edf").pick(["Cz", "Fz"])
    raw.reorder_channels(["Cz", "Fz"])
    np.testing.assert_allclose(1e6 * raw.get_data(), stored[::-1], atol=0.1)
    trial_from_raw(raw, [], reference=None)


def test_units_of_gdf(tmp_path, rng):
    stored = 10 * rng.normal(size=20 * RATE)
    write_gdf(tmp_path / "a.gdf", [stored, stored], [RATE] * 2, ["Fz", "Cz"])
    content = (tmp_path / "a.gdf").read_bytes()
    unit = b"uV".ljust(8, b"\0")
    (tmp_path / "a.gdf").write_bytes(content.replace(unit * 2, b"mV".ljust(8, b"\0") + unit))
    raw = read_eeg(tmp_path / "a.gdf")
    np.testing.assert_allclose(raw.get_data(), [1e-3 * stored, 1e-6 * stored], atol=1e-4)
    assert raw.get_data()[1].std() == pytest.approx(1e-6 * stored.std(), rel=1e-3)


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_a_start_within_a_second_moves_no_event(tmp_path, kind):
    """The first sample was taken at 0.25 s of the header's time, by which events are stated."""
    x = np.zeros(20 * RATE)
    x[339] = 500.0  # at 5.297 s of the recording
    times = np.arange(20) + 0.25
    write_edf(tmp_path / "a.edf", [x], [RATE], ["Fz"], kind=kind, times=times,
              notes=[(0.25 + 339 / RATE, "click")])  # fmt: skip
    raw = read_eeg(tmp_path / "a.edf")
    (time,) = event_times(raw, "click")
    assert time == pytest.approx(339 / RATE, abs=1e-6)
    assert raw.times[raw.get_data("eeg")[0].argmax()] == pytest.approx(time)
